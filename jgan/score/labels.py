"""What scores are called, and which of two is the better one.

A label is the name of a metric, of one of its values and of the feature
network, with '-' between: 'spectrum', 'kid-std-resnet56'. Which of two values
is the better one stands in the metric's file.
"""
import math

from jgan import lookup
from jgan.errors import UserError
from jgan.score import duality


def of_metric(metric, net):
  """{suffix: label} of the values of a metric, in the order of its file.

  Only the Frechet distance of the published Inception network is called FID.

  net: the Extractor; None for a metric of the images themselves.
  """
  module = lookup.find('metrics', metric)
  if set(module.NEEDS) == {'images'}:
    return {suffix: _joined(metric, suffix) for suffix in module.BETTER}
  if hasattr(module, 'label'):
    return {suffix: module.label(net) for suffix in module.BETTER}
  return {suffix: _joined(metric, suffix, net.name)
          for suffix in module.BETTER}


def better(label):
  """Which values of a score are better: 'lower', 'higher' or 'neither'.

  label: as in a record; the feature network need not be known.

  Raises:
    UserError: it is the label of no metric.
  """
  starts = dict(duality.BETTER)
  for metric in lookup.names('metrics'):
    module = lookup.find('metrics', metric)
    starts |= {_joined(name, suffix): direction
               for name in getattr(module, 'NAMES', (metric,))
               for suffix, direction in module.BETTER.items()}
  fitting = [start for start in starts if f'{label}-'.startswith(f'{start}-')]
  if not fitting:
    raise UserError(f"no metric has a score '{label}': "
                    f'{lookup.nearest(label, starts)}')
  return starts[max(fitting, key=len)]


def cost(value, direction):
  """A score as a number of which lower is better: itself or its negative.

  A NaN, which every comparison calls false, is infinite: the worst.

  direction: 'lower' or 'higher'.
  """
  if math.isnan(value):
    return math.inf
  return {'lower': value, 'higher': -value}[direction]


def chosen(name, known, where):
  """The direction of a score that is to be followed.

  Args:
    name: label of the score.
    known: {label: direction} of the scores that there will be.
    where: what names the score, for the message, as 'config.checkpoint.best'.

  Returns:
    'lower' or 'higher'.

  Raises:
    UserError: there will be no such score, or neither direction is better.
  """
  ranking = [label for label in known if known[label] != 'neither']
  if name not in known:
    raise UserError(f"{where} is '{name}', and the scores are "
                    f'{", ".join(known)}: {lookup.nearest(name, ranking)}')
  if known[name] == 'neither':
    others = f': {lookup.nearest("", ranking)}' if ranking else ''
    raise UserError(f"{where} is '{name}', a score of which neither the lower "
                    f'nor the higher is better{others}')
  return known[name]


def _joined(*parts):
  return '-'.join(filter(None, parts))
