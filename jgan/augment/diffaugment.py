"""DiffAugment (Zhao et al., 2020): the same few distortions of real and fake
images, differentiable, wherever the discriminator looks.

The colours are not clipped, and what comes in from outside is 0, the grey of
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
  """Distorts each image by the policy's operations, in its order.

  Args:
    rng: a key; the same one gives the same distortions.
    images: [b, h, w, c] in [-1, 1], of this shard.
    memory: nothing; these distortions are always the same.
    policy: of the names color, translation, cutout.
    axis_name: the device axis over which b is split.

  Returns:
    [b, h, w, c], which color may take out of [-1, 1].

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
  """Brightness plus U[-.5, .5), then the distance of each colour from its
  pixel's mean times U[0, 2), then that from the image's mean times U[.5, 1.5).
  """
  u = collectives.draw(jax.random.uniform, rng, (images.shape[0], 3), axis_name)
  brightness, saturation, contrast = u.T[:, :, None, None, None]
  x = images + (brightness - .5)
  grey = x.mean(3, keepdims=True)
  x = grey + 2. * saturation * (x - grey)
  grey = x.mean((1, 2, 3), keepdims=True)
  return grey + (.5 + contrast) * (x - grey)


def translation(rng, images, axis_name=None, *, ratio=.125):
  """Moves by whole pixels, up to round(ratio * side) either way on each axis,
  all distances equally likely.
  """
  b, *sides, _ = images.shape
  moves = []
  for key, side in zip(jax.random.split(rng), sides):
    far = int(ratio * side + .5)
    moves.append(_integers(key, b, -far, far, axis_name))
  # Products with 0 and 1 are exact, and so are their gradients. Slices would be
  # gathers and scatters: a millisecond faster for 64 images of CIFAR-10 on a
  # CPU, but nothing that a TPU is good at.
  down, right = (
      jax.nn.one_hot(jnp.arange(side) - move[:, None], side,
                     dtype=images.dtype)
      for side, move in zip(sides, moves))
  return jnp.einsum('byi,bxj,bijc->byxc', down, right, images,
                    precision='highest')


def cutout(rng, images, axis_name=None, *, ratio=.5):
  """Sets a rectangle to 0, round(ratio * side) along each axis, its centre
  anywhere in the image; what lies outside is cut off.
  """
  b, *sides, _ = images.shape
  inside = True
  for axis, (key, side) in enumerate(zip(jax.random.split(rng), sides)):
    size = int(ratio * side + .5)
    # An even size is centred between two pixels, of which one may be outside.
    centre = _integers(key, b, 0, side - size % 2, axis_name)
    start = (centre - size // 2)[:, None]
    at = jnp.arange(side)
    along = (start <= at) & (at < start + size)
    inside &= jnp.expand_dims(along, (2 - axis, 3))
  return jnp.where(inside, 0., images)


OPERATIONS = {'color': color, 'translation': translation, 'cutout': cutout}


def _integers(rng, b, low, high, axis_name):
  """[b] int32, uniform in low .. high, both of them possible."""
  sampler = lambda key, shape: jax.random.randint(key, shape, low, high + 1)
  return collectives.draw(sampler, rng, (b,), axis_name)
