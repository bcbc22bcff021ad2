"""The verb shrink: a run whose generator has fewer channels and one image."""
import contextlib
import json
import re

import jax
import numpy as np
import pytest

from jgan import build, main, weights
from jgan import config as configs
from jgan.errors import UserError
from jgan.optim import masked
from jgan.run import checkpoint, loop
from jgan.types import Network
from jgan.verbs import report, shrink
from jgan.workdir import checkpoints

RATIO, WIDTH, LEFT = .5, 8, 4  # ceil(.5 * 7) of 8 go


def game(**changes):
  """One step of warm-up, one sparse, one dense."""
  c = configs.base()
  c.steps, c.batch, c.devices = 3, 8, 1
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': WIDTH}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.optimizer.gen.pruning = {'name': 'prune_grow_channels', 'ratio': RATIO,
                             'warmup': 1, 'interval': 1, **changes}
  c.ema.decay = .5
  c.log.every, c.samples.every = 1, 0
  c.eval.update({'every': 3, 'metrics': ('fd_pixels',), 'samples': 20,
                 'batch': 10})
  c.checkpoint.update({'every': 1, 'keep': 3, 'best': 'eval/fd_pixels'})
  return c


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp('trained') / 'run'
  loop.run(game(), folder)
  return folder


def restored(folder, step=-1):
  """Config, method and state of a run."""
  c = configs.from_record(configs.recorded(folder))
  method = build.method(c)
  with contextlib.closing(checkpoint.Checkpoints(
      checkpoints(folder), read_only=True)) as saved:
    return c, method, saved.choose(build.abstract(c, method), step=step)


@pytest.fixture(scope='module')
def small(trained, tmp_path_factory):
  """The verb on the dense end of the run: folder, text."""
  out = tmp_path_factory.mktemp('small') / 'run'
  config, method, state = restored(trained)
  return out, shrink.write(config, method, state, out)


def images(method, net):
  z = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
  return np.asarray(jax.jit(method.sample)(net, z))


def test_its_images_are_those_of_the_masked_generator(trained, small):
  _, method, state = restored(trained)
  assert state.gen.opt.phase == masked.DENSE
  _, after, narrow = restored(small[0])
  for old, new in ((state.ema, narrow.ema), (state.gen, narrow.gen)):
    sparse = masked.zero(old.params, state.gen.opt.masks)
    np.testing.assert_allclose(
        images(after, new), images(method, Network(sparse, old.stats)),
        atol=1e-5)
  assert abs(images(after, narrow.ema) - images(method, state.ema)).max() > 1e-4
  found = json.loads((small[0] / 'shrink.json').read_text())
  assert 0. <= found['difference'] < 1e-5
  exported = weights.load(small[0] / 'generator.safetensors')
  jax.tree.map(np.testing.assert_array_equal, exported.params,
               narrow.ema.params)


def test_as_many_channels_go_as_the_ratio_says(small):
  config, _, state = restored(small[0])
  assert tuple(config.generator.hidden) == (LEFT,)
  assert config.optimizer.gen.pruning.name == 'none'
  assert state.gen.params['conv_1']['kernel'].shape == (3, 3, 16, LEFT)
  found = json.loads((small[0] / 'shrink.json').read_text())
  assert found['channels'] == {'conv_1': [WIDTH, LEFT]}
  gone = WIDTH - LEFT
  before, after = found['before'], found['after']
  assert before['params'] - after['params'] == gone * (9 * 16 + 2 + 9)
  assert before['macs'] - after['macs'] == gone * (9 * 16 * 8**2 + 9 * 16**2)
  assert after['params'] == sum(
      x.size for x in jax.tree.leaves(state.ema.params))
  text = small[1]
  assert f'{before["macs"]:,}' in text and f'{after["macs"]:,}' in text
  assert all(s > 0. for x in (before, after) for s in x['latency'].values())
  assert 'fd_pixels: ' in text and str(small[0]) in text


def test_all_else_goes_on_as_it_was(trained, small):
  old, new = restored(trained)[2], restored(small[0])[2]
  same = lambda a, b: jax.tree.map(np.testing.assert_array_equal, a, b)
  same(old.disc, new.disc)
  assert (old.step, new.step) == (3, 0)
  moments = lambda opt: {
      jax.tree_util.keystr(path, simple=True, separator='/'): x
      for path, x in jax.tree_util.tree_leaves_with_path(opt)}
  before, after = moments(old.gen.opt.inner), moments(new.gen.opt)
  assert before.keys() == after.keys()
  for name, x in before.items():
    if 'conv_1' in name or 'norm_1' in name or 'to_rgb' in name:
      assert after[name].size == x.size * LEFT // WIDTH
    else:
      same(x, after[name])


def test_a_sparse_snapshot_is_shrunk_as_it_is(trained, tmp_path):
  config, method, state = restored(trained)
  file = trained / 'pair' / 'sparse.safetensors'
  shrink.write(config, method, state, tmp_path / 'run', params=str(file))
  _, after, narrow = restored(tmp_path / 'run')
  net = weights.load(file)
  for found in (narrow.ema, narrow.gen):
    np.testing.assert_allclose(images(after, found), images(method, net),
                               atol=1e-5)


def test_from_the_command_line_to_a_report_of_both(trained, tmp_path, capsys):
  run = lambda *a: main.main(['jgan', '--compilation_cache=', *a])
  out = tmp_path / 'narrow'
  assert run('--mode=shrink', f'--workdir={trained}', '--step=2',
             f'--out={out}') == 0
  _, method, state = restored(trained, 2)
  assert state.gen.opt.phase == masked.SPARSE
  _, after, narrow = restored(out)
  np.testing.assert_allclose(images(after, narrow.ema),
                             images(method, state.ema), atol=1e-5)
  assert run('--mode=sample', f'--workdir={out}', '--n=4') == 0
  capsys.readouterr()
  text = report.write([trained, out])
  assert f'| {out.name} | all | 0 |' in re.sub(' +', ' ', text)  # its own cost
  for name in (trained.name, out.name):
    assert f'| {name} ' in text
  sizes = json.loads((out / 'shrink.json').read_text())
  for x in (sizes['before'], sizes['after']):
    assert f'{x["params"]:,}' in text and f'{x["macs"]:,}' in text
  assert run('--mode=shrink', f'--workdir={trained}', f'--out={out}') == 2
  assert 'is not an empty folder' in capsys.readouterr().err


def test_a_run_without_pruned_channels_is_refused(trained, tmp_path):
  config, method, state = restored(trained, 1)
  with pytest.raises(UserError, match='all 8 channels .* are in use: a run '
                     'trained with .*prune_grow_channels beyond its warm-up'):
    shrink.write(config, method, state, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


def test_only_a_generator_can_be_asked_for_it():
  c = game()
  c.optimizer.disc.pruning = {'name': 'prune_grow_channels', 'warmup': 1}
  with pytest.raises(UserError, match="there 'prune_grow' would be right"):
    build.method(c)
  c = game()
  c.generator = {'name': 'mlp', 'latent': 8}
  with pytest.raises(UserError, match="'mlp' names no channels"):
    build.method(c)
