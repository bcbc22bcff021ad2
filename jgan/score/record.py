"""The scores of a run: WORKDIR/evaluations.jsonl and WORKDIR/scores.jsonl.

The first file has the scores computed during training, the second those of
`--mode=evaluate`. A line is {'step', 'values': {label: value}, 'protocol':
stamp, 'identity'} (jgan/protocol.py); 'step' is null for weights of a file that
does not say it.
"""
import logging
import pathlib
import re

import numpy as np

from jgan import arrays, protocol
from jgan.errors import UserError
from jgan.files import replacing
from jgan.metrics._samples import Samples
from jgan.workdir import append, cut, is_numbers, records

_KEYS = ('step', 'values', 'protocol', 'identity')

log = logging.getLogger(__name__)


def add(workdir, step, values, stamp, name='evaluations.jsonl'):
  """Appends scores and their stamp to a file of the workdir."""
  line = {'step': step, 'values': values, 'protocol': stamp,
          'identity': protocol.identity(stamp)}
  append(pathlib.Path(workdir) / name, line)


def of_average(workdir, step=None):
  """The scores of the averaged generator, oldest first: a list of records.

  step: only scores of this step; None for all.
  """
  return of_generator(workdir, step, 'average')


def of_generator(workdir, step, network):
  """The scores of the generator that a stamp calls `network`, oldest first.

  step: only scores of this step; None for all.
  network: 'average', 'online' or another one.
  """
  lines = [line for name in ('evaluations.jsonl', 'scores.jsonl')
           for line in records(pathlib.Path(workdir) / name, *_KEYS,
                               fits=_fits, step=int | None)]
  return [line for line in lines if step in (None, line['step'])
          and line['protocol']['generator'] == network]


def comparable(history, label):
  """The records of a score under a single protocol, in their order.

  The protocol is the identity that most records of the score have.
  """
  scored = [r for r in history if label in r['values']]
  identities = [r['identity'] for r in scored]
  usual = max(identities, key=identities.count, default='')
  return [r for r in scored if r['identity'] == usual]


def keep_previous(workdir, step, scorer):
  """Saves the images that the next stability score is compared with."""
  for name, samples in scorer.previous.items():
    folder = pathlib.Path(workdir) / 'stability'
    folder.mkdir(exist_ok=True)
    with replacing(folder / f'{step:08d}.{name}.npz') as part:
      np.savez_compressed(part, images=samples.images)


def go_on(workdir, start, scorer, *, writer=True):
  """Resets evaluations.jsonl and a Scorer to their state at step `start`.

  writer: whether this process writes evaluations.jsonl.
  """
  file = pathlib.Path(workdir) / 'evaluations.jsonl'
  if writer and file.exists():
    cut(file, lambda r: r['step'] <= start, *_KEYS, fits=_fits)
  newest = {}
  for saved in sorted((pathlib.Path(workdir) / 'stability').glob('*.npz')):
    match = re.fullmatch(r'(\d+)\.(\w+)\.npz', saved.name)
    if match and int(match[1]) <= start and match[2] in scorer.protocols:
      newest[match[2]] = saved
  for name, saved in newest.items():
    images = _images_of(saved)
    if images is not None:
      scorer.previous[name] = Samples(len(images), images=images)


def _images_of(file):
  """The images of a stability file; None, which is said, if it is damaged."""
  try:
    images = arrays.read(file).get('images')
  except UserError as error:
    log.warning('%s: the next stability score is left out', error)
    return None
  if images is None or images.ndim != 4:
    log.warning('%s holds no images: the next stability score is left out',
                file)
    return None
  return images


def _fits(line):
  """Whether the values of _KEYS in a line are of the right types."""
  values, stamp = line['values'], line['protocol']
  return (isinstance(values, dict) and is_numbers(values.values())
          and isinstance(stamp, dict) and all(
              isinstance(x, str) for x in (
                  line['identity'], stamp.get('generator'),
                  stamp.get('protocol'))))
