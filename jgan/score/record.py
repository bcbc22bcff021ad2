"""The record of a run's scores: WORKDIR/evaluations.jsonl, and scores.jsonl.

The first holds what was scored while the run trained, the second what
`--mode=evaluate` scored later. A line is {'step', 'values': {label: value},
'protocol': stamp, 'identity'} (jgan/protocol.py).
"""
import os
import pathlib

import numpy as np

from jgan import protocol
from jgan.metrics._samples import Samples
from jgan.workdir import append, records, write_records


def add(workdir, step, values, stamp, name='evaluations.jsonl'):
  """Appends scores and their stamp to a file of the workdir."""
  line = {'step': step, 'values': values, 'protocol': stamp,
          'identity': protocol.identity(stamp)}
  append(pathlib.Path(workdir) / name, line)


def of_average(workdir, step=None):
  """The records of the averaged generator at a step, oldest first.

  Both while it was trained and by `evaluate`, which came later. step: None for
  all of them.
  """
  every = [r for name in ('evaluations.jsonl', 'scores.jsonl')
           for r in records(pathlib.Path(workdir) / name)]
  return [r for r in every if step in (None, r['step'])
          and r['protocol']['generator'] == 'average']


def keep_previous(workdir, step, scorer):
  """Keeps the images that the next stability score compares with."""
  for name, samples in scorer.previous.items():
    folder = pathlib.Path(workdir) / 'stability'
    folder.mkdir(exist_ok=True)
    half = folder / f'.{name}.npz'
    np.savez_compressed(half, images=samples.images)
    os.replace(half, folder / f'{step:08d}.{name}.npz')


def go_on(workdir, start, scorer, *, writer=True):
  """Puts the record of scores, and a Scorer, back to where step `start` was.

  writer: this process is the one that writes the record.
  """
  file = pathlib.Path(workdir) / 'evaluations.jsonl'
  if writer and file.exists():
    write_records(file, [r for r in records(file) if r['step'] <= start])
  for kept in sorted((pathlib.Path(workdir) / 'stability').glob('0*.npz')):
    step, name, _ = kept.name.split('.')
    if int(step) <= start and name in scorer.protocols:
      with np.load(kept, allow_pickle=False) as arrays:
        images = arrays['images']
      scorer.previous[name] = Samples(len(images), images=images)
