"""The sparse and the dense generator that prune-and-grow leaves."""
import json

import numpy as np
import pytest

from jgan import config as configs
from jgan import main, weights
from jgan.errors import Stopped
from jgan.optim import magnitude
from jgan.run import chunks, loop, pair, timing
from jgan.run.logbook import read
from jgan.types import Network
from jgan.verbs import _compared


def pruned(tiny):
  """Seven steps: one of warm-up, then 2 sparse, 2 dense, and 2 sparse ones."""
  tiny.steps = 7
  tiny.optimizer.gen.pruning = {'name': 'prune_grow', 'ratio': .5, 'warmup': 1,
                                'interval': 2, 'scope': 'kernels'}
  tiny.eval.update({'every': 7, 'metrics': ('fd_pixels',), 'samples': 20,
                    'batch': 20, 'reals': 50})
  tiny.checkpoint.update({'every': 3, 'keep': 9, 'best': 'eval/fd_pixels'})
  tiny.samples.every = 0
  return tiny


def test_a_pair_is_due_at_the_ends_of_phases_and_of_the_run(tiny):
  c = configs.complete(pruned(tiny))
  assert pair.ends(c) == {3: 'sparse', 5: 'dense', 7: 'sparse'}
  tiny.steps = 6
  assert pair.ends(configs.complete(tiny)) == {3: 'sparse', 5: 'dense',
                                               6: 'sparse'}
  for other in ({'name': 'none'}, {'name': 'rigl'}):
    tiny.optimizer.gen.pruning = other
    assert pair.ends(configs.complete(tiny)) == {}


@pytest.mark.parametrize('text', ['', '{', '[1]', '{"sparse": null}', 'null'])
def test_steps_that_cannot_be_read_are_unknown_and_do_not_stop_a_run(
    text, tmp_path):
  (tmp_path / 'pair').mkdir()
  file = tmp_path / 'pair' / 'steps.json'
  file.write_text(text)
  assert pair.step_of(tmp_path / 'pair' / 'sparse.safetensors') is None
  pair.write(tmp_path, 'dense', 5, Network({'w': np.ones(2)}, {}))
  assert json.loads(file.read_text()) == {'dense': 5}


def test_no_dispatch_passes_the_end_of_a_phase(tiny):
  tiny.optimizer.gen.pruning = {'name': 'prune_grow', 'warmup': 10,
                                'interval': 5, 'unit': 2}
  tiny.steps = 60
  for section in ('log', 'samples', 'checkpoint'):
    tiny[section].every = 20
  tiny.optimizer.gen.pruning.interval = 3
  assert [*chunks.ends(configs.complete(tiny))] == [
      20, 26, 32, 38, 40, 44, 50, 56, 60]


def test_a_run_delivers_both_generators_and_tells_what_it_cost(
    tiny, tmp_path, capsys):
  folder = tmp_path / 'run'
  state = loop.run(pruned(tiny), folder)
  file = folder / 'pair' / 'sparse.safetensors'
  assert sorted(x.name for x in (folder / 'pair').iterdir()) == [
      'dense.safetensors', 'sparse.safetensors', 'steps.json']
  steps = json.loads((folder / 'pair' / 'steps.json').read_text())
  assert steps == {'sparse': 7, 'dense': 5}
  assert pair.step_of(file) == 7 and pair.step_of(tmp_path / 'x.npz') is None
  sparse, dense = (weights.load(folder / 'pair' / f'{name}.safetensors')
                   for name in ('sparse', 'dense'))
  kernel = sparse.params['linear']['kernel']
  assert (kernel == 0).sum() == magnitude.pruned(kernel.size, .5)
  assert (dense.params['linear']['kernel'] != 0).all()
  # The run ends with a sparse phase: that generator is the final average.
  for name, x in weights.to_arrays(state.ema).items():
    np.testing.assert_array_equal(x, weights.to_arrays(sparse)[name])

  # The log, the clock and the report.
  scored = read(folder)[-1]
  assert scored['cost/real_images'] == 7 * 8
  assert 0. < scored['cost/published_sparse'] < scored['cost/published']
  seconds = timing.read(folder)[-1]
  assert seconds['step'] == 7 and min(seconds.values()) > 0.
  found = _compared.load(folder, 'run').cost
  assert found['total']['real_images'] == 56
  assert found['total']['flops_sparse'] == scored['cost/flops_sparse']
  assert found['seconds'] == seconds['training']
  assert {k: v['real_images'] for k, v in found['phases'].items()} == {
      'warmup': 8, 'sparse': 4 * 8, 'dense': 2 * 8}

  # Scored and sampled by one command each.
  def command(*flags):
    code = main.main(['jgan', f'--workdir={folder}', f'--params={file}',
                      '--compilation_cache=', *flags])
    return code, capsys.readouterr()

  assert command('--mode=evaluate')[0] == 0
  record = json.loads((folder / 'scores.jsonl').read_text())
  assert record['step'] == 7
  assert record['protocol']['generator'] == 'exported'
  assert record['protocol']['file'] == str(file)
  assert record['values']['fd_pixels'] == pytest.approx(
      scored['eval/fd_pixels'], rel=1e-5)
  assert command('--mode=sample', '--n=2', f'--out={tmp_path}/a.npz')[0] == 0
  assert np.load(tmp_path / 'a.npz')['images'].shape == (2, 16, 16, 1)
  code, shown = command('--mode=evaluate', '--steps=all')
  assert code == 2 and '--steps is not read beside --params' in shown.err


def test_a_killed_run_leaves_the_pair_of_the_unbroken_one(
    tiny, tmp_path, monkeypatch):
  """Stopped after step 5, whose pair the checkpoint of step 3 knows not."""
  c = pruned(tiny)
  c.eval.every = 0
  c.checkpoint.best = ''
  loop.run(c, tmp_path / 'unbroken')
  after = loop.Session.after

  def killed(self, step, *rest):
    state = after(self, step, *rest)
    if step == 5:
      raise Stopped('as by kill -9')
    return state

  monkeypatch.setattr(loop.Session, 'after', killed)
  with pytest.raises(Stopped):
    loop.run(c, tmp_path / 'resumed')
  monkeypatch.undo()
  loop.run(c, tmp_path / 'resumed')
  files = sorted((tmp_path / 'unbroken' / 'pair').iterdir())
  assert len(files) == 3
  for file in [*files, tmp_path / 'unbroken' / 'metrics.jsonl']:
    other = tmp_path / 'resumed' / file.relative_to(tmp_path / 'unbroken')
    assert file.read_bytes() == other.read_bytes(), file
