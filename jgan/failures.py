"""Failures of the machine, said in one line: disk, memory, devices, peers.

Their exceptions come from many libraries and have no common type.
"""
import contextlib
import errno
import os
import re
import sys
import traceback

from jgan.errors import Stopped, UserError

_FULL = re.compile('no space left|disk quota exceeded', re.IGNORECASE)
# What the user can mend of a path.
_OF_PATHS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT,
             errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP,
             errno.ENAMETOOLONG)
_MEMORY = re.compile('out of memory|RESOURCE_EXHAUSTED|bad_alloc',
                     re.IGNORECASE)


@contextlib.contextmanager
def explained():
  """Raises the UserError or Stopped that stands for another exception."""
  try:
    yield
  except Exception as error:
    known = meaning(error)
    if known is None or known is error:
      raise
    raise known from error


def meaning(error):
  """The UserError or Stopped that an exception stands for, None for a bug."""
  if isinstance(error, Stopped):
    return error
  causes = [*_chain(error)]
  if any(map(_is_full_disk, causes)):
    return Stopped(f'the disk is full: {brief(error)}. When there is space '
                   'again, the same command goes on')
  if isinstance(error, UserError):
    return error
  if any(map(is_memory, causes)):
    return Stopped(
        f'out of memory: {brief(error)}. Lower config.batch, config.gen_batch '
        'or the widths of the models; config.eval.batch if a score needs it; '
        'set config.pipeline.placement=stream if the images do not fit')
  if any(map(_is_of_devices, causes)):
    wanted = os.environ.get('JAX_PLATFORMS')
    chosen = f'JAX_PLATFORMS={wanted}: ' if wanted else ''
    return UserError(
        f'{chosen}JAX cannot start this device: {brief(error)}. JAX_PLATFORMS='
        'cpu runs on the CPU; requirements.txt says how to install others')
  if isinstance(error, OSError) and error.filename and (
      error.errno in _OF_PATHS):
    return UserError(f'cannot read or write {error.filename}: '
                     f'{error.strerror}')
  if is_of_peers(error):
    return Stopped(f'another process ended, or cannot be reached: '
                   f'{brief(error)}. When all are started again, the same '
                   'commands resume from the last checkpoint')
  return None


def brief(error):
  """The type and the first line of an exception, at most 200 characters."""
  lines = [*str(error).strip().splitlines(), '']
  return f'{type(error).__name__}: {lines[0]}'[:200].rstrip('.')


def is_memory(error):
  """Whether memory of the host or of a device was too small."""
  return isinstance(error, MemoryError) or bool(
      not isinstance(error, OSError) and _MEMORY.search(str(error)))


def is_of_jax(error):
  """Whether a computation or a collective failed in JAX's runtime."""
  names = {kind.__name__ for kind in type(error).__mro__}
  return bool(names & {'JaxRuntimeError', 'XlaRuntimeError'})


def is_of_peers(error):
  """Whether a computation failed that several processes share."""
  return any(map(is_of_jax, _chain(error))) and _have_peers()


def _chain(error):
  """An exception and those that it was raised from."""
  while error is not None:
    yield error
    error = error.__cause__


def _is_full_disk(error):
  if isinstance(error, OSError) and error.errno:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
  return bool(_FULL.search(str(error)))


def _is_of_devices(error):
  """Whether JAX failed to start its backends."""
  frames = traceback.extract_tb(error.__traceback__)
  return bool(frames) and frames[-1].filename.endswith('xla_bridge.py')


def _have_peers():
  jax = sys.modules.get('jax')
  return bool(jax) and jax.distributed.is_initialized()
