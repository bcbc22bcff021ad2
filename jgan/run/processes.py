"""Several processes that train together, through jax.distributed."""
import ctypes
import os
import signal

import jax

from jgan.errors import UserError


def join(coordinator, processes, process):
  """Joins the others at HOST:PORT of process 0, and waits for all of them.

  Raises:
    UserError: an impossible number, or they do not come within five minutes.
  """
  host, _, port = coordinator.rpartition(':')
  if not host or not port.isdigit():
    raise UserError(f'--coordinator={coordinator}: HOST:PORT of process 0, as '
                    '10.0.0.1:1234, would be right')
  if not 0 <= process < processes:
    raise UserError(f'--process={process} --processes={processes}: an index '
                    f'from 0 to {max(processes - 1, 0)} would be right')
  _end_with_others()
  try:
    jax.distributed.initialize(coordinator, processes, process)
  except RuntimeError as error:
    raise UserError(f'--coordinator={coordinator}: the {processes} processes '
                    f'did not meet there: {error}') from error


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _others_ended(_):
  os.write(2, b'jgan: error: another process ended, or cannot be reached. When '
           b'all are started again, the same commands resume from the last '
           b'checkpoint\n')
  os._exit(3)


def _end_with_others():
  """Ends this process with code 3 when JAX finds that another one ended.

  JAX calls abort() from a thread of C++; its callback for this purpose cannot
  be a function of Python. The handler is one of C, because those of Python
  would only run when abort() has returned.
  """
  library = ctypes.CDLL(None)
  library.signal.argtypes = ctypes.c_int, ctypes.c_void_p
  library.signal.restype = ctypes.c_void_p
  library.signal(signal.SIGABRT, ctypes.cast(_others_ended, ctypes.c_void_p))
