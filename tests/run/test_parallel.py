"""Devices: pmap, jit over a mesh and one device are the same run."""
import json
import types
import weakref

import jax
import numpy as np
import pytest

from jgan import batches, build
from jgan import config as configs
from jgan.errors import UserError
from jgan.ops import collectives
from jgan.run import feeding, loop, parallel
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
  with jax.set_mesh(where.mesh):
    z = jax.jit(lambda key: collectives.draw(
        jax.random.normal, key, (16, 3), None))(jax.random.key(0))
  assert {s.data.shape for s in z.addressable_shards} == {(2, 3)}


@pytest.mark.parametrize('kind', ['pmap', 'jit', 'one', 'stream'])
def test_a_device_holds_its_shards_and_takes_the_images_of_all_layouts(kind):
  if kind == 'pmap' and jax.__version_info__ < (0, 8):
    pytest.skip('shards under pmap need JAX 0.8')
  c = game(devices=1 if kind == 'one' else 8,
           parallel='jit' if kind == 'jit' else 'pmap')
  c.pipeline.update({'shards': 8,
                     'placement': 'stream' if kind == 'stream' else 'device'})
  c = configs.complete(c)
  where, source = parallel.layout(c), build.source(c, '')
  weights = jax.random.normal(jax.random.key(0), (2, 16))

  def checksum(state, health, data, x, seed):
    x = (x if data is None else data[x])[0].astype(float)
    mine = collectives.rows(weights.T, x.shape[1], where.axis_name)
    sums = (x.mean((2, 3, 4)) * mine.T).mean()
    return state, health, {'sum': collectives.mean(sums, where.axis_name)}

  plan = build.plan(c, build.method(c))
  with feeding.fed(c, plan, source, where, 1, 1) as (data, feed):
    _, x = next(feed)
    args = parallel.place((np.zeros(1), np.zeros(1)), where)
    seed = parallel.place(np.uint32(0), where)
    call = parallel.compile_call(checksum, where, *args, data, x, seed)
    got = call(*args, data, x, seed)[2]['sum']
  if kind in ('pmap', 'jit'):
    assert {s.data.size for s in data.rows.addressable_shards} == {
        len(source) // 8 * 256}
    assert 'all-gather' not in call.as_text()
  turn = plan(1)
  images = batches.arrangement(0, len(source), 8)[batches.turn_indices(
      c.seed, turn, batch=16, total=len(source), shards=8)]
  want = (source[images].mean((2, 3, 4)) * weights).mean()
  np.testing.assert_allclose(got, want, rtol=1e-5)


def test_the_host_has_no_copy_of_the_images_on_the_devices(monkeypatch):
  c = configs.complete(game(devices=1))
  where, source, decoded = parallel.layout(c), build.source(c, ''), []

  def as_array(source):
    images = np.array(source)
    decoded.append(weakref.ref(images))
    return images

  monkeypatch.setattr(batches, 'as_array', as_array)
  # A device that is a CPU may use the memory of the host.
  monkeypatch.setattr(parallel, 'place', lambda x, where: np.array(x))
  plan = build.plan(c, build.method(c))
  with feeding.fed(c, plan, source, where, 0, 1) as (data, _):
    assert len(data.rows) == len(source) and decoded[0]() is None


def test_shards_that_do_not_divide_name_both_numbers():
  for changes, words in (
      ({'batch': 24, 'pipeline.shards': 12},
       'shards=12 does not divide by 8 devices; 16 would'),
      ({'pipeline.shards': 32}, 'batch of 16 does not .*shards=32; 32 would')):
    with pytest.raises(UserError, match=words):
      parallel.layout(configs.complete(game(**changes)))


def test_a_batch_that_does_not_divide_names_what_would():
  for changes, words in (
      ({'batch': 30}, 'batch=30 does not divide by 8 devices; 32 would, or '
       '--config.devices=2 '),
      ({'batch': 4, 'gen_batch': 0}, '8 would, or --config.devices=4 ')):
    with pytest.raises(UserError, match=words):
      parallel.layout(configs.complete(game(**changes)))


def test_processes_of_unlike_numbers_of_devices_are_refused(monkeypatch):
  c = configs.complete(game(devices=0))
  devices = [types.SimpleNamespace(process_index=min(i, 1), id=i,
                                   platform='cpu') for i in range(4)]
  monkeypatch.setattr(jax, 'devices', lambda: devices)
  with pytest.raises(UserError, match='processes have 1, 3 devices'):
    parallel.layout(c)


def test_a_missing_accelerator_is_refused():
  for platform in ('gpu', 'tpu', 'accelerator'):
    with pytest.raises(UserError, match=f"asks for '{platform}' and JAX found"):
      parallel.layout(configs.complete(game(platform=platform)))
  parallel.layout(configs.complete(game(platform='cpu')))


def test_more_devices_than_there_are_is_refused():
  with pytest.raises(UserError, match='devices=9, and JAX found 8'):
    parallel.layout(configs.complete(game(devices=9)))


def test_the_step_lowers_for_cuda_and_tpu():
  method = build.method(game())
  shapes = {'image': jax.ShapeDtypeStruct((2, 16, 16, 16, 1), np.uint8)}
  state = jax.eval_shape(method.init, jax.random.key(0), shapes)
  key = jax.eval_shape(lambda: jax.random.key(0))
  for platform in ('cuda', 'tpu'):
    text = jax.jit(method.step).trace(state, shapes, key).lower(
        lowering_platforms=(platform,)).as_text()
    assert 'stablehlo.convolution' in text
