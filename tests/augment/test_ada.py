"""ADA: what is drawn, the matrices, and the resampling beside scipy."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from jgan.augment import _warp, ada
from jgan.errors import UserError

KEY = jax.random.key(0)
B = 20000
sample = jax.jit(ada.sample, static_argnums=1)
affine = jax.jit(_warp.affine)

# The same shapes everywhere: each compiles once.
apply = jax.jit(ada.apply)


def draws(**given):
  """Draws of a single image: nothing happens but what is given."""
  return ada.Draws(*(jnp.float32(x)[..., None] for x in
                     ada.NOTHING._replace(shift=(0., 0.), slide=(0., 0.))
                     ._replace(**given)))


def differs(draws):
  """{name: [b], whether it happens}."""
  return {name: np.asarray(values != nothing).reshape(-1, values.shape[-1])
          .any(0) for name, values, nothing in
          zip(draws._fields, draws, ada.NOTHING)}


def random_image(h, w, c=1, seed=0):
  x = np.random.default_rng(seed).uniform(-1., 1., (1, h, w, c))
  return jnp.float32(x)


def smooth(h, w):
  """A picture without fine detail or symmetry: [1, h, w, 1]."""
  y, x = np.mgrid[:h, :w]
  return jnp.float32(np.sin(2 * np.pi * x / w + .5) * np.cos(
      2 * np.pi * y / h) + .5 * y / h + .3 * x / w)[None, ..., None]


# What is drawn.


@pytest.mark.parametrize('p', [0., .3, 1.])
def test_each_transformation_happens_with_probability_p(p):
  changes = differs(sample(KEY, B, p))
  rotated = changes['turn_before'] | changes['turn_after']
  for name, changed in changes.items():
    # Of flips and inversions half are none, of quarter turns a quarter.
    share = {'flip': .5, 'invert': .5, 'turns': .75}.get(name, 1.) * p
    if name.startswith('turn_'):
      share = 1. - np.sqrt(1. - p)
    np.testing.assert_allclose(changed.mean(), share, atol=.015, err_msg=name)
  np.testing.assert_allclose(rotated.mean(), p, atol=.015)


def test_ranges_and_deviations_are_those_of_the_published_code():
  got = jax.tree.map(np.asarray, sample(KEY, B, 1.))
  for name, bound in dict(shift=.125, turn_before=np.pi, turn_after=np.pi,
                          hue=np.pi).items():
    values = getattr(got, name)
    assert -bound <= values.min() < -.99 * bound, name
    assert .99 * bound < values.max() <= bound, name
    np.testing.assert_allclose(values.std(), bound / np.sqrt(3.), rtol=.03)
  for name, deviation in dict(scale=.2, stretch=.2, contrast=.5,
                              saturation=1.).items():
    power = np.log2(getattr(got, name))
    np.testing.assert_allclose(power.std(), deviation, rtol=.03, err_msg=name)
    np.testing.assert_allclose(power.mean(), 0., atol=.03 * deviation)
  for name, deviation in dict(slide=.125, brightness=.2).items():
    np.testing.assert_allclose(getattr(got, name).std(), deviation, rtol=.03)
  assert {*np.unique(got.turns)} == {0, 1, 2, 3}
  assert {*np.unique(got.flip)} == {*np.unique(got.invert)} == {0, 1}


def test_a_probability_above_one_is_one():
  one, more = sample(KEY, B, 1.), sample(KEY, B, 1.25)
  for a, b in zip(one, more):
    np.testing.assert_array_equal(a, b)


def test_different_transformations_are_drawn_apart():
  got = sample(KEY, B, 1.)
  found = np.corrcoef(np.concatenate([x.reshape(-1, B) for x in got]))
  np.testing.assert_allclose(found, np.eye(len(found)), atol=.03)


# The matrices.


def test_the_geometry_undoes_each_step_of_the_way():
  h, w = 12, 20
  given = dict(flip=1, turns=3, shift=(.1, -.06), scale=1.3, turn_before=.4,
               stretch=.8, turn_after=-1.1, slide=(.21, .07))

  def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle), 0.],
                     [np.sin(angle), np.cos(angle), 0.], [0., 0., 1.]])

  def move(x, y):
    return np.array([[1., 0., x], [0., 1., y], [0., 0., 1.]])

  forward = np.eye(3)
  for step in (np.diag([-1., 1., 1.]), turn(3 * np.pi / 2), move(2., -1.),
               np.diag([1.3, 1.3, 1.]), turn(.4), np.diag([.8, 1.25, 1.]),
               turn(-1.1), move(.21 * w, .07 * h)):
    forward = step @ forward
  got = ada.inverse_warp(draws(**given), h, w)[0]
  np.testing.assert_allclose(got, np.linalg.inv(forward), atol=1e-5)


def test_the_colours_go_through_their_steps_in_order():
  given = dict(brightness=.2, contrast=1.4, invert=1, hue=.7, saturation=.3)
  x = np.random.default_rng(0).uniform(-1., 1., (5, 3))
  want = (x + .2) * 1.4
  want = want - 2. * want.mean(1, keepdims=True)
  want = Rotation.from_rotvec(.7 * np.ones(3) / np.sqrt(3.)).apply(want)
  mean = want.mean(1, keepdims=True)
  want = mean + .3 * (want - mean)
  matrix = ada.color_matrix(draws(**given))
  got = ada._recolor(jnp.float32(x)[None, None], matrix)[0, 0]
  np.testing.assert_allclose(got, want, atol=1e-5)
  # A grey image is taken for one of three equal channels.
  grey = jnp.float32(x)[None, None, :, :1]
  np.testing.assert_allclose(
      ada._recolor(grey, matrix)[0, 0, :, 0],
      ada._recolor(grey.repeat(3, 3), matrix)[0, 0].mean(1), atol=1e-6)


# Resampling.


def reference(image, inverse):
  """[h, w] -> [h, w], by padding, filtering and scipy's interpolation."""
  h, w = image.shape
  up, taps = 2 * _warp.SYM6, len(_warp.SYM6)
  pad = 3 * max(h, w)
  x = np.pad(np.float64(image), pad, mode='reflect')
  for axis in (0, 1):
    zeros = np.zeros([n * (2 if i == axis else 1)
                      for i, n in enumerate(x.shape)])
    zeros[(slice(None),) * axis + (slice(None, None, 2),)] = x
    x = np.apply_along_axis(np.convolve, axis, zeros, up)
  # Sample 2 (n + pad) + 5 of what was convolved is pixel n.
  rows, columns = (np.arange(2 * n + 10) - 5. for n in (h, w))
  grid = np.stack([*np.meshgrid((columns - w + 1) / 2, (rows - h + 1) / 2),
                   np.ones((len(rows), len(columns)))])
  fx, fy = np.einsum('ij,jkl->ikl', np.float64(inverse)[:2], grid)
  at = [2 * (fy + (h - 1) / 2 + pad) + 5, 2 * (fx + (w - 1) / 2 + pad) + 5]
  x = ndimage.map_coordinates(x, at, order=1)
  for axis, n in enumerate((h, w)):
    x = np.stack([np.tensordot(
        _warp.SYM6, np.take(x, np.arange(2 * i, 2 * i + taps), axis), (0, axis))
        for i in range(n)], axis)
  return x


@pytest.mark.parametrize('h, w, seed', [(8, 8, 0), (8, 8, 1), (8, 8, 2),
                                        (6, 10, 3)])
def test_warps_agree_with_padding_filtering_and_scipy(h, w, seed):
  image = random_image(h, w, seed=seed)
  rng = np.random.default_rng(seed)
  inverse = np.eye(3)
  inverse[:2] += rng.normal(size=(2, 3)) * [.3, .3, 2.]
  got = affine(image, jnp.float32(inverse)[None])[0, ..., 0]
  np.testing.assert_allclose(got, reference(image[0, ..., 0], inverse),
                             atol=2e-4)


def test_the_filter_is_orthogonal_with_six_vanishing_moments():
  """What makes it sym6; the last digits of a printed table."""
  h = np.sqrt(2.) * _warp.SYM6
  overlap = [np.sum(h[2 * k:] * h[:12 - 2 * k]) for k in range(6)]
  np.testing.assert_allclose(overlap, np.eye(6)[0], atol=1e-11)
  n = np.arange(12)
  moments = [np.sum((-1.)**n * n**m * h) for m in range(6)]
  np.testing.assert_allclose(moments, 0., atol=1e-8)


def test_doing_nothing_through_the_filters_gives_the_image_back():
  image = random_image(8, 8)
  got = affine(image, jnp.eye(3)[None])
  np.testing.assert_allclose(got, image, atol=2e-6)


def geometry(image, **given):
  _, h, w, _ = image.shape
  return affine(image, ada.inverse_warp(draws(**given), h, w))


def test_whole_pixels_are_moved_exactly_right_and_down():
  image = random_image(16, 16)
  got = geometry(image, shift=(.125, .0625))
  np.testing.assert_allclose(got[:, 1:, 2:], image[:, :-1, :-2], atol=5e-6)
  # And what comes in is the reflection.
  np.testing.assert_allclose(got[:, 0, 2:], image[:, 1, :-2], atol=5e-6)


@pytest.mark.parametrize('given, want', [
    (dict(flip=1), lambda x: x[:, :, ::-1]),
    (dict(turns=1), lambda x: jnp.rot90(x, -1, (1, 2))),
    (dict(turns=2), lambda x: x[:, ::-1, ::-1]),
    (dict(turns=3), lambda x: jnp.rot90(x, 1, (1, 2))),
    (dict(turn_before=np.pi / 2), lambda x: jnp.rot90(x, -1, (1, 2))),
    (dict(turn_after=np.pi / 2), lambda x: jnp.rot90(x, -1, (1, 2))),
])
def test_flips_and_turns_are_those_of_numpy(given, want):
  """But for the filter's small asymmetry, as in the published code."""
  image = smooth(32, 32)
  got = geometry(image, **given)
  inner = np.s_[:, 4:-4, 4:-4]
  np.testing.assert_allclose(got[inner], want(image)[inner], atol=.05)


def test_a_larger_scale_shows_less():
  image = smooth(32, 32)
  got = geometry(image, scale=2.)[0, 8:24, 8:24, 0]
  want = ndimage.zoom(np.asarray(image)[0, 12:20, 12:20, 0], 2., order=3,
                      grid_mode=True, mode='nearest')
  np.testing.assert_allclose(got[4:-4, 4:-4], want[4:-4, 4:-4], atol=.02)


# The whole.


def many(c=3):
  return random_image(64 * 8, 8, c).reshape(64, 8, 8, c)


@pytest.mark.parametrize('c', [1, 3])
def test_where_p_is_zero_all_images_stay_bit_for_bit(c):
  got = apply(KEY, many(c), {'p': jnp.float32(0.)})
  np.testing.assert_array_equal(got.view(jnp.int32), many(c).view(jnp.int32))


def test_an_image_for_which_nothing_is_drawn_stays_bit_for_bit():
  got = jax.jit(ada.sample, static_argnums=1)(KEY, 64, .1)
  got = got._replace(shift=jnp.round(got.shift * 8.))
  touched = np.any([*differs(got).values()], 0)
  augmented = apply(KEY, many(), {'p': jnp.float32(.1)})
  changed = (augmented != many()).any((1, 2, 3))
  np.testing.assert_array_equal(changed, touched)
  assert 0 < touched.sum() < 64


def test_a_changed_p_compiles_nothing():
  apply(KEY, many(), {'p': jnp.float32(.1)})
  compiled = apply._cache_size()
  apply(KEY, many(), {'p': jnp.float32(.7)})
  assert apply._cache_size() == compiled


def test_channels_and_probabilities_that_make_no_sense_are_refused():
  with pytest.raises(UserError, match='2 channels; 1 or 3'):
    ada.apply(KEY, jnp.zeros((1, 8, 8, 2)), {'p': .5})
  with pytest.raises(UserError, match=r'p=1\.5'):
    ada.start(p=1.5)


# As in R3GAN.


def test_colours_may_be_rarer_than_geometry():
  changes = differs(jax.jit(functools.partial(ada.sample, color=.5),
                            static_argnums=1)(KEY, B, .6))
  for name in ada.COLORS:
    share = .3 * (.5 if name == 'invert' else 1.)
    np.testing.assert_allclose(changes[name].mean(), share, atol=.015)
  np.testing.assert_allclose(changes['scale'].mean(), .6, atol=.015)


def test_a_square_of_half_the_side_is_cut_out_with_probability_p():
  x = jnp.ones((4096, 8, 8, 1))
  cut = np.asarray(jax.jit(ada.cut_out)(KEY, x, .5))[..., 0] == 0.
  np.testing.assert_allclose(cut.any((1, 2)).mean(), .5, atol=.03)
  for one in cut[cut.any((1, 2))][:64]:
    rows, columns = one.any(1), one.any(0)
    np.testing.assert_array_equal(one, rows[:, None] & columns)
    # Four pixels, or fewer at a border.
    assert rows.sum() in (4, 5) or rows[0] or rows[-1]
    assert np.all(np.diff(np.flatnonzero(rows)) == 1)
  # Of the centres half are within a quarter of the side of a border, where on
  # average a half of what lies beyond is lost.
  np.testing.assert_allclose(cut[cut.any((1, 2))].mean(), (.5 * 7 / 8)**2,
                             atol=.01)


def test_a_square_is_cut_out_only_where_it_is_asked_for():
  plain, cut = jax.jit(lambda x, memory: [
      ada.apply(KEY, x, memory, cutout=cutout) for cutout in (0., 1.)])(
          many(), {'p': jnp.float32(1.)})
  changed = plain != cut
  assert changed.any((1, 2, 3)).all()
  np.testing.assert_array_equal(np.asarray(cut)[changed], 0.)


def test_p_may_move_by_a_schedule_instead_of_signs():
  """Of R3GAN on CIFAR-10: to .55 in 20 million images."""
  rule = dict(p=0., rule='cosine', final=.55, kimg=20_000.)
  at = lambda seen: ada.update(
      {**ada.start(p=0.), 'seen': jnp.int32(seen - 1)}, 1., 500, **rule)
  np.testing.assert_allclose(
      [at(n)['p'] for n in (10_000, 20_000, 30_000, 40_000, 90_000)],
      [.080545635, .275, .469454364, .55, .55], rtol=1e-6)
  assert at(7)['seen'] == 7 and at(7)['p'].dtype == jnp.float32


@pytest.mark.parametrize('knobs, words', [
    ({'rule': 'cosin'}, "no rule 'cosin'.*cosine"),
    ({'rule': 'cosine', 'final': 2.}, 'final=2'),
    ({'rule': 'cosine', 'kimg': 0.}, 'kimg=0')])
def test_a_rule_that_makes_no_sense_is_refused(knobs, words):
  with pytest.raises(UserError, match=words):
    ada.update(ada.start(), 0., 8, **knobs)
