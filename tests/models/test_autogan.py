"""AutoGAN: counts of specs/re_gan.md 12.1, alphagan.md 1.5 and
mmd_adversarial_nas.md 2, 7.
"""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, experiment
from jgan import config as configs
from jgan.errors import UserError
from jgan.layers import act, conv, norm
from jgan.models import autogan, sngan
from jgan.ops import flops


def shapes(model, b=1):
  x = jnp.zeros((b, model.latent) if hasattr(model, 'latent') else
                (b, model.size, model.size, model.colors))
  found = dict(jax.eval_shape(lambda k: model.init(k, x, True),
                              jax.random.key(0)))
  return x, found.pop('features')['blocks'], found


@pytest.mark.parametrize('genotype, params, macs, stl', [
    ('A', 4_405_251, 1_765_015_552, 5_065_731),
    ('B', 4_471_043, 1_832_124_416, None),
    ('C', 4_406_275, 1_765_015_552, None)])
def test_a_generator_has_its_parameters_and_work(genotype, params, macs, stl):
  model = autogan.Generator(32, 3, genotype=genotype)
  x, blocks, variables = shapes(model)
  total = flops.total(flops.layers(model, variables, x))
  assert (total.params, total.macs) == (params, macs)
  assert [b.shape[1:] for b in blocks] == [
      (8, 8, 256), (16, 16, 256), (32, 32, 256)]
  if stl:
    model = model.clone(size=48)
    x, _, variables = shapes(model)
    assert flops.total(flops.layers(model, variables, x)).params == stl


@pytest.mark.parametrize('size, width, outputs, params, macs', [
    (32, 512, 16, 16_805_888, 4.3095e9), (48, 512, 16, 16_805_888, 9.70e9),
    (32, 128, 1, 1_053_824, 272_072_832), (32, 64, 1, 264_768, None),
    (32, 16, 1, 17_040, None), (32, 8, 1, 4_424, None)])
def test_the_discriminator_has_its_parameters_and_work(size, width, outputs,
                                                       params, macs):
  model = autogan.Discriminator(size, 3, width=width, outputs=outputs)
  x, _, variables = shapes(model)
  total = flops.total(flops.layers(model, variables, x))
  assert total.params == params
  if macs:
    np.testing.assert_allclose(total.macs, macs, rtol=1e-3)


def test_the_discriminator_halves_twice_as_published_or_as_told():
  sides = lambda size, **fields: [b.shape[1] for b in shapes(
      autogan.Discriminator(size, 3, width=4, **fields))[1]]
  assert sides(32) == [16, 8, 8, 8]
  assert sides(48) == [24, 12, 12, 12]
  assert sides(64) == [32, 16, 16, 16]
  assert sides(64, halvings=0) == [32, 16, 8, 8]
  assert sides(64, halvings=4) == [32, 16, 8, 4]
  assert sides(96, halvings=0) == [48, 24, 12, 12]
  assert sides(128, halvings=0) == [64, 32, 16, 8]
  with pytest.raises(UserError, match='4 blocks cannot halve 5 times'):
    sides(64, halvings=5)


@pytest.mark.parametrize('file', [
    'alphagan/retrain.py:cifar10_s', 'alphagan/retrain.py:autogan_stl10',
    're_gan/autogan.py:re_c', 'sdp/cifar100.py:autogan',
    'mmd_nas/cifar10_large.py'])
def test_a_normalised_discriminator_starts_as_the_published_one_did(file):
  """PyTorch's U(-1, 1) / sqrt(1152); Xavier's numbers are the other reading."""
  c = experiment.load(f'experiments/{file}')
  for std in (.0170, .0295):
    disc = build.models(configs.complete(c), (32, 32, 3)).disc
    block = sngan.DownBlock(128, 128, False, disc.conv, norm.none, act.relu,
                            disc.initializer)
    kernels = block.init(jax.random.key(0), jnp.zeros((1, 1, 1, 128)), True)[
        'params']
    for name in ('conv_0', 'conv_1'):
      assert np.std(kernels[name]['kernel']) == pytest.approx(std, rel=.01)
    assert np.std(kernels['conv_0']['bias']) == pytest.approx(.0170, rel=.2)
    c.discriminator.initializer = 'xavier_kernel'


def test_at_32_pixels_the_discriminator_is_that_of_sngan():
  mine, theirs = (shapes(module.Discriminator(32, 3, width=8))[2]
                  for module in (autogan, sngan))
  assert jax.tree.structure(mine) == jax.tree.structure(theirs)
  assert jax.tree.leaves(mine) == jax.tree.leaves(theirs)


def test_what_skips_ahead_has_the_skips_it_received_in_it():
  block = autogan.UpBlock(autogan.GENOTYPES['A'][1], 2, 2,
                          conv.plain, norm.batch, act.relu)
  rng = np.random.default_rng(0)
  x, skip = (rng.normal(size=(1, 2, 2, 2)).astype(np.float32)
             for _ in range(2))
  variables = jax.tree.map(
      lambda p: rng.normal(size=p.shape).astype(np.float32),
      jax.eval_shape(lambda k: block.init(k, x, [skip], True),
                     jax.random.key(0)))
  ahead, _ = block.apply(variables, x, [skip], True)
  without, _ = block.apply(variables, x, [np.zeros_like(skip)], True)
  weights = variables['params']['skip_0']['kernel'][0, 0]
  expected = jax.image.resize(skip, (1, 4, 4, 2), 'linear') @ weights
  np.testing.assert_allclose(ahead - without, expected, rtol=1e-4, atol=1e-5)


def test_an_unknown_genotype_is_refused_with_the_known_ones():
  with pytest.raises(UserError, match="no genotype 'D'.*known: A, B, C"):
    shapes(autogan.Generator(32, 3, genotype='D'))
