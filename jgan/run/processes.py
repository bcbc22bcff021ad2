"""Several processes that train together, through jax.distributed.

They may fail one by one until all of them train: one may lack the images, or
be unable to read the checkpoint. `Group.together` ends all of them then, by
the reason of the one. Whatever else ends a process ends the others too: JAX
notices it within about two minutes, see `_end_with_others`.
"""
import contextlib
import ctypes
import functools
import json
import logging
import os
import platform
import secrets
import signal
import time

import jax
from jax._src import distributed  # the store of a group has no public name

from jgan import config as configs
from jgan import failures, progress
from jgan.errors import Stopped, UserError

log = logging.getLogger(__name__)

_MEETING = 300  # seconds in which all processes must have been started
_LATE = 3_600_000  # milliseconds that one may load data while others wait,
_FAILING = 300_000  # and in which they must come to hear of a failure
_LAST = 1.  # seconds by which process 0, the others' store, ends later
_SHOWN = 20  # seconds in which a file must be seen: caches of file systems

# What a process looks at that finds its group by itself.
_CLUSTERS = {
    'SLURM (tasks of srun)': (
        'SLURM_JOB_ID', 'SLURM_STEP_NODELIST', 'SLURM_NTASKS', 'SLURM_PROCID',
        'SLURM_LOCALID'),
    'Open MPI 4 (mpirun)': (
        'OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK',
        'OMPI_COMM_WORLD_LOCAL_RANK'),
    'a TPU pod (a TPU VM with libtpu)': (
        'TPU_PROCESS_ADDRESSES', 'TPU_WORKER_HOSTNAMES', 'TPU_WORKER_ID'),
    'Kubernetes (an indexed Job, and the package kubernetes)': (
        'KUBERNETES_SERVICE_HOST', 'JOB_COMPLETION_INDEX'),
}
# What is said, and the exit code, if JAX aborts the process.
_MET = (b'another process ended, or cannot be reached. When all are started '
        b'again, the same commands resume from the last checkpoint', 3)
_last_words = [_MET]


_EXPLICIT = '--coordinator=HOST:PORT', '--processes=N', '--process=I'
# Address, number and index that leave all three to JAX.
NONE_GIVEN = '', 0, -1


def join(coordinator='', processes=0, process=-1):
  """Joins the other processes, and waits for all of them.

  Args:
    coordinator: HOST:PORT of process 0. Without the three, JAX finds them in
      what TPU pods, SLURM, Open MPI and Kubernetes tell.
    processes: their number.
    process: index of this one.

  Raises:
    UserError: some of the three are missing or impossible, or nothing tells
      them. If the others do not come within five minutes, the process ends
      with code 2.
  """
  given = coordinator, processes, process
  explicit = given != NONE_GIVEN
  if explicit:
    _check(*given)
  flag = f'--coordinator={coordinator}' if explicit else '--distributed'
  _last_words[:] = [(f'{flag}: the processes did not meet within {_MEETING} '
                     's. All of them must be started, with one address of '
                     'process 0 that all can reach'.encode(), 2)]
  _end_with_others()
  before = signal.getsignal(signal.SIGTERM)
  try:
    # Of processes in one terminal only the first one may have a bar.
    with progress.lines(), progress.during('waiting for the other processes'):
      jax.distributed.initialize(
          *(given if explicit else (None, None, None)),
          local_device_ids=_local_devices(), initialization_timeout=_MEETING)
      if jax.process_index():
        progress.hush()
  except (RuntimeError, ValueError, KeyError, OSError) as error:
    if not explicit and distributed.global_state.coordinator_address is None:
      raise UserError(_nothing_found(error)) from error
    raise UserError(f'{flag}: the processes did not meet: '
                    f'{failures.brief(error)}') from error
  _last_words[:] = [_MET]
  if group().count == 1:
    # JAX's own handler would only note a signal, which nobody asks it for.
    signal.signal(signal.SIGTERM, before)
  _shorten_logs(group())


def _check(coordinator, processes, process):
  """Refuses a part of the three flags, and impossible ones."""
  missing = [flag for flag, value, absent in zip(
      _EXPLICIT, (coordinator, processes, process), NONE_GIVEN)
             if value == absent]
  if missing:
    raise UserError(f'{" and ".join(missing)} would be needed too: a process '
                    'gets all three flags, or --distributed and none of them')
  host, _, port = coordinator.rpartition(':')
  if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
    raise UserError(f'--coordinator={coordinator}: HOST:PORT of process 0, as '
                    '10.0.0.1:1234, would be right')
  if not 0 <= process < processes:
    raise UserError(f'--process={process} --processes={processes}: an index '
                    f'from 0 to {max(processes - 1, 0)} would be right')


def group():
  """The processes that train with this one: -> Group."""
  state = distributed.global_state
  if state.client is None:
    return Group(None, 0, 1)
  return _group(state.client, state.process_id, state.num_processes)


@functools.cache
def _group(client, index, count):
  return Group(client, index, count)


class Group:
  """The processes that train together; all call its functions in one order.

  Attributes:
    index: of this process, from 0.
    count: of all of them.
    here: this process and its host, for messages.
  """

  def __init__(self, client, index, count):
    self.index, self.count = index, count
    self.here = f'process {index} on {platform.node()}'
    self._client, self._meetings = client, 0
    self._shared = object()  # the last exception that all know of

  @contextlib.contextmanager
  def together(self):
    """Ends the block in all processes, or raises in all.

    In it may be calls of this group: the next one ends too if another process
    fails before it.

    Raises:
      UserError, Stopped: the reason of another process, if this one has none.
    """
    if self.count == 1:
      yield
      return
    try:
      yield
    except Exception as error:
      if self._shared not in (error, error.__cause__):
        self._shared = error
        with contextlib.suppress(RuntimeError):  # the others come too late
          self._meet(error)
      raise
    self._meet()

  def said(self, value):
    """What process 0 calls this with, of JSON types."""
    if self.count == 1:
      return value
    key = f'jgan/{self._meetings}/said'
    if not self.index:
      self._client.key_value_set(key, json.dumps(value))
    self._meet()
    return json.loads(self._client.blocking_key_value_get(key, _FAILING))

  def _meet(self, error=None):
    """Waits for all processes, and raises the reason of one that failed.

    error: that of this process; it is not raised.
    """
    key = f'jgan/{self._meetings}'
    self._meetings += 1
    if error:
      known = failures.meaning(error) or failures.brief(error)
      reason = str(known)
      if not reason.startswith(self.here):
        reason = f'{self.here}: {reason}'
      self._client.key_value_set(f'{key}/failed/{self.index:06d}', json.dumps(
          [isinstance(known, UserError), reason]))
    self._client.wait_at_barrier(key, _FAILING if error else _LATE)
    reasons = sorted(self._client.key_value_dir_get(f'{key}/failed/'))
    if not reasons:
      return
    self._client.wait_at_barrier(f'{key} read', _FAILING)
    if not self.index:  # its end would be noticed first
      time.sleep(_LAST)
    if error is None:
      is_mistake, reason = json.loads(reasons[0][1])
      self._shared = (UserError if is_mistake else Stopped)(reason)
      raise self._shared

  def told(self, function):
    """function() of process 0, of JSON types; the others wait for it."""
    value = None
    with self.together():
      if not self.index:
        value = function()
    return self.said(value)

  def require_same(self, **values):
    """Refuses values of JSON types that differ between processes.

    Raises:
      UserError: names the process and the keys.
    """
    first = self.said(values)
    with self.together():
      differ = configs.differences(first, json.loads(json.dumps(values)))
      if differ:
        raise UserError(f'{self.here} was started with another '
                        f'{"; ".join(differ[:8])} (of process 0, and its own): '
                        'the same for all processes would be right')

  def require_shared(self, folder):
    """Refuses a folder that is not one for all processes.

    Process 0 creates it, and writes a file that the others must see. Nothing
    else in it is touched, and the file is deleted.

    folder: Path.

    Raises:
      UserError: one of them does not see it, or it cannot be written.
    """
    if self.count == 1:
      return
    folder = folder.absolute()
    token, host = self.said([secrets.token_hex(8), platform.node()])
    file = folder / f'.start-{token}'
    # The others do not look before it is there: they may remember it absent.
    is_new = not self.index and not folder.exists()
    try:
      with self.together():
        if not self.index:
          _write(file, token)
      with self.together():
        if self.index and not _shows(file, token):
          raise UserError(
              f'{self.here} does not see what process 0 on {host} wrote to '
              f'--workdir={folder}: checkpoints need one folder that all hosts '
              'have under this path, on a shared file system (NFS, Lustre, '
              'Filestore) or a mounted bucket (gcsfuse)')
    except Exception:
      if not self.index:
        with contextlib.suppress(OSError):  # it may never have been written
          file.unlink(missing_ok=True)
          if is_new:
            folder.rmdir()
      raise
    if not self.index:
      file.unlink(missing_ok=True)


def require_joined():
  """Refuses processes that JAX knows of and that have not joined.

  On a TPU pod, the devices of all hosts are seen without jax.distributed,
  which checkpoints and signals need.
  """
  if jax.process_count() > 1 and not jax.distributed.is_initialized():
    raise UserError(f'JAX found {jax.process_count()} processes, and they have '
                    'not joined: --distributed for each would be right')


def _local_devices():
  """Devices of this process: all GPUs of a node that has one task of SLURM.

  None leaves it to JAX, which gives each task the GPU of its index.
  """
  told = os.environ.get
  gpus = told('SLURM_GPUS_ON_NODE', '')
  if (told('JAX_LOCAL_DEVICE_IDS') is None and gpus.isdigit()
      and told('SLURM_NTASKS') == told('SLURM_STEP_NUM_NODES')):
    return [*range(int(gpus))] or None
  return None


def _nothing_found(error):
  """The message for --distributed where JAX finds no cluster."""
  places = []
  for name, variables in _CLUSTERS.items():
    present = [variable for variable in variables if variable in os.environ]
    absent = [variable for variable in variables if variable not in os.environ]
    places.append(name + (f', of which {", ".join(present)} is set and '
                          f'{", ".join(absent)} is not' if present else ''))
  return ('--distributed: JAX found no other processes '
          f'({failures.brief(error)}). It looks for {"; ".join(places)}. Start '
          'all by one of these, or give each --coordinator=HOST:PORT '
          '--processes=N --process=I. A single process uses all devices of its '
          'host without these flags')


def _write(file, text):
  """Creates a file, and its folder, on the disk itself."""
  folder = file.parent
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with file.open('x') as stream:
      stream.write(text)
      stream.flush()
      os.fsync(stream.fileno())
  except OSError as error:
    raise UserError(f'cannot write to --workdir={folder}: '
                    f'{error.strerror or error}') from error


def _shows(file, text):
  """Whether the file has this text, within a time for caches to be renewed."""
  end = time.monotonic() + _SHOWN
  while True:
    with contextlib.suppress(OSError):  # absent, for now
      if file.read_text() == text:
        return True
    if time.monotonic() > end:
      return False
    for folder in file.parent.parent, file.parent:
      with contextlib.suppress(OSError):
        os.listdir(folder)  # network file systems look anew
    time.sleep(.2)


def _shorten_logs(one):
  """Only process 0 logs what it does; the others warn, and say their index."""
  log.info('process %s of %s, on %s, has met the others', one.index, one.count,
           platform.node())
  if one.index:
    logger = logging.getLogger('jgan')
    logger.setLevel(logging.WARNING)
    for handler in logger.handlers:
      handler.setFormatter(logging.Formatter(
          f'%(asctime)s process {one.index}: %(message)s', '%H:%M:%S'))


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _aborted(_):
  # The main thread may be about to end the process for a reason it knows.
  time.sleep(2)
  words, code = _last_words[0]
  os.write(2, b'jgan: error: ' + words + b'\n')
  os._exit(code)


def _end_with_others():
  """Ends this process with code 3 when JAX finds that another one ended.

  JAX calls abort() from a thread of C++; its callback for this purpose cannot
  be a function of Python. The handler is one of C, because those of Python
  would only run when abort() has returned.
  """
  library = ctypes.CDLL(None)
  library.signal.argtypes = ctypes.c_int, ctypes.c_void_p
  library.signal.restype = ctypes.c_void_p
  library.signal(signal.SIGABRT, ctypes.cast(_aborted, ctypes.c_void_p))
