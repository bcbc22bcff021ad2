"""Operations of many genotypes: counts, groups by score, a search's timeline.
"""
import json

import numpy as np
import pytest
from PIL import Image

from jgan import config as configs
from jgan import experiment, genotype
from jgan import space as spaces
from jgan.errors import UserError
from jgan.report import operations as plots
from jgan.report import timeline
from jgan.verbs import _trained, genotypes


@pytest.fixture
def search(tmp_path):
  """A workdir with three derivations, in which one edge changes: its path."""
  folder = tmp_path / 'alpha'
  for step, op, fid in ((10, 'deconv', 40.), (20, 'deconv', 18.5),
                        (30, 'nearest', 12.25)):
    found = genotype.load('alphagan_s')
    found['generator'][0]['up_01'] = op
    found['origin'] = f'alpha, step {step}, eval/FID {fid}, eval/IS 8e-05'
    genotype.save(folder / 'genotypes' / f'{step:08d}.json', found)
  (folder / 'config.json').write_text('{}')
  return folder


def row(text, start):
  """Numbers of the table's row that starts so."""
  line, = (line for line in text.splitlines()
           if line.startswith(f'| {start} |'))
  return [int(x) for x in line.split('|')[2:-1]]


def test_the_scores_stand_in_the_text_that_a_run_writes():
  text = 'run, step 8, eval/FID 12.5, eval/KID -1.5e-05, eval/IS inf'
  assert genotypes.scores(text) == {'FID': 12.5, 'KID': -1.5e-05,
                                    'IS': np.inf}
  assert genotypes.scores('alpha_search, step 8, best of 11: 3.5') == {}
  assert genotypes.scores('') == {}


def test_published_genotypes_are_counted_by_cell_and_kind_of_edge():
  """By hand from alphagan.md, 1.4."""
  text = genotypes.write(['alphagan_s', 'alphagan_l'])
  assert '2 genotypes of space alphagan' in text
  assert '| generator, up | deconv | nearest | bilinear |' in text
  up, normal = text.split('| generator, normal')
  normal, skips = normal.split('| generator, skip_2')
  assert [row(up, f'cell {i}') for i in (1, 2, 3)] == [
      [2, 0, 2], [2 + 1, 0, 1], [1, 2, 1]]
  # conv_1x1, conv_3x3, conv_5x5, sep_conv_3x3, sep_conv_5x5
  assert [row(normal, f'cell {i}') for i in (1, 2, 3)] == [
      [2, 0, 2, 1, 1], [1, 1, 1, 2, 1], [1, 0, 1, 3, 1]]
  assert row(skips, 'cell 2') == [2] and row(skips, 'cell 3') == [1, 1, 2]
  assert 'sep_conv_7x7' not in text and 'discriminator' not in text


@pytest.mark.parametrize('name', ['alphagan', 'adversarial_nas'])
def test_every_edge_is_counted_once(name):
  rng = np.random.default_rng(0)
  space = spaces.find(name)
  group = [genotypes.Entry('', {
      'space': name, **{p: space.sample(rng, p) for p in genotypes.PLAYERS}},
      {}) for _ in range(7)]
  for player in genotypes.PLAYERS:
    cells = genotypes.count(group, player)
    for cell, edges in zip(cells, space.allowed(player), strict=True):
      assert sum(sum(ops.values()) for ops in cell.values()) == 7 * len(edges)


def test_a_threshold_parts_the_good_from_the_bad(search):
  text = genotypes.write([search], label='FID', threshold=18.5)
  assert '- superior: FID < 18.5: 1' in text
  assert '- inferior: FID >= 18.5: 2' in text
  up = text.split('| generator, normal')[0]
  # deconv, nearest; up_03 is a deconv in all.
  assert row(up, 'cell 1, superior: FID < 18.5') == [1, 1]
  assert row(up, 'cell 1, inferior: FID >= 18.5') == [4, 0]


def test_of_scores_where_more_is_better_the_good_are_above(tmp_path):
  for name, score in (('a', 8.5), ('b', 8.), ('c', 7.)):
    found = genotype.load('alphagan_s')
    found['origin'] = f'run, step 1, eval/IS {score}, eval/stability {score}'
    genotype.save(tmp_path / f'{name}.json', found)
  text = genotypes.write([tmp_path], label='IS', threshold=8.)
  assert '- superior: IS > 8: 1' in text
  assert '- inferior: IS <= 8: 2' in text
  with pytest.raises(UserError, match='neither the lower nor the higher'):
    genotypes.write([tmp_path], label='stability', threshold=8.)


def test_what_has_no_score_is_in_neither_group(search):
  text = genotypes.write([search, 'alphagan_l'], label='FID', threshold=20.)
  assert text.startswith('4 genotypes')
  assert 'FID < 20: 2' in text and 'FID >= 20: 1' in text


def test_an_empty_group_counts_nothing(search, tmp_path):
  text = genotypes.write([search], str(tmp_path / 'out'), label='FID',
                         threshold=1.)
  assert 'superior: FID < 1: 0' in text
  assert (tmp_path / 'out' / 'operations_generator.png').exists()


def test_the_files_hold_what_the_text_says(search, tmp_path):
  out = tmp_path / 'new' / 'out'
  text = genotypes.write([search, 'alphagan_s'], str(out), label='IS')
  names = ['operations.md', 'operations.json', 'operations_generator.png',
           'alphagan_s_generator.png', 'timeline_1_generator.png']
  assert text.splitlines()[-5:] == [str(out / name) for name in names]
  assert sorted(f.name for f in out.iterdir()) == sorted(names)
  assert text.startswith((out / 'operations.md').read_text())
  found = json.loads((out / 'operations.json').read_text())
  assert len(found['groups']['all']) == 4
  # up_03 of all four, up_01 of two.
  up = found['counts']['generator']['all'][0]['up']
  assert (up['deconv'], up['nearest'], up['bilinear']) == (6, 1, 1)
  for name in names[2:]:
    pixels = np.asarray(Image.open(out / name).convert('RGB'))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_bars_are_shares_of_a_cells_edges_and_bear_their_counts(
    search, pages, tmp_path):
  genotypes.write([search], str(tmp_path / 'out'), label='FID', threshold=20.)
  axes = {a.get_title(loc='left'): a
          for a in pages['operations_generator.png'].axes}
  assert 'cell 2: skip_2' in axes and 'cell 1: skip_2' not in axes
  first = axes['cell 1: up']
  assert [t.get_text() for t in first.get_yticklabels()] == ['deconv',
                                                             'nearest']
  np.testing.assert_allclose([bar.get_width() for bar in first.patches],
                             [3 / 4, 1 / 4, 1., 0.])
  assert [t.get_text() for t in first.texts] == ['3', '1', '2', '0']


def test_the_timeline_has_a_row_per_edge_and_a_column_per_step(
    search, pages, tmp_path):
  genotypes.write([search], str(tmp_path / 'out'), label='FID')
  above, beneath = pages['timeline_1_generator.png'].axes
  pixels = above.images[0].get_array()
  assert pixels.shape == (18, 3, 3)
  changed = (pixels[:, 1:] != pixels[:, :-1]).any(-1)
  assert np.argwhere(changed).tolist() == [[0, 1]]  # up_01, at the last step
  labels = [t.get_text() for t in above.get_yticklabels()]
  assert labels[0] == 'cell 1  up_01' and labels[-1] == 'cell 3  skip_2'
  np.testing.assert_array_equal(beneath.lines[0].get_ydata(),
                                [40., 18.5, 12.25])
  assert beneath.get_title(loc='left') == 'FID'
  assert [t.get_text() for t in beneath.get_xticklabels()] == ['30', '20', '10']


def test_a_timeline_without_scores_is_the_grid_alone(pages, tmp_path):
  one = genotype.load('alphagan_s')
  timeline.draw(tmp_path / 'x.png', {1: one, 2: one})
  assert len(pages['x.png'].axes) == 1


@pytest.mark.parametrize('name', ['alphagan', 'adversarial_nas'])
def test_operations_of_a_space_have_colours_of_their_own(name):
  space = spaces.find(name)
  colors = timeline._colors(space)
  assert len({*colors.values()}) == len(colors)
  for player in genotypes.PLAYERS:
    assert {op for cell in space.allowed(player) for edge in cell.values()
            for op in edge.ops} <= colors.keys()


def test_nothing_to_draw_is_said(tmp_path):
  with pytest.raises(UserError, match='no operations to draw'):
    plots.draw(tmp_path / 'x.png', {'all': []})
  with pytest.raises(UserError, match='no steps to draw'):
    timeline.draw(tmp_path / 'x.png', {})


@pytest.mark.parametrize('places, options, words', [
    ([], {}, 'no genotypes to count'),
    (['alphagan_s', 'mmd_nas'], {}, 'spaces adversarial_nas and alphagan'),
    (['alphagan_x'], {}, "did you mean 'alphagan_s'"),
    (['alphagan_s'], {'threshold': 15.}, 'no genotype has one'),
    (['alphagan_s'], {'label': 'FID'}, "no genotype has a score 'FID'")])
def test_what_cannot_be_counted_is_refused(places, options, words):
  with pytest.raises(UserError, match=words):
    genotypes.write(places, **options)


def test_of_several_scores_one_must_be_named(search):
  with pytest.raises(UserError, match=r'--label=FID or another of FID, IS'):
    genotypes.write([search], threshold=15.)
  with pytest.raises(UserError, match="'FIB': did you mean 'FID'"):
    genotypes.write([search], label='FIB')


def test_an_empty_folder_and_a_bad_out_are_said(search, tmp_path):
  with pytest.raises(UserError, match='no genotypes in'):
    genotypes.write([tmp_path])
  (tmp_path / 'file').touch()
  with pytest.raises(UserError, match='cannot write to --out'):
    genotypes.write([search], str(tmp_path / 'file' / 'out'))


def trained(run, file, scores):
  """Writes a run of the genotype in a file: scores of (step, FID, identity)."""
  config = configs.complete(experiment.load(
      'experiments/alphagan/retrain.py:cifar10_s'))
  with config.unlocked():
    config.generator.genotype = json.dumps(genotype.load(str(file)))
  run.mkdir(parents=True)
  (run / 'config.json').write_text(json.dumps(configs.plain(config)))
  (run / 'evaluations.jsonl').write_text(''.join(json.dumps({
      'step': step, 'values': {'FID': fid, 'IS': 8.}, 'identity': identity,
      'protocol': {'protocol': 'standard', 'generator': 'average'}}) + '\n'
      for step, fid, identity in scores))


def test_a_training_is_not_judged_by_a_score_of_another_protocol(
    search, tmp_path):
  trained(tmp_path / 'run', search / 'genotypes' / '00000020.json',
          [(3000, 14., 'x'), (6000, 16., 'x'), (6000, 9., 'of others')])
  assert [*_trained.scores([tmp_path / 'run']).values()] == [
      'step 3000, eval/FID 14, eval/IS 8']


def test_scores_of_a_training_take_the_place_of_those_of_the_search(
    search, pages, tmp_path):
  """They are written into the genotype's file, and once."""
  file = search / 'genotypes' / '00000020.json'
  trained(tmp_path / 'trained' / '20', file,
          [(3000, 14., 'x'), (6000, 16., 'x')])
  write = lambda: genotypes.write(
      [search], str(tmp_path / 'out'), label='FID', threshold=15.,
      trained=[tmp_path / 'trained'])
  text = write()
  # The search itself had 40, 18.5 and 12.25; the first two are the same.
  assert '- superior: FID < 15: 3' in text
  beneath = pages['timeline_1_generator.png'].axes[1]
  np.testing.assert_array_equal(beneath.lines[0].get_ydata(),
                                [14., 14., 12.25])
  origin = genotype.load(str(file))['origin']
  assert origin.endswith('; trained, step 3000, eval/FID 14, eval/IS 8')
  write()
  assert genotype.load(str(file))['origin'] == origin
  with pytest.raises(UserError, match='no scored run'):
    genotypes.write([search], trained=[tmp_path / 'out'])


def test_a_genotype_that_is_named_is_drawn(pages, tmp_path):
  text = genotypes.write(['mmd_nas', 'alphagan_s'][:1], str(tmp_path / 'out'))
  assert str(tmp_path / 'out' / 'mmd_nas_generator.png') in text
  assert 'mmd_nas_generator.png' in pages
