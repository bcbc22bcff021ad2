"""What failures of libraries and of the machine mean."""
import errno

import jax
import pytest

from jgan import failures
from jgan.errors import Stopped, UserError


def failed(error, cause=None):
  error.__cause__ = cause
  return failures.meaning(error)


@pytest.mark.parametrize('error', [
    OSError(errno.ENOSPC, 'No space left on device'),
    OSError(errno.EDQUOT, 'Disk quota exceeded'),
    ValueError('RESOURCE_EXHAUSTED: Error writing "step/0": No space left'),
])
def test_a_full_disk_stops_the_run(error):
  assert isinstance(failed(error), Stopped)
  assert 'disk is full' in str(failed(error))
  refusal = failed(UserError('cannot write to --out=x'), error)
  assert isinstance(refusal, Stopped)


@pytest.mark.parametrize('error', [
    MemoryError('Unable to allocate 10 GiB'),
    jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating'),
    jax.errors.JaxRuntimeError('INTERNAL: Error dispatching computation: Out '
                               'of memory allocating 7 bytes.'),
])
def test_too_little_memory_names_what_to_lower(error):
  assert isinstance(failed(error), Stopped)
  for word in ('out of memory', 'config.batch', 'config.eval.batch'):
    assert word in str(failed(error))


def test_a_device_that_cannot_be_started_is_a_mistake(monkeypatch):
  monkeypatch.setenv('JAX_PLATFORMS', 'nonesuch')
  code = compile('raise AssertionError', '/lib/jax/_src/xla_bridge.py', 'exec')
  with (pytest.raises(UserError, match='JAX_PLATFORMS=nonesuch: JAX cannot'),
        failures.explained()):
    exec(code)


def test_the_end_of_another_process_stops_this_one(monkeypatch):
  error = jax.errors.JaxRuntimeError('Connection closed by peer')
  assert failed(error) is None  # alone it is a bug
  monkeypatch.setattr(jax.distributed, 'is_initialized', lambda: True)
  assert 'another process ended' in str(failed(error))
  assert isinstance(failed(error), Stopped)


def test_a_path_that_cannot_be_used_is_a_mistake(tmp_path):
  with (pytest.raises(UserError, match=f'{tmp_path}: Is a directory'),
        failures.explained()):
    tmp_path.read_bytes()


def test_a_bug_stays_a_bug():
  with pytest.raises(ZeroDivisionError), failures.explained():
    raise ZeroDivisionError
  with pytest.raises(UserError, match='as it was'), failures.explained():
    raise UserError('as it was')
