"""The page that `report` writes and `watch` serves: what it tells of runs."""
import html.parser
import json
import re
import types

import jax.numpy as jnp
import numpy as np
import pytest

from jgan import config as configs
from jgan import genotype
from jgan.errors import UserError
from jgan.report import grid
from jgan.report.page import plots, render
from jgan.types import Method
from jgan.verbs import _compared, _images, _page, _pictures, _told, watch
from jgan.workdir import append

RNG = np.random.default_rng(0)


def sections_of(folders, **measured):
  runs = [_compared.glimpsed(folder, folder.name) for folder in folders]
  return {section.name: section for section in render.shown(
      _page.of_runs(runs, folders, **measured))}


@pytest.fixture
def runs(tiny, tmp_path, files):
  tiny_wide = tiny.copy_and_resolve_references()
  tiny_wide.generator.width = 8
  return [files.written(tiny, tmp_path / 'a'),
          files.written(tiny, tmp_path / 'b', seed=1),
          files.written(tiny_wide, tmp_path / 'c')]


def rows_of(section, number=0):
  return section.grids[number].table.rows


def test_a_page_tells_what_the_files_of_runs_hold(runs):
  sections = sections_of(runs)
  assert [*sections] == ['overview', 'config', 'scores', 'curves', 'samples',
                         'cost', 'environment']
  assert rows_of(sections['config']) == [
      ['key', 'a', 'b', 'c'], ['generator.width', '4', '4', '8'],
      ['seed', '0', '1', '0']]
  assert [part.title for part in sections['config'].folded] == [
      f'Config of {name}' for name in 'abc']
  assert rows_of(sections['scores']) == [
      ['run', 'fd_pixels'], ['a', '6'], ['b', '7'], ['c', '6'],
      ['2 seeds', '6.5 +- 0.707']]
  assert any('identity x' in note
             for note in sections['scores'].grids[0].table.notes)
  curve, = sections['scores'].plots
  assert curve['data'][1]['y'] == [10., 9., 8., 7.]
  assert 'Lower is better. Protocol identity x.' in curve['caption']
  loss, = sections['curves'].plots
  assert loss['title'] == 'gen/loss' and len(loss['data']) == 3
  assert loss['data'][0]['y'] == [1., .5, .333333, .25]
  film, = sections['samples'].films
  assert [step for step, _ in film.frames['a']] == [1, 2, 3, 4]
  assert film.frames['b'][2][1].text == 'Samples of b at step 3'
  assert film.frames['b'][2][1].pixels
  spent = sections['cost'].plots[0]
  assert spent['choices'][0]['options'] == [
      'FLOPs', 'real images', 'hours of training']
  hours = spent['variants'][2][0]['data'][0]
  assert hours['x'] == [pytest.approx(m / 60, rel=1e-5) for m in (1, 2, 3, 4)]
  assert ['a', 'all', '32', '4e+06', '-', '4e+05', '-', '0.0667'] in (
      rows_of(sections['cost']))
  each, same = sections['environment'].grids
  assert [row[0] for row in each.table.rows] == ['in each run', 'command']
  assert ['version of jax', '1.2'] in same.table.rows


def test_scores_of_several_protocols_are_not_said_to_compare(runs, files):
  append(runs[0] / 'scores.jsonl', files.scored(4, 1., 'y'))
  lines = [json.loads(line) | {'identity': 'y'} for line in
           (runs[2] / 'evaluations.jsonl').read_text().splitlines()]
  (runs[2] / 'evaluations.jsonl').write_text(
      ''.join(json.dumps(line) + '\n' for line in lines))
  curve, = sections_of(runs)['scores'].plots
  assert ('Not comparable, of several protocols: x of a, b; y of c.'
          in curve['caption'])


def test_searches_and_trials_have_their_sections(runs):
  found = genotype.load('mmd_nas')
  genotype.save(runs[0] / 'genotype.json', found)
  for step in (1, 2):
    genotype.save(runs[1] / 'genotypes' / f'{step:08d}.json', found)
  (runs[2] / 'sensitivity').mkdir()
  (runs[2] / 'sensitivity' / 'sensitivity.json').write_text(json.dumps({
      'base': 6., 'metric': 'fd_pixels', 'better': 'lower', 'budget': 1.,
      'step': 4, 'proposal': {'conv': {'rank': 2}}, 'rows': [
          {'layer': 'conv', 'form': 'cp', 'rank': 2, 'params': 2000,
           'removed': 1500, 'error': .5, 'score': 6.5}]}))
  sections = sections_of(runs)
  drawn, course = sections['genotype'].pictures  # a and b have the same
  assert drawn.caption.startswith('Generator of a, b') and not drawn.run
  assert 'cell 1: up0 ' in drawn.text
  assert course.caption == 'b: the search' and course.run == 'b'
  bars, = sections['sensitivity'].plots
  trace, = bars['data']
  assert (trace['base'], trace['y'], trace['customdata']) == (6., [.5], [6.5])
  assert [shape['y0'] for shape in bars['layout']['shapes']] == [6., 7.]
  assert rows_of(sections['sensitivity'])[1] == [
      'conv', 'cp', '2', '2,000', '1,500', '0.5000', '6.5', '+0.5', 'yes']


def test_measurements_have_their_sections(runs):
  loaded = [_compared.glimpsed(folder, folder.name)._replace(
      size={'params': n, 'mb': .1, 'macs': n, 'macs_thop': n})
            for folder, n in zip(runs, (100, 200, 400))]
  times = {1: {'a': .1, 'b': .2, 'c': .3}}
  images = RNG.integers(0, 256, (36, 16, 16, 1), np.uint8)
  made = {name: _images.Images(images, 8, images[:24], 8, images.reshape(
      9, 4, 16, 16, 1)) for name in 'abc'}
  profiles = {name: RNG.uniform(size=(5, 9)) for name in ('real', *'abc')}
  sections = {section.name: section for section in _page.of_runs(
      loaded, runs, times=times, images=made, profiles=profiles)}
  plot, = sections['tradeoff'].plots
  assert [choice['options'] for choice in plot['choices']] == [
      ['parameters (millions)', 'MACs (millions)', 'ms for a batch of 1'],
      ['fd_pixels']]
  points = {trace['meta']['run']: (trace['x'], trace['y'])
            for trace in plot['variants'][2][0]['data'][1:]}
  assert points['b'] == ([200.], [7.])
  for name in ('samples', 'interpolation', 'neighbours'):
    pictures = sections[name].pictures
    assert [picture.run for picture in pictures] == [*'abc']
    assert all(picture.text and picture.pixels for picture in pictures)
  assert 'same latent vectors' in sections['samples'].text
  assert len(sections['spectra'].plots[0]['data']) == 4 * 3


def test_images_are_of_the_same_noise_for_all_runs(tiny):
  config = configs.complete(tiny)
  def sample(net, z):
    return jnp.tanh(net * z[:, :4]).reshape(-1, 2, 2, 1)
  runs = [_compared.Run(name, Method(None, None, sample, 8), jnp.float32(scale),
                        1, '', {}, [], [], config)
          for name, scale in (('a', 1.), ('b', -1.))]
  made = _images.of_runs(runs)
  assert made['a'].between.shape == (24, 2, 2, 1)
  for part in ('samples', 'between'):
    images, mirrored = (getattr(made[name], part).astype(int) for name in 'ab')
    assert np.abs(images + mirrored - 255).max() <= 1


def test_rollbacks_stand_with_the_findings_that_they_took_back(
    tiny, tmp_path, files):
  """Whose records are after the step from which the run went on."""
  run = files.written(tiny, tmp_path / 'a')
  append(run / 'rollbacks.jsonl', {
      'step': 390, 'to': 350, 'symptom': 'gradient_gone', 'evidence': 'small',
      'changes': [{'key': 'optimizer.gen.lr', 'factor': .1}]})
  shown, = sections_of([run])['findings'].grids
  assert shown.caption == 'Rollbacks'
  assert shown.table.rows[1] == ['a', '390', 'gradient gone', 'small', '350',
                                 'optimizer.gen.lr times 0.1']


def test_a_run_that_has_just_begun_has_no_empty_sections(tiny, tmp_path, files):
  folder = files.written(tiny, tmp_path / 'a', steps=0)
  assert [*sections_of([folder])] == ['overview', 'config', 'environment']


def test_many_runs_fit_into_one_page(tiny, tmp_path, files):
  runs = [files.written(tiny, tmp_path / f'run_{i}', seed=i, steps=2)
          for i in range(15)]
  picture = RNG.integers(0, 256, (900, 900, 3), np.uint8)
  grid.save_png(runs[0] / 'samples' / '00000003.png', picture)
  sections = sections_of(runs)
  film, = sections['samples'].films
  assert len(film.frames) == _pictures.MOST == 12
  names = [run.name for run in runs]
  text = render.html(_page.title(names), names, [*sections.values()])
  assert len(text.encode()) < 5e6
  assert '<h1>15 runs compared</h1>' in text
  assert rows_of(sections['scores'])[-1][0] == '15 seeds'


def test_the_folder_of_many_seeds_stands_for_its_runs(tiny, tmp_path, files):
  for seed in (0, 1):
    files.written(tiny, tmp_path / 'all' / f'seed_{seed}', seed=seed)
  folders = _compared.each([tmp_path / 'all', tmp_path])
  assert _compared.names(folders[:2]) == ['seed_0', 'seed_1']
  assert folders[2:] == [tmp_path]
  watched = watch.Watched((tmp_path / 'all',))
  assert watched.names == ['seed_0', 'seed_1']


@pytest.fixture
def sweep(tiny, tmp_path, files):
  """The folder of a sweep: two rates with two seeds each, as their files."""
  root = tmp_path / 'sweep'
  for lr in (1e-4, 2e-4):
    tiny.optimizer.gen.lr = lr
    for seed in (0, 1):
      files.written(tiny, root / f'lr={lr}' / f'seed_{seed}', seed=seed)
  (root / 'sweep.json').write_text('{}')
  return root


def test_the_folder_of_a_sweep_stands_for_its_runs_by_what_was_swept(sweep):
  folders = _compared.each([sweep])
  names = _compared.names(folders)
  assert names == [f'lr={lr}/seed_{seed}' for lr in ('0.0001', '0.0002')
                   for seed in (0, 1)]
  runs = [_compared.glimpsed(*item) for item in zip(folders, names)]
  sections = {s.name: s for s in _page.of_runs(runs, folders)}
  assert [row[0] for row in rows_of(sections['scores'])[-2:]] == [
      'lr=0.0001, 2 seeds', 'lr=0.0002, 2 seeds']
  assert ' +- ' in rows_of(sections['scores'])[-1][1]
  colors = [look['color'] for look in plots.looks(names).values()]
  assert colors[0] == colors[1] != colors[2] == colors[3]


def test_a_watched_sweep_shows_runs_that_begin_later(tiny, sweep, files):
  watched = watch.Watched((sweep,), every=.1)
  assert len(watched.names) == 4
  tiny.optimizer.gen.lr = 1e-3
  files.written(tiny, sweep / 'lr=0.001' / 'seed_0')
  watched._next = 0.
  names = [run['name'] for run in watched.changes(set())['runs']]
  assert names == watched.names and names[-1] == 'lr=0.001/seed_0'


def test_runs_of_a_sweep_without_a_checkpoint_are_left_out_and_said(
    sweep, caplog):
  (sweep / 'lr=0.0002' / 'seed_1' / 'checkpoints' / '4').mkdir(parents=True)
  assert [str(run.relative_to(sweep)) for run in _compared.each(
      [sweep], saved=True)] == ['lr=0.0002/seed_1']
  assert 'no checkpoint yet: lr=0.0001/seed_0, lr=0.0001/seed_1' in caplog.text


def marks(changes):
  return {part['mark'] for part in changes['sections']}


def test_a_watched_run_may_be_half_written(runs, files):
  watched = watch.Watched(runs[:1], every=.1)
  known = marks(watched.changes(set()))
  with (runs[0] / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 5, "gen/lo')
  (runs[0] / 'samples' / '00000005.png').write_bytes(b'\x89PNG\r\n')
  (runs[0] / 'run.json').write_text('{"comma')
  watched._next = 0.
  changed = watched.changes(known)['sections']
  assert [part['name'] for part in changed] == [
      'overview', 'config', 'scores', 'curves', 'samples', 'cost']
  assert not any('html' in part for part in changed)
  # Nothing was written, locked or left in the folder.
  assert not (runs[0] / '.lock').exists()
  files.added(runs[0], 5, 1.)
  watched._next = 0.
  changed = watched.changes(known)['sections']
  assert [part['name'] for part in changed if 'html' in part] == [
      'overview', 'scores', 'curves', 'samples', 'cost']
  assert 'of 4' in next(part['html'] for part in changed)


def test_files_are_read_again_only_if_they_changed(runs, monkeypatch, files):
  watched = watch.Watched(runs, every=.1)
  reads = []
  monkeypatch.setattr(_page, 'of_runs', lambda *_: reads.append(1) or [])
  watched._next = 0.
  watched.page()
  assert not reads
  files.added(runs[0], 5, 1.)
  watched.page()
  assert reads == [1]
  files.added(runs[0], 6, 1.)
  watched.page()  # too early
  assert reads == [1]


def test_what_cannot_be_read_now_leaves_the_page_as_it_was(runs):
  watched = watch.Watched(runs, every=.1)
  before = watched.changes(set())
  (runs[0] / 'config.json').write_text('{"half')
  watched._next = 0.
  assert watched.changes(set()) == before


@pytest.mark.parametrize('flags, said', [
    ({}, '--workdir=RUN, or --runs=A,B'),
    ({'workdir': 'a', 'runs': ('b',)}, '--runs is not read beside --workdir'),
    ({'workdir': 'nothing'}, 'no run in nothing: a workdir'),
    ({'workdir': 'a', 'every': 0.}, '--every=0: seconds')])
def test_what_cannot_be_watched_is_refused(flags, said):
  values = {flag.name: flag.default for flag in watch.FLAGS} | flags
  with pytest.raises(UserError, match=re.escape(said)):
    watch.run(None, types.SimpleNamespace(**values))


def test_a_page_is_html_whatever_a_folder_is_called(tiny, tmp_path, files):
  folder = files.written(tiny, tmp_path / '<script>alert(1)</script>'.replace(
      '/', '_'))
  name = folder.name
  text = render.html(_page.title([name]), [name],
                     [*sections_of([folder]).values()])
  kinds = []
  parser = html.parser.HTMLParser()
  parser.handle_starttag = lambda tag, attrs: kinds.append((tag, dict(attrs)))
  parser.feed(text)
  scripts = [attrs for tag, attrs in kinds if tag == 'script']
  assert [attrs for attrs in scripts if not attrs] == [{}, {}]
  assert all(attrs in ({}, ) or attrs['type'] == 'application/json'
             for attrs in scripts)
  assert _told.read(folder).grids
