"""Two sets of images that a command compares, as --a and --b name them."""
import inspect
import pathlib

import numpy as np

from jgan import arrays, lookup, trained
from jgan.data import _decode
from jgan.errors import UserError
from jgan.score import statistics

_FORMS = ('a folder, a zip file or Parquet files of images, an .npz of images '
          'or of statistics, an exported generator, or a data set as '
          'cifar10:test')
_READERS = 'image_folder', 'image_zip', 'image_parquet'
_PROGRAMS = '.jaxexport', '.onnx'


def of(flag, text, size, data_dir, count=0):
  """The images, or Statistics, that --a or --b names.

  Args:
    flag: 'a' or 'b', for messages.
    text: a folder of images; a zip file, a Parquet file, or a folder that has
      them; an .npz with an array 'images' [n, h, w, c] or only one; an .npz
      with 'mu' and 'sigma'; a generator of --mode=export, .safetensors or
      .npz; or 'NAME:SPLIT' of a data set.
    size: side of the square to which image files, also in a zip or Parquet
      file, are resized; 0 for that of the first. Other images must have it.
    data_dir: folder of data sets.
    count: images that a generator makes; 0: as many as its config scores. They
      are those of a score of its run.

  Returns:
    Images (data/), or score.statistics.Statistics.

  Raises:
    UserError: there is no such thing, or it cannot be read.
  """
  if not text:
    raise UserError(f'--{flag} is missing: {_FORMS} would be right, --a the '
                    'reference')
  path = pathlib.Path(text).expanduser()
  reader = _reader(path)
  if reader:
    return reader.load(str(path), size=size or _side(reader, path))
  if path.suffix == '.safetensors':
    return _fitting(flag, path, _made(path, count), size)
  if path.suffix == '.npz':
    named = arrays.read(path)
    if {'mu', 'sigma'} <= {*named}:
      return statistics.of_arrays(path, named)
    if any(name.startswith('params/') for name in named):
      return _fitting(flag, path, _made(path, count), size)
    return _fitting(flag, path, _stored(flag, path, named), size)
  if path.suffix in _PROGRAMS:
    raise UserError(f'--{flag}={text} is a program, which does not say what it '
                    'was trained on: give the weights, a .safetensors or .npz '
                    'of --mode=export, or images that it made, as an .npz')
  name, _, split = text.partition(':')
  if name not in lookup.names('data'):
    raise UserError(f'--{flag}={text} is not {_FORMS}: '
                    f'{lookup.nearest(name, lookup.names("data"))}')
  load = lookup.find('data', name).load
  chosen = {k: v for k, v in (('split', split), ('size', size)) if v}
  for key, value in chosen.items():
    if key not in inspect.signature(load).parameters:
      raise UserError(f'--{flag}={text}: {name} has no {key} to set to '
                      f'{value}')
  return load(data_dir, **chosen)


def side(images):
  """The side of images, to which others are resized; 0 of Statistics."""
  return 0 if isinstance(images, statistics.Statistics) else images.shape[1]


def _reader(path):
  """The module of jgan/data that reads a path of image files, or None."""
  readers = [lookup.find('data', name) for name in _READERS]
  return next((reader for reader in readers if reader.holds(path)),
              readers[0] if path.is_dir() else None)


def _made(path, count):
  """Images of an exported generator, by the seed of its run's scores."""
  g = trained.of_file(path)
  return g.sample(g.config.seed + 2, n=count or g.config.eval.samples)


def _stored(flag, path, named):
  """The array 'images' of an .npz, or its only one."""
  images = named.get('images', next(iter(named.values()), np.zeros(0)))
  if images.ndim != 4 or not len(images) or not (images.dtype == np.uint8
                              or np.issubdtype(images.dtype, np.floating)):
    raise UserError(f'--{flag}={path} holds {images.dtype} '
                    f"{list(images.shape)}; 'images' [n, h, w, c] of uint8 "
                    'would be right')
  low, high = images.min(), images.max()
  if images.dtype != np.uint8 and images.shape[1] > 1 and not (
      low < 0. and np.isfinite(high)):
    raise UserError(f'--{flag}={path} holds {images.dtype} from {low:g} to '
                    f'{high:g}: uint8, or floats in [-1, 1] with black at -1, '
                    'would be right')
  return images


def _fitting(flag, path, images, size):
  """Images that are not resized, if they have the side that is needed."""
  if size and images.shape[1] != size:
    raise UserError(f'--{flag}={path} holds images of {images.shape[1]} x '
                    f'{images.shape[2]}, and {size} are needed: only image '
                    'files are resized')
  return images


def _side(reader, path):
  """The side of the first image file."""
  first = reader.load(str(path), size=1).files[0]
  width, height = _decode.size(first)
  if width != height:
    raise UserError(f'{first} is {width} x {height}: give --image_size to '
                    'resize all images to one square')
  return width
