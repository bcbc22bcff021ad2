"""Images are made, seen and summed on many devices as on one."""
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import protocol
from jgan.errors import Stopped
from jgan.features import _extractor
from jgan.metrics import _frechet
from jgan.ops import memory, spread
from jgan.score import fit, samples, viewer

NEEDS = {'moments', 'features', 'logits', 'images'}
LATENT = 8
NET = {'w': np.random.default_rng(0).normal(size=(LATENT, 48)).astype('f')}


def network(traces, host=False):
  """Features are smooth functions of the pixels; counts its traces."""
  kernel = np.random.default_rng(1).normal(size=(48, 6)).astype('f') / 1e3

  def apply(variables, x):
    traces.append(x.shape)
    x = jnp.reshape(x.astype(jnp.float32), (len(x), -1))
    features = jnp.tanh(x @ variables['kernel']) + 3.
    return {'features': features, 'logits': features[:, :2]}

  return _extractor.Extractor(
      'toy', 'FD-toy', '0' * 64, 6, 2, 4, {'kernel': kernel},
      lambda images: _extractor.rgb(images, 'toy'), apply, {}, host=host)


def both(devices, batch, host=False):
  """A Sampler and a Viewer, and the traces of their functions."""
  mesh, traces = spread.mesh(jax.devices()[:devices]), []

  def sample(net, z):
    traces.append('sample')
    return jnp.tanh(z @ net['w']).reshape(-1, 4, 4, 3)

  sampler = samples.Sampler(sample, LATENT, batch, mesh=mesh)
  names = {'standard': protocol.find('standard')}
  sees = viewer.Viewer(names, {'standard': network(traces, host)}, NEEDS,
                       mesh=mesh, batch=sampler.batch)
  return sampler, sees, traces


def seen(sampler, sees, count=203, seed=5):
  return viewer.finished(sees.look(sampler.fakes(NET, count, seed)))['standard']


def described(devices):
  """What some devices see, of all processes: a line of JSON from the first."""
  x = seen(*both(devices, 30)[:2])
  return json.dumps({
      'images': x.images is not None and float(x.images.sum(dtype=np.float64)),
      'features': x.features is not None and float(x.features.sum()),
      'distance': _frechet.distance(np.full(6, 3.), np.eye(6), x.mean, x.cov)})


@pytest.fixture(scope='module')
def one():
  return seen(*both(1, 50)[:2])


@pytest.mark.parametrize('devices, batch, host', [(8, 30, False),
                                                  (2, 203, True)])
def test_many_devices_see_what_one_sees(one, devices, batch, host):
  many = seen(*both(devices, batch, host)[:2])
  np.testing.assert_array_equal(many.images, one.images)
  for name in ('features', 'logits'):
    np.testing.assert_allclose(getattr(many, name), getattr(one, name),
                               rtol=1e-6)
  other = one.mean + .1, np.cov(one.features, rowvar=False)
  first, second = (_frechet.distance(*other, x.mean, x.cov)
                   for x in (one, many))
  assert second == pytest.approx(first, rel=1e-6)
  np.testing.assert_allclose(one.cov, other[1], rtol=2e-6, atol=1e-9)
  np.testing.assert_allclose(one.mean, one.features.mean(0), rtol=1e-6)


def test_images_of_the_host_are_seen_as_those_of_the_devices(one):
  _, sees, _ = both(2, 60)
  given = viewer.finished(sees.look([one.images[:150], one.images[150:]]))
  for a, b in zip(given['standard'], one, strict=True):
    np.testing.assert_allclose(*(np.float64(x) if x is not None else 0.
                                 for x in (a, b)), rtol=2e-6, atol=1e-9)


def test_each_device_makes_its_share_alone():
  sampler, _, _ = both(8, 16)
  images, count = next(sampler.fakes(NET, 12, 0))
  assert count == 12 and images.sharding.shard_shape(images.shape)[0] == 2
  text = sampler._draw.lower(
      spread.copies(NET, spread.mesh()), jax.ShapeDtypeStruct(
          (16, LATENT), np.float32, sharding=images.sharding)).compile(
      ).as_text()
  assert 'all-' not in text and 'collective' not in text


def test_a_second_score_and_a_grid_compile_nothing():
  sampler, sees, traces = both(2, 20)
  for seed in (0, 1):
    seen(sampler, sees, seed=seed)
    viewer.finished(sees.look([np.zeros((33, 4, 4, 3), np.uint8)]))
    sampler.of(NET, np.zeros((33, LATENT), np.float32))
  assert traces == ['sample', (20, 4, 4, 3)]


def test_features_that_are_not_finite_stop_a_score():
  sampler, sees, _ = both(1, 50)
  kernel = sees._variables['toy']['kernel']
  sees._variables['toy']['kernel'] = kernel.at[0, 0].set(jnp.nan)
  with pytest.raises(Stopped, match='features: 203 of 203 are not finite'):
    seen(sampler, sees)


def test_a_batch_is_as_large_as_the_memory_of_the_devices_allows(monkeypatch):
  mesh = spread.mesh(jax.devices()[:4])
  assert fit.batch(mesh, 10**6, 2**31) == 100
  monkeypatch.setattr(fit, 'limit', lambda mesh: 2**34)
  assert fit.batch(mesh, 10**6, 2**31) == 4 * 256
  assert fit.batch(mesh, 10**9, 2**31) == 4 * 4
  assert fit.batch(mesh, 10**6, 60) == 60


def test_the_peak_of_memory_is_that_of_arrays_alive_together():
  def function(x):
    y = x + 1.      # x is not counted
    z = jnp.sum(y)  # with y
    return jax.jit(lambda a: jnp.concatenate([a * 2., a]))(y) * z

  size = 4 * 1000
  assert memory.peak(function, np.zeros(1000, np.float32)) == pytest.approx(
      5 * size, abs=size)
