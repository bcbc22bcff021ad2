"""The classes of the images of a data set, and labels of generated images.

With config.data.labels both players are told the class of each image, a number
in [0, K). The names of the K classes are in the config of a run, and with them
how many training images each class has: what models and samples are is then
known without the data. A data set says its names (data/*.py, `classes`), or its
files do (`classes_in`), and then a run reads them before it starts.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan import batches, lookup, sections
from jgan.errors import UserError
from jgan.ops import collectives
from jgan.types import Labels


def fill(config):
  """Fills in the names of the classes where the data set is known by name.

  config: in which the arguments of the data set are; changed in place.

  Raises:
    UserError: the data set has no labels, or none are asked for and there are
      names or counts.
  """
  c = config.classes
  if not config.data.labels:
    if c.names or c.counts:
      raise UserError('config.classes has names or counts, and config.data.'
                      'labels is False: True, or neither, would be right')
    return
  module, arguments = sections.data(config)
  if not hasattr(module, 'labels'):
    known = [name for name in lookup.names('data')
             if hasattr(lookup.find('data', name), 'labels')]
    raise UserError(f"config.data.labels is True, and '{config.data.name}' has "
                    f'no labels; these data sets have: {", ".join(known)}')
  if hasattr(module, 'classes'):
    c.names = c.names or tuple(module.classes(**arguments))
  if not all(isinstance(name, str) for name in c.names) or len(
      {*c.names}) < len(c.names):
    raise UserError(f'config.classes.names is {c.names}: a different word for '
                    'each class would be right')
  if c.counts and (len(c.counts) != len(c.names) or not all(
      type(n) is int and n >= 0 for n in c.counts) or not sum(c.counts)):
    raise UserError(f'config.classes.counts is {c.counts} for {len(c.names)} '
                    'classes: the number of images of each would be right')


def settled(config, data_dir):
  """The config with the names and sizes of its classes, read from the data.

  config: completed.

  Raises:
    UserError: the files have no labels, or other classes than the config says.
  """
  if not config.data.labels:
    return config
  module, arguments = sections.data(config)
  names = (config.classes.names if hasattr(module, 'classes') else
           tuple(module.classes_in(data_dir, **arguments)))
  if config.classes.names not in ((), names):
    raise UserError(f'config.classes.names has {len(config.classes.names)} '
                    f'classes, {_shown(config.classes.names)}, and the files '
                    f'of {config.data.name} {len(names)}, {_shown(names)}')
  labels = of_training(config, data_dir)
  counts = np.bincount(labels, minlength=len(names))
  if len(counts) > len(names):
    raise UserError(f'{config.data.name} has the label {len(counts) - 1} and '
                    f'{len(names)} classes: numbers below that would be right')
  config = config.copy_and_resolve_references().unlock()
  config.classes.names = names
  config.classes.counts = tuple(map(int, counts))
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


def count(config):
  """K, the number of classes; 0 if the images have none.

  Raises:
    UserError: only the files say, and they were not read.
  """
  if config.data.labels and not config.classes.names:
    raise UserError(f'the classes of {config.data.name} are known from its '
                    'files, which --mode=train reads; without them, '
                    '--config.classes.names=a,b,c would be right')
  return len(config.classes.names)


def law(config):
  """By what the labels of samples are drawn: 'uniform' or 'data'; '' without.

  Where training gives fakes the labels of the reals, they are as frequent as
  in the data.
  """
  if not config.data.labels:
    return ''
  return 'uniform' if config.classes.fakes == 'uniform' else 'data'


def shares(config):
  """How frequent each class is among samples: [K] float64; None without.

  Raises:
    UserError: as in the data, which were not counted.
  """
  if not law(config):
    return None
  if law(config) == 'uniform':
    return np.full(count(config), 1 / count(config))
  counts = config.classes.counts
  if not counts:
    raise UserError(f"config.classes.fakes is '{config.classes.fakes}', and it "
                    'is not known how many images each class has: --mode=train '
                    'counts them, or config.classes.counts says it')
  return np.divide(counts, sum(counts))


def labelling(config, axis_name=None):
  """The function (rng, reals' labels, number of fakes) -> Labels of an update.

  None without classes. The labels of fakes are independent of the noise, whose
  key `rng` is.
  """
  if not config.data.labels:
    return None
  same = config.classes.fakes == 'real'
  draw = functools.partial(drawn, shares(config) if not same else None)

  def labels(rng, real, fakes):
    if same:
      return Labels(real, jnp.resize(real, (fakes,)))
    return Labels(real, collectives.draw(
        draw, jax.random.fold_in(rng, 1), (fakes,), axis_name))

  return labels


def drawn(shares, rng, shape):
  """Random labels of classes with these shares: int32 of this shape."""
  edges = jnp.asarray(np.cumsum(shares)[:-1], jnp.float32)
  return jnp.searchsorted(edges, jax.random.uniform(rng, shape),
                          side='right').astype(jnp.int32)


def chosen(config, wanted):
  """The labels that a user names: [n] int32.

  wanted: names or numbers of classes.

  Raises:
    UserError: there are no classes, or not these.
  """
  names = config.classes.names
  if not config.data.labels:
    raise UserError(f'classes {", ".join(map(str, wanted))} are asked for, and '
                    'this generator was trained without: config.data.labels='
                    'True trains one with classes')
  labels = []
  for one in wanted:
    if str(one) in names:  # also a name that is a number
      labels.append(names.index(str(one)))
    elif str(one).isdecimal() and int(one) < len(names):
      labels.append(int(one))
    else:
      raise UserError(f"no class '{one}', of 0 to {len(names) - 1}: "
                      f'{lookup.nearest(one, names)}')
  return np.array(labels, np.int32)


def by_row(classes, most):
  """Labels of a grid with a row for each class, and the number of its columns.

  Args:
    classes: K; of more than `most`, some at equal distances are shown.
    most: images at most.

  Returns:
    [rows * columns] int32, and columns.
  """
  rows, columns = min(classes, most), max(most // classes, 1)
  labels = np.arange(rows) * classes // rows
  return np.repeat(labels, columns).astype(np.int32), columns


def _shown(names, most=5):
  """The first names of some, for a message."""
  return ', '.join(names[:most]) + (', ...' if len(names) > most else '')
