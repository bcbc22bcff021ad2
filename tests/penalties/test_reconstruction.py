"""The reconstruction penalty: its distances, its mistakes, its devices."""
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.features import _lpips
from jgan.penalties import reconstruction
from jgan.types import Play, View


def pairs(n=4, count=3, size=16):
  rng = np.random.default_rng(0)
  return tuple(tuple(jnp.float32(rng.uniform(-1, 1, (n, size, size, 3)))
                     for _ in range(2)) for _ in range(count))


def penalty(decoded, axis_name=None, **knobs):
  view = View(None, None, (), decoded)
  play = Play(view, view, None, None, None, None, jnp.int32(0), axis_name)
  return reconstruction.discriminator(play, **knobs)


def test_pixels_are_compared_at_four_sizes():
  (x, y), = pairs(count=1)
  want = 0.
  for by in (1, 2, 4, 8):
    n = 16 // by
    shrunk = np.array([[(x - y)[:, i * by:(i + 1) * by, j * by:(j + 1) * by]
                        .mean((1, 2)) for j in range(n)] for i in range(n)])
    want = want + abs(shrunk).mean((0, 1, 3)) / 4
  np.testing.assert_allclose(reconstruction.pixels(x, y), want, rtol=1e-5)
  np.testing.assert_array_equal(reconstruction.pixels(x, x), 0.)
  # Black and white are as different as can be.
  np.testing.assert_allclose(
      reconstruction.pixels(jnp.ones((1, 8, 8, 3)), -jnp.ones((1, 8, 8, 3))),
      2.)


def test_the_pairs_are_summed_and_the_batch_averaged_or_summed():
  decoded = pairs()
  want = sum(float(reconstruction.pixels(*pair).mean()) for pair in decoded)
  np.testing.assert_allclose(penalty(decoded), want, rtol=1e-6)
  np.testing.assert_allclose(penalty(decoded, weight=3.), 3. * want, rtol=1e-6)
  np.testing.assert_allclose(penalty(decoded, reduction='sum'), 4. * want,
                             rtol=1e-6)


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_the_mean_over_shards_is_the_penalty_of_the_whole_batch(reduction):
  decoded = pairs(n=8, count=2, size=8)
  shard = jax.tree.map(lambda x: x.reshape(4, 2, *x.shape[1:]), decoded)
  found = jax.vmap(lambda d: penalty(d, 'device', reduction=reduction),
                   axis_name='device')(shard)
  np.testing.assert_allclose(found.mean(), penalty(decoded,
                                                   reduction=reduction),
                             rtol=1e-6)


def test_lpips_is_taken_from_its_file_and_named_in_the_log(
    monkeypatch, caplog):
  asked = []
  monkeypatch.setattr(_lpips, 'load', lambda files: asked.append(files) or .5)
  monkeypatch.setattr(_lpips, 'distance', lambda weights, x, y: jnp.full(
      len(x), weights))
  reconstruction._measure.cache_clear()
  with caplog.at_level(logging.INFO, reconstruction.__name__):
    assert penalty(pairs(), distance='lpips', weights='a.pth,b.pth') == 1.5
    penalty(pairs(), distance='lpips', weights='a.pth,b.pth')
    penalty(pairs())
  assert asked == ['a.pth,b.pth']
  assert [r.getMessage() for r in caplog.records] == [
      "reconstruction: distance 'lpips' of a.pth,b.pth",
      "reconstruction: distance 'pixels', not the LPIPS of the paper"]
  reconstruction._measure.cache_clear()


@pytest.mark.parametrize('knobs, words', [
    ({'distance': 'lpips'}, "distance='lpips' needs its weights"),
    ({'weights': 'vgg.pth'}, "weights='vgg.pth' are of distance='lpips'"),
    ({'distance': 'lpisp'}, "no distance 'lpisp': did you mean 'lpips'"),
    ({'reduction': 'men'}, "no reduction 'men': did you mean 'mean'"),
])
def test_mistakes_are_refused(knobs, words):
  with pytest.raises(UserError, match=words):
    penalty(pairs(), **knobs)


def test_a_discriminator_that_rebuilds_nothing_is_refused():
  with pytest.raises(UserError, match='rebuilds nothing.*decode=True'):
    penalty(())
