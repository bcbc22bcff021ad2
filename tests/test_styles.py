"""Truncation and mixing of styles, against the definition."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, styles
from jgan import config as configs
from jgan.errors import UserError
from jgan.styles import Styles
from jgan.verbs import sample


@pytest.fixture(scope='module')
def stylegan2():
  """A narrow StyleGAN2, with noise, and its variables."""
  c = configs.base()
  c.data = {'name': 'digits', 'size': 8}
  c.generator = {'name': 'stylegan2', 'latent': 6, 'width': 4, 'most': 4,
                 'depth': 2}
  c.discriminator = {'name': 'stylegan2', 'width': 4, 'most': 4}
  c = configs.complete(c)
  method = build.method(c)
  rng = np.random.default_rng(0)
  net = jax.tree.map(lambda x: rng.normal(0., 1., x.shape).astype(x.dtype),
                     build.abstract(c, method).ema)
  return c, method, net


def normal(*shape):
  return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_styles_are_between_the_average_and_their_own(stylegan2, monkeypatch):
  c, method, net = stylegan2
  monkeypatch.setattr(styles, 'COUNT', 1000)
  s = Styles(c, 'truncation')
  assert s.layers == 4
  z = normal(3, 6)
  whole = jax.jit(method.sample)(net, z)
  centre = s.average(net)
  assert centre.shape == (4, 6)
  # The mean of other draws is the same, but for their number.
  others = s._apply(net, normal(4000, 6)).mean(0)
  np.testing.assert_allclose(centre, others, atol=.15)
  truncated = jax.jit(s.sampled(net, truncation=1.))(net, z)
  np.testing.assert_allclose(truncated, whole, atol=1e-5)
  model = build.models(c, build.spec(c).shape).gen.clone(stored_noise=True)
  for psi in (0., .5):
    config = sample.with_equal_noise(c)
    got = jax.jit(Styles(config, '').sampled(net, truncation=psi))(net, z)
    w = centre + psi * (s._apply(net, z) - centre)
    want = model.apply({'params': net.params, **net.stats}, w, False, None,
                       method='synthesise')
    np.testing.assert_allclose(got, want, atol=1e-5)
  assert abs(np.diff(jax.jit(Styles(config, '').sampled(
      net, truncation=0.))(net, z), axis=0)).max() < 1e-5


def test_mixed_layers_have_the_style_of_the_second_latent(stylegan2):
  c, _, net = stylegan2
  c = sample.with_equal_noise(c)
  s, method = Styles(c, 'mixing'), build.method(c)
  first, second = jnp.asarray(normal(2, 3, 6))
  mixed = lambda *layers: jax.jit(s.sampled(net, mixed=layers))(
      net, jnp.concatenate([first, second], 1))
  np.testing.assert_allclose(mixed(0, 4), jax.jit(method.sample)(net, second),
                             atol=1e-5)
  w = s._apply(net, first).at[:, :2].set(s._apply(net, second)[:, :2])
  want = build.models(c, (8, 8, 1)).gen.apply(
      {'params': net.params, **net.stats}, w, False, None, method='synthesise')
  np.testing.assert_allclose(mixed(0, 2), want, atol=1e-5)
  np.testing.assert_allclose(mixed(4, 4), jax.jit(method.sample)(net, first),
                             atol=1e-5)


def test_layers_are_named_or_counted(stylegan2):
  s = Styles(stylegan2[0], 'mixing')
  assert s.range('1:3') == (1, 3) and s.range('2:') == (2, 4)
  assert s.range(':1') == (0, 1)
  for text, says in (('coarse', 'all 4 layers'), ('fine', 'layers 0 to 3'),
                     ('3:1', 'layers 0 to 3'), ('0:9', 'layers 0 to 3'),
                     ('all', 'coarse, middle, fine or'), (':', 'FROM:TO')):
    with pytest.raises(UserError, match=says):
      s.range(text)


def test_a_generator_without_styles_refuses_the_flag(tiny):
  for flag in ('truncation', 'mixing'):
    with pytest.raises(UserError, match=f"--{flag} is of styles, and the "
                       "generator 'dcgan' has none"):
      Styles(configs.complete(tiny), flag)
