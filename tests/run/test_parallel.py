"""Devices: pmap, jit over a mesh and one device are the same run."""
import json

import jax
import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.errors import UserError
from jgan.run import loop, parallel
from tests.rounding import assert_replicated, assert_same_but_rounding


def game(**changes):
  """Batch norm in G, spectral norm in D, a gradient penalty, a global loss.

  Plain gradient descent: Adam would turn the rounding noise of a gradient
  that is zero into a step of full size.
  """
  c = configs.base()
  c.steps, c.batch, c.critics, c.gen_batch = 2, 16, 2, 32
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4, 'conv': 'spectral'}
  c.loss = {'name': 'relativistic_average'}
  c.penalties = ({'name': 'gradient', 'weight': 1.},
                 {'name': 'r1', 'gamma': .1})
  c.pipeline.update({'flip': True, 'dequantize': True})
  for side in ('gen', 'disc'):
    c.optimizer[side] = {'name': 'sgd', 'lr': .02}
  c.ema.decay = .5
  c.log.every = 1
  c.samples.every = 0
  c.checkpoint.every = 2
  c.update_from_flattened_dict(changes)
  return c


@pytest.fixture(scope='module')
def one(tmp_path_factory):
  folder = tmp_path_factory.mktemp('one')
  return loop.run(game(devices=1), folder), folder


@pytest.mark.parametrize('kind', ['pmap', 'jit'])
def test_eight_devices_give_the_state_of_one(kind, one, tmp_path):
  state = loop.run(game(parallel=kind, devices=8), tmp_path)
  assert_same_but_rounding(state, one[0])
  # Declared replicated, a value that differs between devices would go
  # unnoticed: look at all of them.
  assert_replicated(state)
  for a, b in zip(read(tmp_path), read(one[1])):
    assert a == pytest.approx(b, rel=1e-3, abs=1e-4)


def read(folder):
  return [json.loads(line) for line in
          (folder / 'metrics.jsonl').read_text().splitlines()]


def test_a_run_goes_on_with_another_number_of_devices(one, tmp_path):
  c = game(devices=8)
  c.steps = 1
  c.checkpoint.every = 1
  loop.run(c, tmp_path)
  state = loop.run(game(devices=1), tmp_path, allow_config_change=True)
  assert_same_but_rounding(state, one[0])


def test_the_noise_of_a_step_is_spread_over_a_mesh():
  """Without the constraint every device would make all of the images."""
  c = configs.complete(game(parallel='jit', devices=8))
  where = parallel.layout(c)
  from jgan.ops import collectives
  with jax.set_mesh(where.mesh):
    z = jax.jit(lambda key: collectives.draw(
        jax.random.normal, key, (16, 3), None))(jax.random.key(0))
  assert {s.data.shape for s in z.addressable_shards} == {(2, 3)}


def test_a_batch_that_does_not_divide_names_both_numbers():
  with pytest.raises(UserError, match='batch=30 does not divide by 8'):
    parallel.layout(configs.complete(game(batch=30)))


def test_a_missing_accelerator_is_refused():
  for platform in ('gpu', 'tpu', 'accelerator'):
    with pytest.raises(UserError, match=f"asks for '{platform}' and JAX found"):
      parallel.layout(configs.complete(game(platform=platform)))
  parallel.layout(configs.complete(game(platform='cpu')))


def test_more_devices_than_there_are_is_refused():
  with pytest.raises(UserError, match='devices=9, and JAX found 8'):
    parallel.layout(configs.complete(game(devices=9)))


def test_steps_per_call_divides_every_interval():
  c = configs.complete(game(steps=100))
  for section in ('log', 'samples', 'eval', 'checkpoint'):
    c[section].every = 20
  assert parallel.calls_of(c, 'cpu') == 1
  assert parallel.calls_of(c, 'tpu') == 10
  c.log.every = 15
  assert parallel.calls_of(c, 'tpu') == 5
  with c.unlocked():
    c.steps_per_call = 4
  with pytest.raises(UserError, match=r'log\.every=15 does not divide'):
    parallel.calls_of(c, 'cpu')


def test_the_step_lowers_for_cuda_and_tpu():
  method = build.method(game())
  shapes = {'image': jax.ShapeDtypeStruct((2, 16, 16, 16, 1), np.uint8)}
  state = jax.eval_shape(method.init, jax.random.key(0), shapes)
  key = jax.eval_shape(lambda: jax.random.key(0))
  for platform in ('cuda', 'tpu'):
    text = jax.jit(method.step).trace(state, shapes, key).lower(
        lowering_platforms=(platform,)).as_text()
    assert 'stablehlo.convolution' in text
