"""Truncation and mixing of styles, against the definition."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, styles
from jgan import config as configs
from jgan.errors import UserError
from jgan.layers import latent_noise
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
  monkeypatch.setattr(styles, 'COUNT', 1000)
  c, _, net = stylegan2
  s = Styles(c, 'truncation')
  assert s.layers == 4
  centre = s.average(net)
  assert centre.shape == (4, 6)
  # The mean of other draws is the same, but for their number.
  apply = jax.jit(s._apply)
  np.testing.assert_allclose(centre, apply(net, normal(4000, 6)).mean(0),
                             atol=.15)
  z, seen = normal(3, 6), []
  monkeypatch.setattr(type(s._model), 'synthesise',
                      lambda model, w, train, keys: seen.append((w, keys)))
  for psi in (1., .5, 0.):
    s.sampled(net, truncation=psi)(net, z)
    np.testing.assert_allclose(
        seen[-1][0], centre + psi * (apply(net, z) - centre), atol=1e-5)
    # Noise is that of the untruncated image.
    assert (jax.random.key_data(seen[-1][1])
            == jax.random.key_data(latent_noise.keys(z))).all()


def test_all_classes_are_as_frequent_in_the_average(stylegan2, monkeypatch):
  """Also where there are more classes than latents in a batch."""
  monkeypatch.setattr(styles, 'COUNT', 20)
  monkeypatch.setattr(styles, '_BATCH', 4)
  c, _, net = stylegan2
  s = Styles(c, 'truncation')
  s._model = s._model.clone(classes=10)
  s._apply = lambda net, z, labels: jax.nn.one_hot(labels, 10)[:, None]
  np.testing.assert_allclose(s.average(net), [[.1] * 10], rtol=1e-6)


def test_the_images_are_those_of_the_styles(stylegan2):
  """Untruncated, and as a whole those of the second latent."""
  c, _, net = stylegan2
  first, second = jnp.asarray(normal(2, 3, 6))
  c = sample.with_equal_noise(c)
  got = jax.jit(Styles(c, 'mixing').sampled(net, mixed=(0, 4)))(
      net, jnp.concatenate([first, second], 1))
  want = jax.jit(build.method(c).sample)(net, second)
  np.testing.assert_allclose(got, want, atol=1e-5)


def test_mixed_layers_have_the_style_of_the_second_latent(
    stylegan2, monkeypatch):
  c, _, net = stylegan2
  s, seen = Styles(c, 'mixing'), []
  first, second = jnp.asarray(normal(2, 3, 6))
  monkeypatch.setattr(type(s._model), 'synthesise',
                      lambda model, w, train, keys: seen.append(w))
  s.sampled(net, mixed=(1, 3))(net, jnp.concatenate([first, second], 1))
  own, other = s._apply(net, first), s._apply(net, second)
  np.testing.assert_allclose(seen[0][:, (0, 3)], own[:, (0, 3)], atol=1e-6)
  np.testing.assert_allclose(seen[0][:, 1:3], other[:, 1:3], atol=1e-6)


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
