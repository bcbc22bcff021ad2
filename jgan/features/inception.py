"""Inception-v3 of 2015 (Szegedy et al., 2016), the network behind the FID.

Unlike torchvision's and Keras's networks, this is the graph
inception-2015-12-05 of the scores by Salimans et al. (2016) and Heusel et al.
(2017). Average pools do not count the zero padding, the last block has max
pooling in place of average pooling, and there are 1008 classes. Names are
those of the converted weights of pytorch-fid and torch-fidelity, which are the
same file.
"""
import functools
from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jgan import lookup
from jgan.errors import UserError
from jgan.features import _download, _extractor, _from_torch, _torch_file
from jgan.ops import resize as resizing

URL = ('https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/'
       'pt_inception-2015-12-05-6726825d.pth')
OFFICIAL = '6726825d'  # the first digits of its SHA-256
SIDE = 299

_HELP = (f'give the weights yourself: {URL}, or '
         'weights-inception-2015-12-05-6726825d.pth of torch-fidelity, by '
         '--config.eval.weights=FILE, --weights=FILE of --mode=evaluate, or '
         'JGAN_INCEPTION=FILE')


class Unit(nn.Module):
  """Convolution, batch normalisation by stored statistics, ReLU."""
  features: int
  kernel: tuple[int, int] = (1, 1)
  stride: int = 1
  padding: str = 'SAME'

  @nn.compact
  def __call__(self, x):
    x = nn.Conv(self.features, self.kernel, self.stride, self.padding,
                use_bias=False, name='conv')(x)
    x = nn.BatchNorm(use_running_average=True, epsilon=1e-3, name='bn')(x)
    return nn.relu(x)


_3x3 = functools.partial(Unit, kernel=(3, 3))
_7x1 = functools.partial(Unit, kernel=(7, 1))
_1x7 = functools.partial(Unit, kernel=(1, 7))
_3x1 = functools.partial(Unit, kernel=(3, 1))
_1x3 = functools.partial(Unit, kernel=(1, 3))
_halve = functools.partial(Unit, kernel=(3, 3), stride=2, padding='VALID')

_average = functools.partial(nn.avg_pool, window_shape=(3, 3), padding='SAME',
                             count_include_pad=False)
_largest = functools.partial(nn.max_pool, window_shape=(3, 3), padding='SAME')
_shrink = functools.partial(nn.max_pool, window_shape=(3, 3), strides=(2, 2))


class BlockA(nn.Module):
  """[b, 35, 35, c] -> [b, 35, 35, 224 + pool]."""
  pool: int

  @nn.compact
  def __call__(self, x):
    single = Unit(64, name='branch1x1')(x)
    five = Unit(48, name='branch5x5_1')(x)
    five = Unit(64, kernel=(5, 5), name='branch5x5_2')(five)
    three = Unit(64, name='branch3x3dbl_1')(x)
    three = _3x3(96, name='branch3x3dbl_2')(three)
    three = _3x3(96, name='branch3x3dbl_3')(three)
    pool = Unit(self.pool, name='branch_pool')(_average(x))
    return jnp.concatenate([single, five, three, pool], -1)


class BlockB(nn.Module):
  """[b, 35, 35, 288] -> [b, 17, 17, 768]."""

  @nn.compact
  def __call__(self, x):
    three = _halve(384, name='branch3x3')(x)
    double = Unit(64, name='branch3x3dbl_1')(x)
    double = _3x3(96, name='branch3x3dbl_2')(double)
    double = _halve(96, name='branch3x3dbl_3')(double)
    return jnp.concatenate([three, double, _shrink(x)], -1)


class BlockC(nn.Module):
  """[b, 17, 17, 768] -> the same shape, and its 1 x 1 branch [..., 192]."""
  width: int  # of the factored 7 x 7 convolutions

  @nn.compact
  def __call__(self, x):
    single = Unit(192, name='branch1x1')(x)
    seven = Unit(self.width, name='branch7x7_1')(x)
    seven = _1x7(self.width, name='branch7x7_2')(seven)
    seven = _7x1(192, name='branch7x7_3')(seven)
    double = Unit(self.width, name='branch7x7dbl_1')(x)
    double = _7x1(self.width, name='branch7x7dbl_2')(double)
    double = _1x7(self.width, name='branch7x7dbl_3')(double)
    double = _7x1(self.width, name='branch7x7dbl_4')(double)
    double = _1x7(192, name='branch7x7dbl_5')(double)
    pool = Unit(192, name='branch_pool')(_average(x))
    return jnp.concatenate([single, seven, double, pool], -1), single


class BlockD(nn.Module):
  """[b, 17, 17, 768] -> [b, 8, 8, 1280]."""

  @nn.compact
  def __call__(self, x):
    three = Unit(192, name='branch3x3_1')(x)
    three = _halve(320, name='branch3x3_2')(three)
    seven = Unit(192, name='branch7x7x3_1')(x)
    seven = _1x7(192, name='branch7x7x3_2')(seven)
    seven = _7x1(192, name='branch7x7x3_3')(seven)
    seven = _halve(192, name='branch7x7x3_4')(seven)
    return jnp.concatenate([three, seven, _shrink(x)], -1)


class BlockE(nn.Module):
  """[b, 8, 8, c] -> [b, 8, 8, 2048]."""
  pool: Callable

  @nn.compact
  def __call__(self, x):
    single = Unit(320, name='branch1x1')(x)
    three = Unit(384, name='branch3x3_1')(x)
    double = Unit(448, name='branch3x3dbl_1')(x)
    double = _3x3(384, name='branch3x3dbl_2')(double)
    return jnp.concatenate([
        single,
        _1x3(384, name='branch3x3_2a')(three),
        _3x1(384, name='branch3x3_2b')(three),
        _1x3(384, name='branch3x3dbl_3a')(double),
        _3x1(384, name='branch3x3dbl_3b')(double),
        Unit(192, name='branch_pool')(self.pool(x)),
    ], -1)


class Inception(nn.Module):
  """Normalised images [b, h, w, 3] -> features and logits.

  Images need 75 x 75 pixels or more; the shapes above are for 299 x 299.

  Returns a dict:
    pool_64, pool_192, mixed_768: [b, 64], [b, 192], [b, 768], the means of
      three earlier maps.
    spatial: [b, 2023], 7 channels of a 17 x 17 map, for sFID (Nash et al.,
      2021): mixed_6/conv of the graph, which is the 1 x 1 branch of Mixed_6d.
    features: [b, 2048], called pool_3, for FID, KID, precision and recall.
    logits: [b, 1008] without the bias, for the Inception Score, whose
      authors left it out.
    logits_with_bias: [b, 1008], as trained.
  """

  @nn.compact
  def __call__(self, x):
    mean = functools.partial(jnp.mean, axis=(1, 2))
    x = _halve(32, name='Conv2d_1a_3x3')(x)
    x = _3x3(32, padding='VALID', name='Conv2d_2a_3x3')(x)
    x = _3x3(64, name='Conv2d_2b_3x3')(x)
    x = _shrink(x)
    outputs = {'pool_64': mean(x)}
    x = Unit(80, name='Conv2d_3b_1x1')(x)
    x = _3x3(192, padding='VALID', name='Conv2d_4a_3x3')(x)
    x = _shrink(x)
    outputs['pool_192'] = mean(x)
    x = BlockA(32, name='Mixed_5b')(x)
    x = BlockA(64, name='Mixed_5c')(x)
    x = BlockA(64, name='Mixed_5d')(x)
    x = BlockB(name='Mixed_6a')(x)
    x, _ = BlockC(128, name='Mixed_6b')(x)
    x, _ = BlockC(160, name='Mixed_6c')(x)
    x, single = BlockC(160, name='Mixed_6d')(x)
    outputs['spatial'] = single[..., :7].reshape(len(single), -1)
    x, _ = BlockC(192, name='Mixed_6e')(x)
    outputs['mixed_768'] = mean(x)
    x = BlockD(name='Mixed_7a')(x)
    x = BlockE(_average, name='Mixed_7b')(x)
    x = BlockE(_largest, name='Mixed_7c')(x)
    x = outputs['features'] = mean(x)
    fc = nn.Dense(1008, name='fc')
    outputs['logits_with_bias'] = fc(x)
    outputs['logits'] = x @ fc.variables['params']['kernel']
    return outputs


class Resize(NamedTuple):
  """Resizing to 299 x 299 and normalisation of images.

  Attributes:
    prepare: [n, h, w, 3] uint8 -> arrays.
    finish: those arrays -> [n, 299, 299, 3] float32, on the device.
    protocol: description of both.
    host: whether `prepare` is for numpy arrays, on the host.
  """
  prepare: Callable
  finish: Callable
  protocol: dict
  host: bool = False


def _clean(images):
  """Antialiased bicubic, each channel in float32 (Parmar et al., 2022)."""
  resized = np.empty((len(images), SIDE, SIDE, 3), np.float32)
  for image, out in zip(images, resized):
    for c in range(3):
      plane = Image.fromarray(image[..., c].astype(np.float32))
      out[..., c] = plane.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
  return np.clip(resized, 0., 255.)


def _tf1(images):
  """TensorFlow 1's bilinear, then (x - 128) / 128."""
  x = resizing.bilinear(images.astype(jnp.float32), SIDE, half_pixel=False)
  return (x - 128.) / 128.


def _torch(images):
  """PyTorch's bilinear of x / 255, then 2 x - 1."""
  x = resizing.bilinear(images.astype(jnp.float32) / 255., SIDE,
                        half_pixel=True)
  return 2. * x - 1.


RESIZES = {
    'tf1': Resize(lambda x: x, _tf1, {
        'resize': 'TF1 bilinear (no half-pixel, no antialias) to 299',
        'normalise': '(x - 128) / 128'}),
    'torch': Resize(lambda x: x, _torch, {
        'resize': 'torch bilinear (half-pixel, no antialias) to 299',
        'normalise': '2 x / 255 - 1'}),
    'clean': Resize(_clean, lambda x: (x - 128.) / 128., {
        'resize': 'PIL bicubic (float32, antialias, clipped) to 299',
        'normalise': '(x - 128) / 128'}, host=True),
}


def load(path='', *, resize='tf1', cache='~/.cache/jgan'):
  """The Extractor of 'features' [n, 2048], 'logits' [n, 1008] and others.

  Its distance is called FID only if the weights are the published ones.

  Args:
    path: a weights file in the layout of pytorch-fid or torch-fidelity; ''
      for the published one, which is downloaded into `cache` once.
    resize: 'tf1' as in the original code and torch-fidelity, 'torch' as in
      pytorch-fid, 'clean' as in clean-fid.

  Raises:
    UserError: no weights file, one of another network, or an unknown resize.
  """
  if resize not in RESIZES:
    raise UserError(f"no '{resize}' for the resize of inception: "
                    f'{lookup.nearest(resize, RESIZES)}')
  path = path or _download.fetch(URL, OFFICIAL, cache, _HELP)
  try:
    state, sha256 = _torch_file.load(path)
  except UserError as error:
    raise UserError(f'{error}; {_HELP}') from error
  return extractor(convert(state, path), sha256, resize=resize)


def convert(state, path):
  """{torch name: array} -> variables of Inception.

  path: of the file, for error messages.

  Raises:
    UserError: the arrays are not the weights of this network.
  """
  if not isinstance(state, dict) or 'fc.weight' not in state:
    raise UserError(f'{path} has no fc.weight: it is not a state dict of '
                    f'Inception; {_HELP}')
  return _from_torch.variables(
      Inception(), jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32),
      _torch_file.state_of(state, path), path)


def extractor(variables, sha256, *, resize='tf1'):
  """The Extractor with these variables; sha256 is that of their file."""
  model, resizer = Inception(), RESIZES[resize]
  name = _extractor.name_of('inception', sha256, OFFICIAL)
  return _extractor.Extractor(
      name=name,
      distance='FID' if name == 'inception' else f'FD-{name}',
      sha256=sha256, dims=2048, classes=1008, spatial=2023, batch=32,
      variables=variables,
      prepare=lambda images: resizer.prepare(_extractor.rgb(images, name)),
      host=resizer.host,
      apply=lambda v, x: model.apply(v, resizer.finish(x)),
      protocol={'network': name, 'weights_sha256': sha256, **resizer.protocol,
                'logits': '1008, without bias', 'precision': 'float32'})
