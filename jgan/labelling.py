"""Labels of images: of the real ones, and those that generated ones get."""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan import batches, classes, sections
from jgan.errors import UserError
from jgan.ops import collectives
from jgan.types import Labels


def settled(config, data_dir):
  """The config with the names and sizes of its classes, read from the data.

  config: completed.

  Raises:
    UserError: the files have no labels, or another number of classes than the
      config says; or none of a class that generated images would be of.
  """
  if not config.data.get('labels'):
    return config
  module, arguments = sections.data(config)
  known = (module.classes(**arguments) if hasattr(module, 'classes') else
           module.classes_in(data_dir, **arguments))
  names = config.classes.names or tuple(known)
  if len(names) != len(known):
    raise UserError(
        f'config.classes.names has {len(names)} classes, '
        f'{classes.shown(names)}, and {config.data.name} {len(known)}, '
        f'{classes.shown(known)}')
  labels = of_training(config, data_dir)
  if labels.min() < 0:
    raise UserError(f'{config.data.name} has the label {labels.min()}, as of '
                    'images without one: another split would be right')
  counts = np.bincount(labels, minlength=len(names))
  if len(counts) > len(names):
    raise UserError(f'{config.data.name} has the label {len(counts) - 1} and '
                    f'{len(names)} classes: numbers below that would be right')
  without = [name for name, count in zip(names, counts) if not count]
  if without and classes.law(config) == 'uniform':
    raise UserError(f'no training image is of {classes.shown(without)}, and '
                    "generated ones would be: config.classes.fakes='data' "
                    'would be right, or images of all classes, as by '
                    "config.pipeline.order='random'")
  counts = tuple(map(int, counts))
  if tuple(config.classes.counts) not in ((), counts):
    raise UserError(f'config.classes.counts is {tuple(config.classes.counts)},'
                    f' and the images have {counts}: these, or () to count '
                    'them, would be right')
  config = config.copy_and_resolve_references().unlock()
  config.classes.names = names
  config.classes.counts = counts
  return config.lock()


def of_training(config, data_dir):
  """The label of each image that the config trains on: [n] int32."""
  return batches.subset(of_images(config, data_dir),
                        **sections.subset(config))


def of_images(config, data_dir, **arguments):
  """The label of each image of the data set, [n] int32.

  arguments: of the data set, instead of the config's.

  Raises:
    UserError: the files have none.
  """
  module, own = sections.data(config)
  labels = module.labels(data_dir, **own | arguments)
  if labels is None:
    raise UserError(f'config.data.labels is True, and the files of '
                    f'{config.data.name} in {data_dir} have no labels')
  return labels


def of_updates(config, axis_name=None):
  """The function (rng, reals' labels, number of fakes) -> Labels of an update.

  None without classes. The labels of fakes are independent of the noise, whose
  key `rng` is. Where fakes have the labels of the reals and are more or fewer,
  each label is repeated, or some are left out; without reals (None) labels are
  as frequent as in the data.
  """
  if not config.data.get('labels'):
    return None
  same = config.classes.fakes == 'real'

  def labels(rng, real, fakes):
    if same and real is not None:
      # The same rows whatever the number of devices.
      return Labels(real, real[np.arange(fakes) * len(real) // fakes])
    return Labels(real, collectives.draw(
        functools.partial(drawn, classes.shares(config)),
        jax.random.fold_in(rng, 1), (fakes,), axis_name))

  return labels


def drawn(shares, rng, shape):
  """Random labels of classes with these shares: int32 of this shape."""
  edges = jnp.asarray(np.cumsum(shares)[:-1], jnp.float32)
  return jnp.searchsorted(edges, jax.random.uniform(rng, shape),
                          side='right').astype(jnp.int32)
