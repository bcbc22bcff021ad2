"""What process 0 alone computes, told to all processes of a run."""
import itertools
import json

import jax
import numpy as np

from jgan.errors import Stopped, UserError

_MEETINGS = itertools.count()


def told(function):
  """function() in process 0, and its value in all processes.

  All processes call it at the same point, and the others wait, at most an
  hour.

  Args:
    function: () -> JSON types.

  Raises:
    UserError, Stopped: in all processes, if the function raises it.
  """
  if jax.process_count() == 1:
    return function()
  import orbax.checkpoint as ocp
  from jax.experimental import multihost_utils
  text = b''
  if jax.process_index() == 0:
    try:
      answer = {'value': function()}
    except (UserError, Stopped) as error:
      answer = {type(error).__name__: str(error)}
    text = json.dumps(answer).encode()
  # Collectives wait for 30 seconds only on CPUs.
  ocp.multihost.sync_global_processes(
      f'jgan: told {next(_MEETINGS)}', timeout=3600,
      processes={*range(jax.process_count())})
  size = int(multihost_utils.broadcast_one_to_all(np.int32(len(text))))
  letters = np.zeros(size, np.int32)
  letters[:len(text)] = [*text]
  letters = np.asarray(multihost_utils.broadcast_one_to_all(letters))
  answer = json.loads(bytes(letters.astype(np.uint8)))
  for kind in (UserError, Stopped):
    if kind.__name__ in answer:
      raise kind(answer[kind.__name__])
  return answer['value']


def alone(function, *arguments):
  """function(*arguments) in process 0, None in others."""
  return function(*arguments) if jax.process_index() == 0 else None
