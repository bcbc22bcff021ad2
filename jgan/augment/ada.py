"""Adaptive discriminator augmentation, ADA (Karras et al., 2020), with pixel
blitting, geometric and colour transformations ('bgc'). Each is applied to each
image with probability p, which adapts to the overfitting of D.

Two differences to the published code: images are reflected without end, where
the published code has 0 beyond one image on each side; and an image without
any transformation is returned unchanged, not filtered.
"""
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgan import lookup
from jgan.augment import _adaptive, _warp
from jgan.errors import UserError
from jgan.ops import collectives, ramp

RULES = ('adaptive', 'cosine')


class Draws(NamedTuple):
  """Parameters of the transformations, in order of application.

  All are [b], except `shift` and `slide` [2, b], for x and y.

  Attributes:
    flip: mirror left to right, 0 or 1.
    turns: rotation by quarter turns, 0 to 3.
    shift: translation right and down, in image sides; rounded to pixels.
    scale: isotropic scaling.
    turn_before, turn_after: rotations before and after `stretch`, in radians.
    stretch: anisotropic scaling, of x by `stretch` and y by its inverse.
    slide: translation right and down, in image sides; not rounded.
    brightness: added to colours.
    contrast: factor of colours.
    invert: negate the lightness (mean colour), 0 or 1.
    hue: rotation of colours around the grey axis, in radians.
    saturation: factor of the distance of a colour to the grey axis.
  """
  flip: jax.Array
  turns: jax.Array
  shift: jax.Array
  scale: jax.Array
  turn_before: jax.Array
  stretch: jax.Array
  turn_after: jax.Array
  slide: jax.Array
  brightness: jax.Array
  contrast: jax.Array
  invert: jax.Array
  hue: jax.Array
  saturation: jax.Array


COLORS = ('brightness', 'contrast', 'invert', 'hue', 'saturation')

NOTHING = Draws(flip=0., turns=0., shift=0., scale=1., turn_before=0.,
                stretch=1., turn_after=0., slide=0., brightness=0., contrast=1.,
                invert=0., hue=0., saturation=1.)


def start(shape=None, *, p=0.):
  """The memory before the first step.

  shape: of the fakes; not used.
  p: the initial probability; it stays constant with kimg=0.

  Raises:
    UserError: p is outside [0, 1].
  """
  del shape
  if not 0. <= p <= 1.:
    raise UserError(f'ada: p={p:g}; a probability in [0, 1] would be right')
  return _adaptive.start(p)


def update(memory, sign, images, *, p=0., rule='adaptive', final=0., target=.6,
           every=4, kimg=500.):
  """The memory after an update of D, with a new p.

  Args:
    memory, sign, images, target, every: as in augment/_adaptive.py.
    p: as in `start`.
    rule: 'adaptive', by the signs, or 'cosine': p moves to `final` in the
      first `kimg` thousands of images, by half a cosine wave, and stays there.
    final: of the rule 'cosine'.
    kimg: of the rule 'adaptive' the thousands of images in which p can go from
      0 to 1.

  Raises:
    UserError: another rule, a final p outside [0, 1], no images to move in, or
      as in augment/_adaptive.py.
  """
  if rule not in RULES:
    raise UserError(f"ada: no rule '{rule}': {lookup.nearest(rule, RULES)}")
  if rule == 'adaptive':
    return _adaptive.update(memory, sign, images, target=target, every=every,
                            kimg=kimg)
  if not 0. <= final <= 1. or kimg <= 0.:
    raise UserError(f'ada: final={final:g}, kimg={kimg:g}; a probability in '
                    '[0, 1] and a number above 0 would be right')
  seen = memory['seen'] + 1
  new_p = ramp.cosine(seen, 1000. * kimg / images, p, final)
  return {**memory, 'seen': seen, 'p': jnp.float32(new_p)}


def apply(rng, images, memory, *, color=1., cutout=0., axis_name=None):
  """Transforms the geometry, then the colours of each image.

  Args:
    rng: a key; the same one gives the same transformations.
    images: [b, h, w, c] in [-1, 1], of this shard; c is 1 or 3.
    memory: its 'p' is the probability of each transformation, a traced
      scalar >= 0.
    color: factor of this probability for transformations of colours.
    cutout: the same for cutting out a square of half the side; 0: none is cut
      out, as published for ADA alone.
    axis_name: the device axis over which b is split.

  Returns:
    [b, h, w, c], with colours that may be outside [-1, 1]. Images without any
    transformation are bitwise equal to the input.

  Raises:
    UserError: the images are neither greyscale nor RGB.
  """
  b, h, w, c = images.shape
  if c not in (1, 3):
    raise UserError(f'ada: the images have {c} channels; 1 or 3 would be right')
  draws = sample(rng, b, memory['p'], axis_name, color=color)
  # Positions in bfloat16 or TF32 would be wrong by pixels.
  with jax.default_matmul_precision('highest'):
    warp, colors = inverse_warp(draws, h, w), color_matrix(draws)
    images = _unless_identity(warp, _warp.affine(images, warp), images)
    images = _unless_identity(colors, _recolor(images, colors), images)
  return (cut_out(jax.random.fold_in(rng, 3), images, cutout * memory['p'],
                  axis_name) if cutout else images)


def cut_out(rng, images, p, axis_name=None, *, side=.5):
  """Sets a square of each image to 0 with probability p.

  Args:
    rng: a key.
    images: [b, h, w, c], of this shard.
    p: a scalar >= 0, may be traced.
    axis_name: the device axis over which b is split.
    side: of the square, in sides of the image. Its centre is uniform in the
      image; parts outside the image are cut off.
  """
  b, h, w, _ = images.shape
  coin, *centre = collectives.draw(jax.random.uniform, rng, (b, 3), axis_name).T
  covered = (coin < p)[:, None, None, None]
  for axis, (at, n) in enumerate(zip(centre, (h, w))):
    position = (jnp.arange(n) + .5) / n
    near = jnp.abs(position - at[:, None]) < side / 2.
    covered &= jnp.expand_dims(near, (2 - axis, 3))
  return jnp.where(covered, 0., images)


def sample(rng, b, p, axis_name=None, *, color=1.):
  """Samples the transformations of b images of this shard: -> Draws.

  Uniform: flip, turns, shift in +-1/8, angles and hue in +-pi. Normal: slide
  (standard deviation 1/8), brightness (.2) and the logarithms to base 2 of
  scale and stretch (.2), contrast (.5) and saturation (1).
  """
  keys = jax.random.split(rng, 3)
  # Three draws for all: one draw per transformation would take seconds to
  # compile.
  coins, uniform, normal = (
      collectives.draw(sampler, key, (b, count), axis_name).T
      for key, sampler, count in zip(
          keys, (jax.random.uniform, jax.random.uniform, jax.random.normal),
          (len(Draws._fields), 8, 7)))
  flip, invert = jnp.floor(2. * uniform[:2])
  turns = jnp.floor(4. * uniform[2])
  turn_before, turn_after, hue = np.pi * (2. * uniform[3:6] - 1.)
  drawn = Draws(
      flip=flip, turns=turns, shift=.125 * (2. * uniform[6:] - 1.),
      scale=jnp.exp2(.2 * normal[0]), turn_before=turn_before,
      stretch=jnp.exp2(.2 * normal[1]), turn_after=turn_after,
      slide=.125 * normal[2:4], brightness=.2 * normal[4],
      contrast=jnp.exp2(.5 * normal[5]), invert=invert, hue=hue,
      saturation=jnp.exp2(normal[6]))
  # At least one of both rotations is applied with probability p.
  p_turn = 1. - jnp.sqrt(1. - jnp.minimum(p, 1.))
  chance = dict.fromkeys(Draws._fields, p) | {'turn_before': p_turn,
                                              'turn_after': p_turn}
  chance |= dict.fromkeys(COLORS, color * p)
  return Draws(*(
      jnp.where(coin < chance[name], value, neutral) for name, coin, value,
      neutral in zip(Draws._fields, coins, drawn, NOTHING)))


def inverse_warp(draws, h, w):
  """Inverse of all geometric transformations: [b, 3, 3], for _warp.affine."""
  def scale(x, y):
    return _matrix((x, 0, 0), (0, y, 0), (0, 0, 1))

  def turn(cos, sin):
    return _matrix((cos, sin, 0), (-sin, cos, 0), (0, 0, 1))

  def move(x, y):
    return _matrix((1, 0, x), (0, 1, y), (0, 0, 1))

  sides = jnp.array([[w], [h]])
  quarter = np.pi / 2. * draws.turns
  # The inverse of a product: inverse factors, in the order of application from
  # the left.
  return functools.reduce(jnp.matmul, (
      scale(1. - 2. * draws.flip, 1.),
      turn(jnp.round(jnp.cos(quarter)), jnp.round(jnp.sin(quarter))),
      move(*-jnp.round(draws.shift * sides)),
      scale(1. / draws.scale, 1. / draws.scale),
      turn(jnp.cos(draws.turn_before), jnp.sin(draws.turn_before)),
      scale(1. / draws.stretch, draws.stretch),
      turn(jnp.cos(draws.turn_after), jnp.sin(draws.turn_after)),
      move(*-(draws.slide * sides))))


def color_matrix(draws):
  """All colour transformations: [b, 4, 4], (r, g, b, 1) -> (r, g, b, 1)."""
  rgb = np.diag([1., 1., 1., 0.])
  grey = np.pad(np.full((3, 3), 1. / 3.), (0, 1))  # projects to the grey axis
  cross = np.pad(np.cross(np.eye(3), np.full(3, np.sqrt(1. / 3.))), (0, 1))
  offset = np.zeros((4, 4))
  offset[:3, 3] = 1.

  def add(amount, matrix):
    return jnp.eye(4) + amount[:, None, None] * jnp.float32(matrix)

  # In this form, neutral values give exactly the identity, without rounding.
  return functools.reduce(jnp.matmul, (
      add(draws.saturation - 1., rgb - grey),
      add(jnp.sin(draws.hue), cross)
      + add(1. - jnp.cos(draws.hue), grey - rgb) - jnp.eye(4),
      add(-2. * draws.invert, grey),
      add(draws.contrast - 1., rgb),
      add(draws.brightness, offset)))


def _matrix(*rows):
  """Rows of numbers or [b] arrays -> [b, n, n] float32."""
  entries = jnp.broadcast_arrays(*(jnp.float32(x) for row in rows for x in row))
  return jnp.stack(entries, -1).reshape(-1, len(rows), len(rows))


def _recolor(images, matrix):
  """Applies colour matrices [b, 4, 4] to images [b, h, w, c].

  A greyscale image is treated as RGB with equal channels; the result is their
  mean.
  """
  rgb = jnp.broadcast_to(images, (*images.shape[:3], 3))
  rgb = jnp.einsum('bij,bhwj->bhwi', matrix[:, :3, :3], rgb)
  rgb += matrix[:, None, None, :3, 3]
  return rgb if images.shape[3] == 3 else rgb.mean(3, keepdims=True)


def _unless_identity(matrix, changed, images):
  """`changed` for images whose matrix is not the identity, else `images`."""
  same = (matrix == jnp.eye(matrix.shape[1])).all((1, 2))
  return jnp.where(same[:, None, None, None], images, changed)
