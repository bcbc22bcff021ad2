"""Contracts of every loss, and the values of each by hand."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup
from jgan.errors import UserError

# Those for which a higher logit always means "more real".
ORDERED = ['hinge', 'leastsquares', 'minimax', 'nonsaturating',
           'relativistic_average', 'relativistic_pairing', 'wasserstein']


def logits(*shape, seed=0):
  real, fake = .3 * np.random.default_rng(seed).normal(size=(2, *shape))
  return jnp.float32(real), jnp.float32(fake)


def draws(name):
  """The key that the losses of a file take, if they draw numbers."""
  drawing = getattr(lookup.find('losses', name), 'DRAWS', False)
  return {'rng': jax.random.key(0)} if drawing else {}


def pair(name, real, fake, **knobs):
  """Both losses of a file, as floats; G sees the reals only if it may."""
  loss = lookup.find('losses', name)
  seen = real if getattr(loss, 'PAIRED', False) else None
  knobs |= draws(name)
  return (loss.discriminator(real, fake, **knobs),
          loss.generator(seen, fake, **knobs))


@pytest.mark.parametrize('name', lookup.names('losses'))
def test_every_loss_is_a_finite_float32_scalar(name):
  for value in pair(name, *logits(8, 4)):
    assert value.shape == () and value.dtype == jnp.float32
    assert jnp.isfinite(value)


@pytest.mark.parametrize('name', [
    name for name in lookup.names('losses') if not draws(name)])
def test_no_loss_depends_on_the_order_of_samples(name):
  """The loss of pairs depends on which images are pairs, not on their order."""
  real, fake = logits(8, 4)
  other = fake[::-1] if name == 'relativistic_pairing' else (
      jnp.roll(fake, 3, axis=0))
  shuffled = pair(name, real[::-1], other)
  np.testing.assert_allclose(pair(name, real, fake), shuffled, rtol=2e-5,
                             atol=1e-6)


@pytest.mark.parametrize('name', lookup.names('losses'))
def test_every_loss_has_finite_gradients_at_large_logits(name):
  real, fake = (100. * x for x in logits(8, 4))
  loss, key = lookup.find('losses', name), draws(name)
  assert np.isfinite(jax.grad(loss.discriminator, (0, 1))(real, fake,
                                                          **key)).all()
  assert np.isfinite(jax.grad(loss.generator, 1)(real, fake, **key)).all()


@pytest.mark.parametrize('name', ORDERED)
def test_d_falls_with_real_logits_and_rises_with_fake_ones(name):
  loss = lookup.find('losses', name)
  real, fake = (jnp.abs(x) for x in logits(8))  # between the targets 0 and 1
  by_real, by_fake = jax.grad(loss.discriminator, (0, 1))(real, fake)
  assert (by_real < 0).all() and (by_fake > 0).all()


@pytest.mark.parametrize('name', ORDERED)
def test_g_falls_with_fake_logits(name):
  assert (jax.grad(lookup.find('losses', name).generator, 1)(*logits(8))
          < 0).all()


# At zero logits; hinge and non-saturating as in specs/re_gan.md 12.3.
@pytest.mark.parametrize('name, disc, gen', [
    ('hinge', 2., 0.),
    ('leastsquares', 1., 1.),
    ('minimax', 1.3863, -.6931),
    ('nonsaturating', 1.3863, .6931),
    ('relativistic_average', 1.3863, 1.3863),
    ('relativistic_pairing', .6931, .6931),
    ('wasserstein', 0., 0.),
])
def test_losses_of_an_undecided_discriminator(name, disc, gen):
  zero = jnp.zeros(4)
  np.testing.assert_allclose(pair(name, zero, zero), (disc, gen), atol=5e-5)


# real 2, -1 and fake 1, -3, by hand.
@pytest.mark.parametrize('name, disc, gen', [
    ('hinge', (0 + 2) / 2 + (2 + 0) / 2, 1.),
    ('leastsquares', (1 + 4) / 2 + (1 + 9) / 2, (0 + 16) / 2),
    ('relativistic_pairing', np.log((1 + np.exp(-1)) * (1 + np.exp(-2))) / 2,
     np.log((1 + np.exp(1)) * (1 + np.exp(2))) / 2),
    ('wasserstein', -1. - .5, 1.),
])
def test_losses_by_hand(name, disc, gen):
  real, fake = jnp.array([2., -1.]), jnp.array([1., -3.])
  np.testing.assert_allclose(pair(name, real, fake), (disc, gen), rtol=1e-6)


def test_cross_entropies_are_the_logarithms_of_probabilities():
  real, fake = (np.float64(x) for x in logits(8))
  p, q = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
  disc = -np.log(p).mean() - np.log(1 - q).mean()
  np.testing.assert_allclose(pair('minimax', *logits(8)),
                             (disc, np.log(1 - q).mean()), rtol=1e-6)
  np.testing.assert_allclose(pair('nonsaturating', *logits(8)),
                             (disc, -np.log(q).mean()), rtol=1e-6)


def test_minimax_saturates_where_nonsaturating_does_not():
  slope = lambda name: jax.grad(
      lambda x: pair(name, x, x)[1])(jnp.array([-20.]))
  assert abs(slope('minimax')) < 1e-8
  np.testing.assert_allclose(slope('nonsaturating'), -1., rtol=1e-6)


def test_leastsquares_takes_the_papers_half_and_targets():
  real, fake = logits(8)
  np.testing.assert_allclose(
      pair('leastsquares', real, fake, scale=.5),
      .5 * np.array(pair('leastsquares', real, fake)), rtol=1e-6)
  # Any pull to a target is zero there.
  ones = jnp.ones(3)
  assert pair('leastsquares', ones, -ones, fake_target=-1.,
              gen_target=-1.) == (0., 0.)


@pytest.mark.parametrize('base', ['nonsaturating', 'hinge', 'leastsquares'])
def test_relativistic_loss_sees_differences_only_and_swaps_roles(base):
  real, fake = logits(8)
  here = pair('relativistic_average', real, fake, base=base)
  moved = pair('relativistic_average', real + 3., fake + 3., base=base)
  swapped = pair('relativistic_average', fake, real, base=base)
  np.testing.assert_allclose(here, moved, rtol=1e-5)
  np.testing.assert_allclose(here, swapped[::-1], rtol=1e-6)


def test_relativistic_hinge_by_hand():
  # real mean .5, fake mean -1: real - (-1) = 3, 0; fake - .5 = .5, -3.5.
  real, fake = jnp.array([2., -1.]), jnp.array([1., -3.])
  disc, gen = pair('relativistic_average', real, fake, base='hinge')
  np.testing.assert_allclose(disc, (0 + 1) / 2 + (1.5 + 0) / 2, rtol=1e-6)
  np.testing.assert_allclose(gen, (.5 + 4.5) / 2 + (4 + 1) / 2, rtol=1e-6)


def test_an_unknown_base_names_the_nearest():
  with pytest.raises(UserError, match="did you mean 'hinge'"):
    pair('relativistic_average', *logits(4), base='hinje')


def random_hinge(real, fake, seed=0, **margins):
  return lookup.find('losses', 'hinge_random_margin').discriminator(
      real, fake, rng=jax.random.key(seed), **margins)


def test_random_margins_that_cannot_vary_are_those_of_hinge():
  real, fake = (3. * x for x in logits(8, 4))
  hinge = lookup.find('losses', 'hinge')
  np.testing.assert_allclose(random_hinge(real, fake, low=1., high=1.),
                             hinge.discriminator(real, fake), rtol=1e-6)
  np.testing.assert_allclose(random_hinge(real, fake, low=.5, high=.5),
                             .5 * hinge.discriminator(2. * real, 2. * fake),
                             rtol=1e-6)


def test_every_logit_has_a_margin_of_its_own_from_eight_tenths_to_one():
  # Where no margin is reached the slope does not tell, but the value does.
  zero = jnp.zeros((400, 50))
  np.testing.assert_allclose(random_hinge(zero, zero), 2 * .9, atol=2e-3)
  # A logit of .9 is within its margin for half of them.
  slope = jax.grad(random_hinge, (0, 1))(zero + .9, zero - .9)
  for by, sign in zip(slope, (-1., 1.)):
    active = np.asarray(by * by.size)
    assert set(np.unique(active.round(5))) == {0., sign}
    np.testing.assert_allclose(abs(active).mean(), .5, atol=.02)
    per_sample = abs(active).sum(1)
    assert per_sample.min() > 0 and per_sample.max() < 50
  assert (slope[0] != -slope[1]).any()  # drawn apart
  for logit, loss in ((.79, True), (1., False)):
    found = random_hinge(zero + logit, zero - 2.)
    assert (found > 0.) == loss


def test_random_margins_are_those_of_the_key():
  values = [float(random_hinge(*logits(8), seed)) for seed in (0, 0, 1)]
  assert values[0] == values[1] != values[2]


def test_margins_from_a_higher_to_a_lower_are_refused():
  with pytest.raises(UserError, match='low=1.0 is above high=0.8'):
    random_hinge(*logits(8), low=1., high=.8)


def test_images_that_have_no_partner_are_refused():
  loss = lookup.find('losses', 'relativistic_pairing')
  with pytest.raises(UserError, match='6 fakes for 8 real images.*gen_batch=0'):
    loss.generator(jnp.zeros(8), jnp.zeros(6))
