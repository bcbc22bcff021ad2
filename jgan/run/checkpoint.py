"""Checkpoints: a GanState and the notes of its run, written by Orbax.

A checkpoint is written under a temporary name and renamed when it is complete,
so a run killed at any time leaves the previous one intact. The notes contain
the CRC-32 of every array, which detects errors that Orbax does not report,
such as a flipped bit or a cast.
"""
import logging
import pathlib
import shutil
import zlib

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import PreservationPolicy

from jgan.errors import Stopped, UserError

log = logging.getLogger(__name__)


class Checkpoints:
  """The checkpoints of one workdir: the `keep` newest and the best."""

  def __init__(self, folder, *, keep=2, read_only=False):
    self.folder = pathlib.Path(folder).absolute()
    self._read_only = read_only
    self._policy = _LastAndBest(keep)
    self._manager = ocp.CheckpointManager(
        self.folder, options=ocp.CheckpointManagerOptions(
            create=not read_only, read_only=read_only,
            preservation_policy=None if read_only else self._policy))

  def steps(self):
    """Steps of the complete checkpoints, ascending."""
    return sorted(self._manager.all_steps()) if self.folder.exists() else []

  def keep_best(self, step):
    """Sets the step of the best checkpoint, which stays; None: none."""
    self._policy.best = step

  def save(self, step, state, notes):
    """Writes a checkpoint in the background.

    Args:
      step: int; an existing checkpoint of this step is not replaced.
      state: pytree of replicated arrays; copied to the host before returning.
      notes: dict of JSON types.

    Raises:
      Stopped: writing failed (a full disk), or the state is not finite;
        earlier checkpoints are intact.
    """
    if step in self.steps():
      return
    arrays = jax.tree.map(_local, state)
    named = _named(arrays)
    bad = [name for name, x in named.items() if not _finite(x)]
    if bad:
      raise Stopped(f'{bad[0]} is not finite at step {step}: not saved. '
                    f'{self._resume_from()}')
    notes = notes | {'arrays': {name: [*_kind(x), _crc(x)]
                                for name, x in named.items()}}
    try:
      self._manager.save(step, args=ocp.args.Composite(
          state=ocp.args.StandardSave(arrays), notes=ocp.args.JsonSave(notes)))
    except (OSError, ValueError) as error:
      raise Stopped(self._unwritten(step, error)) from error

  def wait(self):
    """Waits until pending checkpoints are on the disk."""
    try:
      self._manager.wait_until_finished()
      self._manager.check_for_errors()
    except (OSError, ValueError) as error:
      raise Stopped(self._unwritten('the last one', error)) from error

  def close(self):
    """Finishes writing and closes the folder."""
    self._manager.close()

  def restore(self, step, like):
    """Reads and verifies one checkpoint: -> state of numpy arrays, notes.

    like: pytree with the expected shapes and dtypes.

    Raises:
      Damaged: it cannot be read, or its arrays differ from those written.
      UserError: its arrays have other names, shapes or dtypes.
    """
    want = {name: _kind(x) for name, x in _named(like).items()}
    try:
      notes = self._manager.restore(step, args=ocp.args.Composite(
          notes=ocp.args.JsonRestore()))['notes']
      have = {name: kind for name, (*kind, _) in notes['arrays'].items()}
    except Exception as error:
      raise Damaged(f'checkpoint {step} is damaged: {_brief(error)}') from error
    for name in sorted({*have, *want}):
      if have.get(name) != want.get(name):
        raise UserError(
            f'checkpoint {step} in {self.folder} is of another model: {name} '
            f'is {have.get(name, "absent")} there and '
            f'{want.get(name, "absent")} in the config')
    try:
      empty = jax.tree.map(lambda x: np.empty(x.shape, x.dtype), like)
      state = self._manager.restore(step, args=ocp.args.Composite(
          state=ocp.args.StandardRestore(empty)))['state']
    except Exception as error:
      raise Damaged(f'checkpoint {step} is damaged: {_brief(error)}') from error
    for name, x in _named(state).items():
      if _crc(np.asarray(x)) != notes['arrays'][name][-1]:
        raise Damaged(f'checkpoint {step} is damaged: {name} is not what was '
                      'written')
    return state, notes

  def latest(self, like):
    """The newest intact checkpoint: (step, state, notes), or None.

    Damaged ones are moved to damaged/ beside the folder, with a warning.

    Raises:
      UserError: there are checkpoints, and all of them are damaged.
    """
    steps = self.steps()
    for step in reversed(steps):
      try:
        return (step, *self.restore(step, like))
      except Damaged as error:
        log.warning('%s; trying the one before', error)
        self._put_aside(step)
    if steps:
      raise UserError(f'all {len(steps)} checkpoints in {self.folder} are '
                      'damaged; they were moved to damaged/ beside it. '
                      'Choose another --workdir to start again')
    return None

  def choose(self, like, *, step=-1, best=False):
    """The state of one checkpoint: the newest, the best, or that of `step`.

    Raises:
      UserError: there is no such checkpoint, or it is damaged.
    """
    steps = self.steps()
    if step < -1:
      raise UserError(f'--step={step}: a step of a checkpoint, or -1 for the '
                      'newest')
    if best and step >= 0:
      raise UserError(f'--best and --step={step} each choose a checkpoint: '
                      'leave one of them out')
    if not steps:
      raise UserError(f'no checkpoint in {self.folder}: train first')
    try:
      if best:
        noted = self.restore(steps[-1], like)[1].get('best')
        if not noted:
          raise UserError(f'no checkpoint in {self.folder} is the best: train '
                          'with config.checkpoint.best')
        step = noted['step']
      step = steps[-1] if step < 0 else step
      if step not in steps:
        raise UserError(f'no checkpoint of step {step} in {self.folder}: '
                        f'there are {", ".join(map(str, steps))}')
      return self.restore(step, like)[0]
    except Damaged as error:
      others = ', '.join(str(s) for s in steps)
      raise UserError(f'{error}; choose another by --step: {others}') from error

  def _put_aside(self, step):
    """Moves a damaged checkpoint away, so that its step can be saved again."""
    if self._read_only or jax.process_index():
      return
    aside = self.folder.parent / 'damaged'
    aside.mkdir(exist_ok=True)
    target = aside / str(step)
    n = 1
    while target.exists():
      n += 1
      target = aside / f'{step}.{n}'
    shutil.move(self.folder / str(step), target)
    self._manager.reload()

  def _unwritten(self, step, error):
    return (f'checkpoint {step} could not be written to {self.folder}: '
            f'{_brief(error)}. {self._resume_from()}')

  def _resume_from(self):
    steps = self.steps()
    if not steps:
      return 'There is no earlier checkpoint'
    return f'The same command resumes from step {steps[-1]}'


class Damaged(Exception):
  """A checkpoint cannot be read, or differs from what was written."""


class _LastAndBest(PreservationPolicy):
  """Orbax policy: preserves the `keep` newest checkpoints and the best one."""

  def __init__(self, keep):
    self.keep = keep
    self.best = None

  def should_preserve(self, checkpoints, *, context):
    del context
    last = len(checkpoints) - self.keep
    return [i >= last or checkpoint.step == self.best
            for i, checkpoint in enumerate(checkpoints)]


def _local(x):
  """A copy of a replicated array in host memory."""
  if isinstance(x, jax.Array):
    x = x.addressable_data(0)
  return np.array(x)


def _named(tree):
  """{'/'-joined path: leaf}."""
  flat, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {jax.tree_util.keystr(path, simple=True, separator='/'): x
          for path, x in flat}


def _kind(x):
  """[dtype, shape] of an array, as JSON types."""
  return [str(x.dtype), list(x.shape)]


def _crc(x):
  return zlib.crc32(np.ascontiguousarray(x).view(np.uint8).reshape(-1))


def _finite(x):
  return not np.issubdtype(x.dtype, np.inexact) or bool(np.isfinite(x).all())


def _brief(error):
  lines = str(error).strip().splitlines()
  return f'{type(error).__name__}: {lines[0][:200] if lines else ""}'
