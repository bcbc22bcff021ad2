"""DiffAugment (Zhao et al., 2020): differentiable augmentations of all inputs
of the discriminator, real and generated, in the updates of both players.

Colours are not clipped. Pixels from outside the image are 0, which is grey for
images in [-1, 1]. The published policies are color, translation and cutout for
little data, and color and cutout for all of CIFAR-10.
"""
import jax
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.ops import collectives


def apply(rng, images, memory=None, *,
          policy=('color', 'translation', 'cutout'), axis_name=None):
  """Augments each image by the operations of the policy, in their order.

  Args:
    rng: a key; the same one gives the same augmentations.
    images: [b, h, w, c] in [-1, 1], of this shard.
    memory: not used.
    policy: names from color, translation, cutout.
    axis_name: the device axis over which b is split.

  Returns:
    [b, h, w, c]; with color, values may be outside [-1, 1].

  Raises:
    UserError: an unknown operation.
  """
  del memory
  for name in policy:
    if name not in OPERATIONS:
      raise UserError(f"diffaugment: no '{name}': "
                      f'{lookup.nearest(name, OPERATIONS)}')
  for key, name in zip(jax.random.split(rng, max(len(policy), 1)), policy):
    images = OPERATIONS[name](key, images, axis_name)
  return images


def color(rng, images, axis_name=None):
  """Changes brightness, saturation and contrast of each image.

  Adds U[-.5, .5), then scales the difference to each pixel's mean by U[0, 2),
  then the difference to the image's mean by U[.5, 1.5).
  """
  u = collectives.draw(jax.random.uniform, rng, (images.shape[0], 3), axis_name)
  brightness, saturation, contrast = u.T[:, :, None, None, None]
  x = images + (brightness - .5)
  grey = x.mean(3, keepdims=True)
  x = grey + 2. * saturation * (x - grey)
  grey = x.mean((1, 2, 3), keepdims=True)
  return grey + (.5 + contrast) * (x - grey)


def translation(rng, images, axis_name=None, *, ratio=.125):
  """Translates by whole pixels.

  On each axis uniform in +-round(ratio * side).
  """
  b, *sides, _ = images.shape
  moves = []
  for key, side in zip(jax.random.split(rng), sides):
    limit = int(ratio * side + .5)
    moves.append(_integers(key, b, -limit, limit, axis_name))
  # Products with 0 and 1 are exact, and so are their gradients. Slices would
  # become gathers and scatters: a millisecond faster for 64 images of CIFAR-10
  # on a CPU, but slow on a TPU.
  down, right = (
      jax.nn.one_hot(jnp.arange(side) - move[:, None], side,
                     dtype=images.dtype)
      for side, move in zip(sides, moves))
  return jnp.einsum('byi,bxj,bijc->byxc', down, right, images,
                    precision='highest')


def cutout(rng, images, axis_name=None, *, ratio=.5):
  """Sets a rectangle to 0, with sides round(ratio * side of the image).

  Its centre is uniform in the image; parts outside the image are cut off.
  """
  b, *sides, _ = images.shape
  inside = True
  for axis, (key, side) in enumerate(zip(jax.random.split(rng), sides)):
    size = int(ratio * side + .5)
    # A rectangle of even size is centred between two pixels, one of which may
    # be outside of the image.
    centre = _integers(key, b, 0, side - size % 2, axis_name)
    start = (centre - size // 2)[:, None]
    position = jnp.arange(side)
    covered = (start <= position) & (position < start + size)
    inside &= jnp.expand_dims(covered, (2 - axis, 3))
  return jnp.where(inside, 0., images)


OPERATIONS = {'color': color, 'translation': translation, 'cutout': cutout}


def _integers(rng, b, low, high, axis_name):
  """[b] int32, uniform in low .. high, both inclusive."""
  sampler = lambda key, shape: jax.random.randint(key, shape, low, high + 1)
  return collectives.draw(sampler, rng, (b,), axis_name)
