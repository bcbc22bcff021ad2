"""The scores of a run: WORKDIR/evaluations.jsonl and WORKDIR/scores.jsonl.

The first file has the scores computed during training, the second those of
`--mode=evaluate`. A line is {'step', 'values': {label: value}, 'protocol':
stamp, 'identity'} (jgan/protocol.py).
"""
import os
import pathlib

import numpy as np

from jgan import protocol
from jgan.metrics._samples import Samples
from jgan.workdir import append, cut, records

_KEYS = ('step', 'values', 'protocol', 'identity')


def add(workdir, step, values, stamp, name='evaluations.jsonl'):
  """Appends scores and their stamp to a file of the workdir."""
  line = {'step': step, 'values': values, 'protocol': stamp,
          'identity': protocol.identity(stamp)}
  append(pathlib.Path(workdir) / name, line)


def of_average(workdir, step=None):
  """The scores of the averaged generator, oldest first: a list of records.

  step: only scores of this step; None for all.
  """
  lines = [line for name in ('evaluations.jsonl', 'scores.jsonl')
           for line in records(pathlib.Path(workdir) / name, *_KEYS)]
  return [line for line in lines if step in (None, line['step'])
          and line['protocol']['generator'] == 'average']


def keep_previous(workdir, step, scorer):
  """Saves the images that the next stability score is compared with."""
  for name, samples in scorer.previous.items():
    folder = pathlib.Path(workdir) / 'stability'
    folder.mkdir(exist_ok=True)
    part = folder / f'.{name}.npz'
    np.savez_compressed(part, images=samples.images)
    os.replace(part, folder / f'{step:08d}.{name}.npz')


def go_on(workdir, start, scorer, *, writer=True):
  """Resets evaluations.jsonl and a Scorer to their state at step `start`.

  writer: whether this process writes evaluations.jsonl.
  """
  file = pathlib.Path(workdir) / 'evaluations.jsonl'
  if writer and file.exists():
    cut(file, lambda r: r['step'] <= start, *_KEYS)
  for saved in sorted((pathlib.Path(workdir) / 'stability').glob('0*.npz')):
    step, name, _ = saved.name.split('.')
    if int(step) <= start and name in scorer.protocols:
      with np.load(saved, allow_pickle=False) as arrays:
        images = arrays['images']
      scorer.previous[name] = Samples(len(images), images=images)
