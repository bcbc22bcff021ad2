"""The classes of images, as a config has them.

With config.data.labels both players are told the class of each image, a number
in [0, K), its label. The names of the K classes are in the config of a run, and
with them how many training images each class has: what models and samples are
is then known without the data. A data set says its names (data/*.py,
`classes`), or its files do (`classes_in`), and then a run reads them before it
starts (jgan/labelling.py).
"""
import numpy as np

from jgan import lookup, sections
from jgan.errors import UserError


def fill(config):
  """Fills in the names of the classes where the data set is known by name.

  config: in which the arguments of the data set are; changed in place.

  Raises:
    UserError: the data set has no labels, or none are asked for and there are
      names or counts, or a law of those of fakes.
  """
  c = config.classes
  if not config.data.get('labels'):
    if c.names or c.counts:
      raise UserError('config.classes has names or counts, and config.data.'
                      'labels is False: True, or neither, would be right')
    if c.fakes in ('data', 'real'):
      raise UserError(f"config.classes.fakes is '{c.fakes}', and config.data."
                      "labels is False: True, or 'uniform', would be right")
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


def count(config):
  """K, the number of classes; 0 if the images have none.

  Raises:
    UserError: only the files say, and they were not read.
  """
  if config.data.get('labels') and not config.classes.names:
    raise UserError(f'the classes of {config.data.name} are known from its '
                    'files, which --mode=train reads; without them, '
                    '--config.classes.names=a,b,c would be right')
  return len(config.classes.names)


def law(config):
  """By what the labels of samples are drawn: 'uniform' or 'data'; '' without.

  Where training gives fakes the labels of the reals, they are as frequent as
  in the data.
  """
  if not config.data.get('labels'):
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


def even(config):
  """The config with equal classes, where they were not counted: for shapes."""
  if not config.data.get('labels') or config.classes.counts:
    return config
  config = config.copy_and_resolve_references().unlock()
  config.classes.counts = (1,) * count(config)
  return config.lock()


def chosen(config, wanted):
  """The labels that a user names: [n] int32.

  wanted: names or numbers of classes; a name that is a number is a name.

  Raises:
    UserError: there are no classes, or not these.
  """
  names = config.classes.names
  if not config.data.get('labels'):
    raise UserError(f'classes {", ".join(map(str, wanted))} are asked for, and '
                    'this generator was trained without: config.data.labels='
                    'True trains one with classes')
  if not len(wanted):
    raise UserError('no class is named: names or numbers of some would be '
                    'right')
  labels = []
  for one in wanted:
    if isinstance(one, str) and one in names:  # also one that is a number
      labels.append(names.index(one))
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


def shown(names, most=5):
  """The first names of some, for a message."""
  return ', '.join(names[:most]) + (', ...' if len(names) > most else '')
