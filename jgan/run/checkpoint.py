"""Checkpoints: a GanState and the notes of its run, written by Orbax.

A checkpoint is written under a temporary name and renamed when it is complete,
so a run killed at any time leaves the previous one intact. The notes contain
the CRC-32 of every array and of themselves, which detects errors that Orbax
does not report, such as a flipped bit or a cast.

With several processes each one reads the files by itself, and all restore the
step that process 0 has found intact.
"""
import contextlib
import errno
import json
import logging
import pathlib
import re
import zlib

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import PreservationPolicy

from jgan import failures
from jgan.errors import NonFinite, Stopped, UserError
from jgan.run import processes
from jgan.workdir import set_aside

log = logging.getLogger(__name__)

# Errors that TensorStore and JAX report as text, of no fault in the files.
_OF_READER = re.compile('UNAVAILABLE|DEADLINE_EXCEEDED|CANCELLED|ABORTED|'
                        'PERMISSION_DENIED|RESOURCE_EXHAUSTED')


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
    self._last = None  # the step of the last save
    self._reader = self._manager
    if jax.process_count() > 1:
      me = jax.process_index()
      self._reader = ocp.CheckpointManager(
          self.folder, options=ocp.CheckpointManagerOptions(
              create=False, read_only=True,
              multiprocessing_options=ocp.options.MultiprocessingOptions(
                  primary_host=me, active_processes={me},
                  barrier_sync_key_prefix=f'reader {me}')))

  def steps(self):
    """Steps of the complete checkpoints, ascending."""
    return sorted(self._manager.all_steps()) if self.folder.exists() else []

  def keep_best(self, step):
    """Sets the step of the best checkpoint, which stays; None: none."""
    self._policy.best = step

  def save(self, step, state, notes):
    """Writes a checkpoint in the background.

    Args:
      step: int; an existing checkpoint of this step is not replaced, unless
        its notes say that work after this step was due, and these do not.
      state: pytree of replicated arrays; copied to the host before returning.
      notes: dict of JSON types. While 'due' is true for the newest checkpoint,
        the one before it is kept besides.

    Raises:
      Stopped: writing failed (a full disk), or the state is not finite;
        earlier checkpoints are intact.
    """
    due = bool(notes.get('due'))
    replaces = step in self.steps() and step == self._policy.due and not due
    if step in self.steps() and not replaces:
      return
    arrays = jax.tree.map(_local, state)
    named = _named(arrays)
    bad = [name for name, x in named.items() if not _finite(x)]
    if bad:
      raise NonFinite(f'{bad[0]} is not finite at step {step}: not saved. '
                      f'{self._resume_from()}', step,
                      f'{bad[0]} is not finite')
    notes = notes | {'arrays': {name: [*_kind(x), _crc(x)]
                                for name, x in named.items()}}
    notes = notes | {'crc': _crc_of_notes(notes)}
    with self._writing():
      self._manager.wait_until_finished()  # of the last save
      self._last = step
      if replaces:
        self._manager.delete(step)
      self._policy.due = step if due else None
      self._manager.save(step, args=ocp.args.Composite(
          state=ocp.args.StandardSave(arrays), notes=ocp.args.JsonSave(notes)))

  def wait(self):
    """Waits until pending checkpoints are on the disk."""
    with self._writing():
      self._manager.wait_until_finished()
      self._manager.check_for_errors()

  def __enter__(self):
    return self

  def __exit__(self, kind, error, trace):
    # Writing the last one would wait for the processes that are left.
    if error is None or not failures.is_of_peers(error):
      self.close()

  def close(self):
    """Finishes writing and closes the folder.

    Raises:
      Stopped: writing failed.
    """
    with self._writing():
      self._manager.close()
    if self._reader is not self._manager:
      self._reader.close()

  def restore(self, step, like):
    """Reads and verifies one checkpoint: -> state of numpy arrays, notes.

    like: pytree with the expected shapes and dtypes.

    Raises:
      Damaged: it cannot be read, or its arrays differ from those written.
      UserError: its arrays have other names, shapes or dtypes.
    """
    want = {name: _kind(x) for name, x in _named(like).items()}
    with _damage_of(step):
      notes = self._reader.restore(step, args=ocp.args.Composite(
          notes=ocp.args.JsonRestore()))['notes']
      have = {name: kind for name, (*kind, _) in notes['arrays'].items()}
      # Notes of earlier checkpoints have no sum of their own.
      if notes.get('crc', _crc_of_notes(notes)) != _crc_of_notes(notes):
        raise Damaged('its notes are not what was written')
    for name in sorted({*have, *want}):
      if have.get(name) != want.get(name):
        raise UserError(
            f'checkpoint {step} in {self.folder} is of another model: {name} '
            f'is {have.get(name, "absent")} there and '
            f'{want.get(name, "absent")} in the config')
    with _damage_of(step):
      empty = jax.tree.map(lambda x: np.empty(x.shape, x.dtype), like)
      state = self._reader.restore(step, args=ocp.args.Composite(
          state=ocp.args.StandardRestore(empty)))['state']
      for name, x in _named(state).items():
        if _crc(np.asarray(x)) != notes['arrays'][name][-1]:
          raise Damaged(f'{name} is not what was written')
      if int(state.step) != step:
        raise Damaged(f'it holds the state of step {int(state.step)}')
    return state, notes

  def latest(self, like):
    """The newest intact checkpoint: (step, state, notes), or None.

    Newer ones, which are damaged, are moved to damaged/ beside the folder, with
    a warning. If all are damaged, they stay where they are.

    Raises:
      UserError: there are checkpoints, and all of them are damaged.
    """
    if jax.process_count() == 1:
      newest = self._newest_intact(like)
    else:
      newest = self._agreed(like)
    if newest:
      self._policy.due = newest[0] if newest[2].get('due') else None
    return newest

  def _newest_intact(self, like):
    """As `latest`."""
    steps, damaged = self.steps(), {}
    for step in reversed(steps):
      try:
        restored = step, *self.restore(step, like)
      except Damaged as error:
        damaged[step] = error
        continue
      for other, error in damaged.items():
        aside = set_aside(self.folder / str(other), self.folder.parent)
        log.warning('%s; it is set aside as %s, and the one before is used',
                    error, aside)
      if damaged:
        self._manager.reload()
      return restored
    aside = self.folder.parent / 'damaged'
    if steps:
      raise UserError(f'all {len(steps)} checkpoints in {self.folder} are '
                      f'damaged ({damaged[steps[-1]]}). Choose another '
                      '--workdir to start again')
    if any(file.name.isdigit() for file in aside.glob('*')):
      raise UserError(f'no checkpoint in {self.folder}, and damaged ones in '
                      f'{aside}. Choose another --workdir to start again')
    return None

  def _agreed(self, like):
    """As `latest`, for several processes: process 0 says which step it is."""
    group = processes.group()
    newest = None
    with group.together():
      if not group.index:
        newest = self._newest_intact(like)
    step = group.said(newest and newest[0])
    with group.together():
      if group.index and step is not None:
        self._manager.reload()
        self._reader.reload()
        try:
          newest = step, *self.restore(step, like)
        except Damaged as error:
          raise UserError(f'{group.here} cannot read what process 0 could: '
                          f'{error}. All processes must see the same '
                          '--workdir') from error
    return newest

  def go_back(self, step, notes):
    """Makes `step` the newest: deletes later ones, which will be written again.

    notes: of the checkpoint of this step.
    """
    for later in self.steps():
      if later > step:
        self._manager.delete(later)
    self._policy.due = step if notes.get('due') else None

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

  @contextlib.contextmanager
  def _writing(self):
    """Raises Stopped if a checkpoint cannot be written: a full disk."""
    try:
      yield
    except (OSError, ValueError) as error:
      raise Stopped(
          f'checkpoint {self._last} could not be written to {self.folder}: '
          f'{failures.brief(error)}. {self._resume_from()}') from error

  def _resume_from(self):
    steps = self.steps()
    if not steps:
      return 'There is no earlier checkpoint'
    return f'The same command resumes from step {steps[-1]}'


class Damaged(Exception):
  """A checkpoint cannot be read, or differs from what was written."""


@contextlib.contextmanager
def _damage_of(step):
  """Raises Damaged for an exception, if the files may be its reason."""
  try:
    yield
  except Exception as error:
    if _is_of_reader(error):
      raise
    reason = error if isinstance(error, Damaged) else failures.brief(error)
    raise Damaged(f'checkpoint {step} is damaged: {reason}') from error


def _is_of_reader(error):
  """Whether reading failed for a reason other than what the files contain."""
  if isinstance(error, OSError):
    return error.errno not in (None, errno.ENOENT, errno.ENOTDIR,
                               errno.EISDIR, errno.EIO)
  return failures.is_memory(error) or failures.is_of_jax(error) or bool(
      _OF_READER.search(str(error)))


class _LastAndBest(PreservationPolicy):
  """Orbax policy: preserves the `keep` newest checkpoints and the best one.

  Attributes:
    due: step of the newest checkpoint if it will be replaced; then the one
      before the `keep` newest stays too.
  """

  def __init__(self, keep):
    self.keep = keep
    self.best = self.due = None

  def should_preserve(self, checkpoints, *, context):
    del context
    last = len(checkpoints) - self.keep - (self.due is not None)
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


def _crc_of_notes(notes):
  """The sum of all notes but itself."""
  rest = {key: value for key, value in notes.items() if key != 'crc'}
  return zlib.crc32(json.dumps(rest, sort_keys=True).encode())


def _finite(x):
  return not np.issubdtype(x.dtype, np.inexact) or bool(np.isfinite(x).all())
