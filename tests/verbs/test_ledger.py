"""The ledger: no row of a table is missing, every command is understood."""
import json
import pathlib
import shlex

import pytest

from jgan import config as configs
from jgan import experiment
from jgan.errors import UserError
from jgan.run import cost
from jgan.verbs import _ours, _papers, _rehearsal, _replication, ledger

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / 'docs' / 'replication.md'
RECORD = json.loads((ROOT / 'docs' / 'replication.json').read_text())

# Rows of each table as printed, and parts of figures, counted in the papers.
ROWS = {
    'mmd_nas': {'Table 1': 3, 'Table 2': 12, 'Figure 1': 2, 'Figure 2': 1,
                'Figure 3': 1, 'Figure 4': 2},
    'alphagan': {'Table 1': 10, 'Table 2': 8, 'Table 3': 10, 'Table 4': 6,
                 'Table 5': 10, 'Table 6': 6, 'Table 7': 6, 'Table 8': 6,
                 'Table 9': 6, 'Figure 1': 3, 'Figure 2': 2, 'Figure 3': 1,
                 'Figure 4': 1, 'Figure 5': 1, 'Figure 6': 1, 'Figure 7': 1,
                 'Figure 8': 1, 'Figure 9': 1, 'Figure 10': 6, 'Figure 11': 1},
    're_gan': {'Table 1': 8, 'Table 2': 8, 'Table 3': 6, 'Table 4': 6,
               'Table 5': 8, 'Table 6': 2, 'Table 7': 7, 'Figure 1': 4,
               'Figure 2': 2, 'Figure 3': 1, 'Figure 4': 4, 'Figure 5': 1,
               'Figure 6': 18, 'Figure 7': 1, 'Supplement': 2},
    'soft_octave': {'Figure 1': 1, 'Figure 2': 1, 'Figure 3': 1, 'Figure 4': 3,
                    'Figure 5': 1, 'Figure 6': 3, 'Figure 7': 1, 'Figure 8': 3,
                    'Figure 9': 2, 'Figure 10': 2},
    'sdp': {'Table I': 14, 'Table II': 8, 'Figure 1': 1, 'Figure 2': 2,
            'Figure 3': 1, 'Figure 4': 2},
}


@pytest.fixture(scope='module')
def papers():
  return _papers.load()


def rows(papers):
  for paper in papers:
    for table in paper.tables:
      for i, row in enumerate(table.rows):
        yield paper, table, i, row


def test_no_row_of_a_table_is_missing(papers):
  assert {paper.family: {table.name: len({row.name for row in table.rows})
                         for table in paper.tables}
          for paper in papers} == ROWS
  for paper in papers:
    for table in paper.tables:
      assert table.count == ROWS[paper.family][table.name]


def test_every_row_has_commands_or_a_reason(papers):
  for paper, table, _, row in rows(papers):
    assert bool(row.commands) != bool(row.out), (paper.family, table.name, row)
    assert row.out or row.data, row


def test_every_value_of_a_table_is_there(papers):
  """But where the paper has a dash."""
  for paper, table, _, row in rows(papers):
    if table.name.startswith('Table') and table.metrics:
      scores = {'FID', 'IS'} & {*table.metrics}
      assert scores & {*row.published}, (paper.family, table.name, row)


def test_published_numbers_agree_with_those_that_the_experiments_name(papers):
  """Typed twice, in docstrings of experiments and here."""
  known = 0
  for _, table, _, row in rows(papers):
    value = row.published.get('FID', '').split(' ')[0]
    location = next((a.removeprefix('--config=') for command in row.commands
                     for a in command if a.startswith('--config=')), '')
    file = location.partition(':')[0]
    if value and row.recipe == 'train' and 'alphagan' not in file and (
        table.name in ('Table I', 'Table II', 'Table 5', 'Table 6')):
      text = (ROOT / file).read_text()
      assert value in text, (file, row.name, row.data, value)
      known += 1
  assert known > 70


QUICK = ('mmd_nas',)
HOW = ('python -m jgan.main --mode=ledger --out=docs/replication.md '
       '--json=docs/replication.json --counted=docs/replication.json')


@pytest.mark.parametrize('family', [
    family if family in QUICK else pytest.param(family, marks=pytest.mark.long)
    for family in ROWS])
def test_every_command_parses_and_gives_what_was_recorded(family, papers):
  """`gather` also completes each config; a run has one wherever it is named."""
  paper, = (paper for paper in papers if paper.family == family)
  counted = dict(RECORD['programs'])
  entries = ledger.gather([paper], counted=counted)
  new = counted.keys() - RECORD['programs'].keys()
  assert not new, f'programs changed, run {HOW}'
  for _, table, i, row in rows([paper]):
    spent = entries[family, table.name, i]['cost']
    assert (spent is None) == bool(row.out)
    if row.recipe in ('train', 'compressed', 'search_and_train', 'curves'):
      assert spent['training'] > 1e12 and spent['scoring'] > 1e12
      assert spent['hours']['v5e']['training'] > 0
  found, = json.loads(json.dumps(ledger.as_json([paper], entries, {})))['papers']
  recorded, = (p for p in RECORD['papers'] if p['family'] == family)
  assert found == recorded, f'run {HOW}'


def test_the_document_is_what_the_verb_writes_of_the_record(papers):
  entries = {
      (paper['family'], table['name'], i):
          {key: row[key] for key in ('cost', 'programs', 'ours')}
      for paper in RECORD['papers'] for table in paper['tables']
      for i, row in enumerate(table['rows'])}
  text = _replication.text(papers, entries, ledger.estimate.SHARE)
  assert text == DOCUMENT.read_text(), f'run {HOW}'
  assert json.loads(json.dumps(ledger.as_json(
      papers, entries, RECORD['programs']))) == RECORD, f'run {HOW}'


@pytest.mark.parametrize('location', [
    'experiments/sdp/cifar10.py:lsgan',
    'experiments/soft_octave/celeba.py:dcgan_oct'])
def test_counts_are_those_of_the_program_of_today(location):
  config = configs.complete(experiment.load(location))
  fresh = {}
  program = cost.Cost(config, fresh).program
  assert fresh[program] == RECORD['programs'][program]


@pytest.mark.long
def test_all_counts_are_those_of_today(papers):
  fresh = {}
  ledger.gather(papers, counted=fresh)
  assert fresh == RECORD['programs']


def test_a_row_that_needs_a_field_says_so(tmp_path, monkeypatch):
  monkeypatch.setattr(experiment, 'FOLDER', tmp_path)
  (tmp_path / 'recipes.toml').write_text(
      "[train]\ncommands = [['--config={config}', '--workdir={run}']]\n")
  (tmp_path / 'mine').mkdir()
  file = tmp_path / 'mine' / 'tables.toml'
  head = "title = 'a'\npaper = 'b'\nprotocol = 'c'\n[[table]]\nname = 'T'\n" \
         "title = 't'\ncount = 1\nmetrics = ['FID']\n"
  file.write_text(head + "rows = [{row='x', config='experiments/a/b.py:c', "
                  "FID='3.0'}]\n")
  (paper,) = _papers.load(runs='R')
  assert paper.tables[0].rows[0].commands == [
      ['--config=experiments/a/b.py:c', '--workdir=R/a_b_c']]
  assert paper.tables[0].rows[0].published == {'FID': '3.0'}
  for row, message in (("{row='x', FID='3'}", 'no field'),
                       ("{row='x', config='y', recipe='tran'}", 'did you mean'),
                       ("{row='x', config='y', FDI='3'}", 'FDI')):
    file.write_text(f'{head}rows = [{row}]\n')
    with pytest.raises(UserError, match=message):
      _papers.load()
  file.write_text('title = \n')
  with pytest.raises(UserError, match='cannot read'):
    _papers.load()


def test_a_command_is_repeated_for_each_value_of_a_list():
  commands = _papers._commands(
      ['--config={config}', '--workdir={run}_{seed}', '{more}'],
      {'config': 'experiments/a/b.py', 'seed': ['1', '2'], 'runs': 'R',
       'more': ['--x', '--y']})
  assert commands == [
      ['--config=experiments/a/b.py', f'--workdir=R/a_b_{seed}', '--x', '--y']
      for seed in '12']


def test_one_run_has_one_config(tmp_path):
  rehearsal = _rehearsal.Rehearsal(tmp_path)
  digits = '--config=experiments/digits/default.py:smoke'
  rehearsal.parse([digits, f'--workdir={tmp_path}/a'])
  rehearsal.parse(['--mode=evaluate', f'--workdir={tmp_path}/a'])
  with pytest.raises(UserError, match='two runs'):
    rehearsal.parse([digits, f'--workdir={tmp_path}/a', '--config.steps=7'])


def test_a_search_leaves_genotypes_at_its_checkpoints(tmp_path):
  rehearsal = _rehearsal.Rehearsal(tmp_path)
  rehearsal.parse(['--config=experiments/alphagan/search.py:s',
                   f'--workdir={tmp_path}/s'])
  train = ['--config=experiments/alphagan/retrain.py:cifar10_s',
           f'--workdir={tmp_path}/t']
  key = f'--config.generator.genotype={tmp_path}/s/genotypes'
  config = rehearsal.config([*train, f'{key}/00000328.json'])
  assert '"space": "alphagan"' in config.generator.genotype
  with pytest.raises(UserError, match='at every 328 steps'):
    rehearsal.parse([*train, f'{key}/00000300.json'])


def test_recorded_runs_are_matched_by_their_config(tmp_path):
  digits = configs.complete(experiment.load('experiments/digits/default.py'))
  for seed, fid in ((0, 2.), (1, 4.)):
    folder = tmp_path / f'run_{seed}'
    folder.mkdir()
    (folder / 'config.json').write_text(json.dumps(
        {**configs.plain(digits), 'seed': seed}))
    lines = [{'step': step, 'values': {'fd_pixels': fid + worse},
              'identity': 'x', 'protocol': {'protocol': 'standard',
                                            'generator': 'average'}}
             for step, worse in ((3000, 5.), (5000, 0.), (6000, 1.))]
    (folder / 'evaluations.jsonl').write_text(
        ''.join(json.dumps(line) + '\n' for line in lines))
  results = _ours.gather([tmp_path])
  assert [r.values['fd_pixels'] for r in results] == [2., 4.]
  assert {r.key for r in results} == {_ours.key(digits)}
  with digits.unlocked():
    digits.batch = 32
  assert _ours.key(digits) != results[0].key
  with pytest.raises(UserError, match='no run in'):
    _ours.gather([tmp_path / 'none'])


def test_results_are_averaged_over_seeds():
  result = _ours.Result('', 0, 1, {'FID': 6., 'other': 3.})
  assert _ours.text([result]) == 'FID 6.00 (1 seed)'
  assert _ours.text([result, result._replace(seed=1, values={'FID': 8.})]) == (
      'FID 7.00 ± 1.41 (2 seeds)')


def test_lines_of_a_command_join_to_it():
  command = ['--config=experiments/a.py:row', '--workdir=runs/' + 30 * 'x',
             "--config.generator.up=('a', 'b')", '--data_dir=DATA']
  lines = _replication.wrapped(command)
  assert len(lines) > 1 and all(len(line) <= 80 for line in lines)
  assert all(line.endswith(' \\') for line in lines[:-1])
  text = ' '.join(line.removesuffix('\\') for line in lines)
  assert shlex.split(text) == ['python', '-m', 'jgan.main', *command]


def test_a_file_of_counts_is_read_and_added_to(tmp_path):
  file = tmp_path / 'counts.json'
  assert ledger.read_counted(str(file)) == {}
  counts = {'p': {'published': 2., 'steps': {'step': {'gen': 1.}}}}
  ledger.keep_counted(str(file), counts)
  assert ledger.read_counted(str(file)) == counts
  file.write_text('{"programs": {"p": 3}}')
  with pytest.raises(UserError, match='--json would be right'):
    ledger.read_counted(str(file))
