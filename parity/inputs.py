"""Random weights of Inception's and DINOv2's shapes, and images, the same
everywhere.

python -m parity.inputs FOLDER
"""
import pathlib
import sys
import zlib

import flax
import jax
import numpy as np

from jgan.features import _from_torch, inception

SIZES = ((32, 32), (48, 64), (299, 299), (420, 310))  # of `images_i`
TINY = 32, 2, 2  # width, depth and heads of a DINOv2 for tests
SET = 40  # images of 40 x 40 in each of the sets that metrics compare


def weights(seed=0):
  """{torch name: array} with activations that neither vanish nor explode.

  Each array has a stream of its own, by RandomState, whose streams numpy
  keeps as they are.
  """
  template = jax.eval_shape(inception.Inception().init, jax.random.key(0),
                            jax.ShapeDtypeStruct((1, 299, 299, 3), 'float32'))
  state = {}
  for (_, *scopes, leaf), spec in (
      flax.traverse_util.flatten_dict(template).items()):
    name = '.'.join([*scopes, _from_torch.LEAVES[leaf]])
    rng = stream(name, seed)
    shape = spec.shape
    if len(shape) == 4:  # HWIO -> OIHW, He et al. (2015)
      shape = (shape[3], shape[2], *shape[:2])
      x = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    elif len(shape) == 2:  # OI: images are to differ in their classes
      x = rng.standard_normal(shape[::-1]) * .3
    elif leaf == 'scale':  # a little below 1: features are about .4 at the end
      x = rng.uniform(.5, 1.3, shape)
    elif leaf == 'var':
      x = rng.uniform(.5, 1.5, shape)
    else:
      x = rng.standard_normal(shape) * .1
    state[name] = x.astype(np.float32)
  return state


def vit_weights(width, depth, seed=0):
  """{name: array} of a published DINOv2 file, with as many tokens as those.

  width: of the tokens; depth: number of blocks.
  """
  shapes = {'cls_token': (1, 1, width), 'pos_embed': (1, 1 + 37**2, width),
            'mask_token': (1, width),
            'patch_embed.proj.weight': (width, 3, 14, 14),
            'patch_embed.proj.bias': (width,)}
  for i in range(depth):
    for name, out, inner in (('attn.qkv', 3, 1), ('attn.proj', 1, 1),
                             ('mlp.fc1', 4, 1), ('mlp.fc2', 1, 4)):
      shapes[f'blocks.{i}.{name}.weight'] = out * width, inner * width
      shapes[f'blocks.{i}.{name}.bias'] = (out * width,)
    for name in ('norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias',
                 'ls1.gamma', 'ls2.gamma'):
      shapes[f'blocks.{i}.{name}'] = (width,)
  shapes |= {'norm.weight': (width,), 'norm.bias': (width,)}
  state = {}
  for name, shape in shapes.items():
    rng = stream(name, seed)
    if len(shape) in (2, 4) and name.endswith('.weight'):
      # Twice what keeps the size, for attention to prefer some tokens.
      x = rng.standard_normal(shape) * 2. / np.sqrt(np.prod(shape[1:]))
    elif name.endswith(('.weight', '.gamma')):
      x = rng.uniform(.5, 1.5, shape)
    else:
      x = rng.standard_normal(shape) * .5
    state[name] = x.astype(np.float32)
  return state


def stream(name, seed):
  """Random numbers of an array."""
  return np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)


def images(count, height, width, seed, noise):
  """[count, height, width, 3] uint8: waves of two random colors, with noise."""
  rng = np.random.RandomState(seed)
  y, x = np.mgrid[:height, :width] / max(height, width)
  out = np.empty((count, height, width, 3), np.uint8)
  for image in out:
    angle, pitch = rng.uniform(0, 2 * np.pi), rng.uniform(1, 9)**2
    wave = .5 + .5 * np.sin(pitch * (x * np.cos(angle) + y * np.sin(angle)))
    one, two = rng.uniform(size=(2, 3))
    clean = one * wave[..., None] + two * (1 - wave[..., None])
    rough = noise * rng.uniform()**2 * rng.standard_normal(clean.shape)
    image[...] = np.clip((clean + rough) * 256, 0, 255)
  return out


def square():
  """Images of DINOv2's size."""
  return images(2, 224, 224, seed=9, noise=.3)


def main(folder):
  """Writes weights.npz, images.npz, dinov2_s14.npz and dinov2_tiny.npz."""
  folder = pathlib.Path(folder)
  folder.mkdir(parents=True, exist_ok=True)
  np.savez(folder / 'weights.npz', **weights())
  np.savez(folder / 'dinov2_s14.npz', **vit_weights(384, 12))
  np.savez(folder / 'dinov2_tiny.npz', **vit_weights(*TINY[:2]))
  np.savez(folder / 'images.npz',
           fake=images(SET, 40, 40, seed=1, noise=.6),
           real=images(SET, 40, 40, seed=2, noise=.3), square=square(),
           **{f'images_{i}': images(2, *size, seed=3 + i, noise=.3)
              for i, size in enumerate(SIZES)})


if __name__ == '__main__':
  main(sys.argv[1])
