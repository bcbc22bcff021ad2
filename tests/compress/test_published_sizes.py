"""The compressed networks of MMD-AdversarialNAS: spec section 7."""
import functools

import jax
import jax.numpy as jnp
import pytest

from jgan.compress import ranks
from jgan.layers import factored
from jgan.models.adversarial_nas import Generator
from jgan.ops import flops

# Layers 1 to 13 of the paper's figure 3 but for the two most sensitive.
CONVS = 'cell_[12]/c|cell_3/c[123]'


def total(model):
  z = jax.ShapeDtypeStruct((1, model.latent), jnp.float32)
  init = functools.partial(model.init, train=False)
  variables = jax.eval_shape(init, jax.random.key(0), z)
  variables = {k: variables[k] for k in ('params', 'batch_stats')}
  return variables['params'], flops.total(flops.layers(model, variables, z))


@pytest.mark.parametrize(
    'size, width, rank, params, macs, convs_only, small, small_macs', [
        (32, 256, 256, 20_185_859, 8.8773, 8_871_171, 5_922_371, 4.2698),
        (32, 128, 128, 5_931_395, 2.22195, 3_108_483, 1_634_243, 1.07166),
        (48, 256, 128, 19_470_083, 19.9689, 7_422_979, 5_358_835, 8.9546),
        (48, 128, 128, 5_573_507, 4.99690, 2_750_595, 1_718_643, 2.41103)])
def test_the_published_networks_have_their_sizes_before_and_after(
    size, width, rank, params, macs, convs_only, small, small_macs):
  dense = Generator(size=size, colors=3, width=width)
  shapes, before = total(dense)
  assert before.params == params
  assert before.macs / 1e9 == pytest.approx(macs, rel=2e-5)

  convs = ranks.resolve(shapes, [{'match': CONVS, 'form': 'cp', 'rank': rank}])
  assert len(convs) == 11
  assert total(factored.module(dense, convs))[1].params == convs_only

  linear = ranks.resolve(shapes, [{'match': 'linear_[23]', 'form': 'svd',
                                   'rank': 4}])
  _, after = total(factored.module(dense, convs | linear))
  assert after.params == small
  assert after.macs / 1e9 == pytest.approx(small_macs, rel=2e-5)
