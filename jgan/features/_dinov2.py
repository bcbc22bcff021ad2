"""DINOv2 (Oquab et al., 2024, arXiv:2304.07193), the networks of FD-DINOv2.

Vision transformers that were trained without labels, in the first release,
without registers. Stein et al. (2023, arXiv:2306.04675) compare generators by
the Frechet distance of the features of ViT-L/14. Images are resized and
normalised as in their code, dgm-eval. Names of arrays are those of the
published files.
"""
import pathlib
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.features import _download, _extractor, _from_torch, _torch_file
from jgan.ops import resize

SIDE = 224
_PATCH = 14
_TRAINED = 37  # patches on a side that positions were trained for
_SCALE = (SIDE // _PATCH + .1) / _TRAINED  # of positions, in the released code
_FOLDER = 'dinov2'
_SOURCE = 'https://dl.fbaipublicfiles.com/dinov2'
_MEAN = np.array([.485, .456, .406], np.float32)  # of ImageNet
_STD = np.array([.229, .224, .225], np.float32)


class Published(NamedTuple):
  """A released network.

  Attributes:
    width: d, of its tokens and features.
    depth: number of blocks.
    heads: of each block's attention.
    file: name of the published file.
    sha256: first digits of its SHA-256.
  """
  width: int
  depth: int
  heads: int
  file: str
  sha256: str

  @property
  def url(self):
    """Where the file is."""
    return f'{_SOURCE}/{self.file.removesuffix("_pretrain.pth")}/{self.file}'

  @property
  def model(self):
    """Its linen module."""
    return ViT(self.width, self.depth, self.heads)


NETWORKS = {
    'dinov2_s14': Published(384, 12, 6, 'dinov2_vits14_pretrain.pth',
                            'b938bf1bc15cd2ec'),
    'dinov2_b14': Published(768, 12, 12, 'dinov2_vitb14_pretrain.pth',
                            '0b8b82f85de91b42'),
    'dinov2_l14': Published(1024, 24, 16, 'dinov2_vitl14_pretrain.pth',
                            'd5383ea8f4877b24'),
}


class Block(nn.Module):
  """Attention and a perceptron, each with LayerScale: [b, n, d] -> the same."""
  heads: int

  @nn.compact
  def __call__(self, x):
    width = x.shape[-1]
    y = nn.Dense(3 * width, name='attn.qkv')(_norm('norm1')(x))
    q, k, v = jnp.moveaxis(y.reshape(*x.shape[:2], 3, self.heads, -1), 2, 0)
    y = jax.nn.dot_product_attention(q, k, v).reshape(x.shape)
    y = nn.Dense(width, name='attn.proj')(y)
    x = x + self.param('ls1.gamma', nn.initializers.ones, (width,)) * y
    y = nn.Dense(4 * width, name='mlp.fc1')(_norm('norm2')(x))
    y = nn.Dense(width, name='mlp.fc2')(nn.gelu(y, approximate=False))
    return x + self.param('ls2.gamma', nn.initializers.ones, (width,)) * y


class ViT(nn.Module):
  """Normalised images [b, 224, 224, 3] -> 'features' [b, width].

  They are the class token behind the last normalisation.

  Attributes:
    width, depth, heads: as in Published.
  """
  width: int
  depth: int
  heads: int

  @nn.compact
  def __call__(self, x):
    token = self.param('cls_token', nn.initializers.zeros, (1, 1, self.width))
    trained = self.param('pos_embed', nn.initializers.zeros,
                         (1, 1 + _TRAINED**2, self.width))
    x = nn.Conv(self.width, (_PATCH, _PATCH), _PATCH, 'VALID',
                name='patch_embed.proj')(x)
    x = x.reshape(len(x), -1, self.width)  # row by row
    token = jnp.broadcast_to(token, (len(x), 1, self.width))
    x = jnp.concatenate([token, x], 1) + _positions(trained)
    for i in range(self.depth):
      x = Block(self.heads, name=f'blocks.{i}')(x)
    return {'features': _norm('norm')(x[:, 0])}


def _norm(name):
  return nn.LayerNorm(epsilon=1e-6, use_fast_variance=False, name=name)


def _positions(trained):
  """Resizes position embeddings: [1, 1 + 37^2, d] -> [1, 1 + 16^2, d]."""
  weights = _position_weights()
  grid = trained[0, 1:].reshape(_TRAINED, _TRAINED, -1)
  for axis in (0, 1):  # exactly, whatever the precision of features
    grid = jnp.moveaxis(jnp.tensordot(weights, grid, (1, axis),
                                      precision='highest'), 0, axis)
  grid = grid.reshape(1, -1, trained.shape[-1])
  return jnp.concatenate([trained[:, :1], grid], 1)


def _position_weights():
  """The resize of a side of the grid of positions: [16, 37] float32.

  PyTorch's bicubic (a = -3/4, no antialias, borders repeated) with a given
  scale of 16.1 / 37: the released code adds a tenth of a patch before it
  divides, so samples lie 37 / 16.1 apart, not 37 / 16.
  """
  count = SIDE // _PATCH
  position = (np.arange(count) + .5) / _SCALE - .5
  first = np.floor(position).astype(int) - 1
  weights = np.zeros((count, _TRAINED))
  for tap in range(4):
    t = np.abs(position - first - tap)
    near = 1.25 * t**3 - 2.25 * t**2 + 1.
    far = -.75 * t**3 + 3.75 * t**2 - 6. * t + 3.
    np.add.at(weights, (np.arange(count),
                        np.clip(first + tap, 0, _TRAINED - 1)),
              np.where(t < 1., near, far))
  return weights.astype(np.float32)


def load(name, path, data_dir, cache):
  """The Extractor of a released network: 'features' [n, width], no logits.

  Args:
    name: in NETWORKS.
    path: a weights file; '' for data_dir/dinov2/<file> if it is there, else
      the published one, which is downloaded into `cache` once.
    data_dir: the data directory, or ''.
    cache: a folder.

  Raises:
    UserError: no weights file, or one of another network.
  """
  published = NETWORKS[name]
  where = (f'the weights of {name} are {published.url}: give the file by '
           '--config.eval.weights=FILE, or --weights=FILE of --mode=evaluate, '
           f'or put it into {_FOLDER}/ of --data_dir')
  there = pathlib.Path(data_dir).expanduser() / _FOLDER / published.file
  if not path and data_dir and there.is_file():
    path = there
  path = path or _download.fetch(published.url, published.sha256, cache, where)
  try:
    tree, sha256 = _torch_file.load(path)
    variables = convert(published.model, tree, path)
  except UserError as error:
    raise UserError(f'{error}; {where}') from error
  return extractor(name, variables, sha256)


def convert(model, state, path):
  """{torch name: array} -> variables of a ViT; path: of the file, for errors.

  Raises:
    UserError: the arrays are not the weights of this network.
  """
  # The mask token is for training.
  state = {key: x for key, x in _torch_file.state_of(state, path).items()
           if key != 'mask_token'}
  return _from_torch.variables(
      model, jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32), state, path)


def extractor(name, variables, sha256):
  """The Extractor with these variables; sha256 is that of their file."""
  published = NETWORKS[name]
  model, name = published.model, _extractor.name_of(name, sha256,
                                                    published.sha256)

  def apply(variables, images):
    return model.apply(variables,
                       (images.astype(jnp.float32) / 255. - _MEAN) / _STD)

  return _extractor.Extractor(
      name=name, distance=f'FD-{name}', sha256=sha256, dims=published.width,
      classes=0, batch=32, variables=variables,
      prepare=lambda images: resize.pillow_bicubic(
          _extractor.rgb(images, name), SIDE),
      apply=apply,
      protocol={'network': name, 'weights_sha256': sha256,
                'resize': f'PIL bicubic (uint8, antialias) to {SIDE}',
                'normalise': '(x / 255 - mean) / std of ImageNet',
                'precision': 'float32'})
