"""Several processes: how they meet, fail together, and train as one would.

JGAN_TEST_PROCESSES=4 runs the training with four instead of two (make pods).
"""
import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import platform
import random
import signal
import socket
import subprocess
import sys
import threading

import jax
import pytest
from jax._src import distributed
from jax._src.lib import _jax

from jgan import build
from jgan.errors import Stopped, UserError
from jgan.experiment import load
from jgan.run import checkpoint, logbook, loop, processes
from tests.rounding import assert_same_but_rounding
from tests.score import test_viewer

ROOT = str(pathlib.Path(__file__).resolve().parents[2])
COUNT = int(os.environ.get('JGAN_TEST_PROCESSES', 2))
HOST = platform.node()


@pytest.fixture
def groups(monkeypatch):
  """Two groups of two processes, here threads, at a service of JAX."""
  monkeypatch.setattr(processes, '_LATE', 20_000)
  monkeypatch.setattr(processes, '_FAILING', 20_000)
  monkeypatch.setattr(processes, '_SHOWN', .3)
  monkeypatch.setattr(processes, '_LAST', .1)
  address = f'127.0.0.1:{free_port()}'
  service = _jax.get_distributed_runtime_service(address, 2)
  clients = [_jax.get_distributed_runtime_client(address, i, init_timeout=20)
             for i in (0, 1)]
  with concurrent.futures.ThreadPoolExecutor(2) as pool:
    [*pool.map(lambda client: client.connect(), clients)]
    yield [processes.Group(client, i, 2) for i, client in enumerate(clients)]
    [*pool.map(lambda client: client.shutdown(), clients)]
  service.shutdown()


def free_port(first=0, last=0):
  """A port that nobody listens at; of a range, if one is given."""
  while True:
    with contextlib.suppress(OSError), socket.socket() as s:
      s.bind(('127.0.0.1', random.randint(first, last)))
      return s.getsockname()[1]


def both(groups, work):
  """What work(group) returns or raises in each process."""
  with concurrent.futures.ThreadPoolExecutor(2) as pool:
    jobs = [pool.submit(work, group) for group in groups]
    return [job.exception() or job.result() for job in jobs]


def failing(error, index):
  """Work that fails in one process, within what all do together."""
  def work(group):
    with group.together():
      if group.index == index:
        raise error
  return work


@pytest.mark.parametrize('index', [0, 1])
def test_the_mistake_of_one_process_ends_all(groups, index):
  said = both(groups, failing(UserError('no images'), index))
  assert str(said[index]) == 'no images'
  assert isinstance(said[1 - index], UserError)
  assert str(said[1 - index]) == f'process {index} on {HOST}: no images'
  with pytest.raises(ZeroDivisionError):
    raise both(groups, failing(ZeroDivisionError(), 0))[0]
  assert both(groups, lambda group: group.said(group.index)) == [0, 0]


@pytest.mark.parametrize('index', [0, 1])
def test_a_mistake_also_ends_what_the_others_do_within(groups, index):
  """One has no images; the other is to be told something, or to tell it."""
  def work(group):
    with group.together():
      if group.index == index:
        raise UserError('no images')
      group.told(lambda: 'weights')

  said = both(groups, work)
  assert str(said[index]) == 'no images'
  assert str(said[1 - index]) == f'process {index} on {HOST}: no images'
  assert both(groups, lambda group: group.told(lambda: 3)) == [3, 3]


def test_a_bug_or_a_full_disk_of_one_process_stops_all(groups):
  _, other = both(groups, failing(ZeroDivisionError('by 0'), 0))
  assert isinstance(other, Stopped)
  assert str(other) == f'process 0 on {HOST}: ZeroDivisionError: by 0'


def test_another_config_of_one_process_is_refused(groups):
  said = both(groups, lambda group: group.require_same(
      jax='1', config={'batch': 8 + 8 * group.index, 'steps': 2}))
  assert all(isinstance(error, UserError) for error in said)
  assert f'process 1 on {HOST} was started with another config.batch: 8 -> 16' \
      in str(said[0])


def test_a_workdir_that_all_share_stays_empty(groups, tmp_path):
  folder = tmp_path / 'new' / 'run'
  assert both(groups, lambda g: g.require_shared(folder)) == [None, None]
  assert [*folder.iterdir()] == []


def test_a_workdir_that_is_not_shared_is_refused_by_all(groups, tmp_path):
  """The second process has another folder under the same name."""
  said = both(groups, lambda g: g.require_shared(tmp_path / str(g.index)))
  assert all(isinstance(error, UserError) for error in said)
  assert (f'process 1 on {HOST} does not see what process 0 on {HOST} wrote to '
          f'--workdir={tmp_path}/1') in str(said[0])
  assert str(said[0]) == str(said[1])
  assert [*tmp_path.iterdir()] == []


def test_a_workdir_that_process_0_cannot_write_is_refused_by_all(
    groups, tmp_path):
  (tmp_path / 'file').touch()
  said = both(groups, lambda g: g.require_shared(tmp_path / 'file' / 'run'))
  assert all('cannot write to --workdir=' in str(error) for error in said)


def test_a_file_that_is_shown_late_is_waited_for(tmp_path):
  file = tmp_path / 'token'
  threading.Timer(.3, lambda: file.write_text('abc')).start()
  assert processes._shows(file, 'abc')


@pytest.mark.parametrize('flags, words', [
    (('', 2, 1), '--coordinator=HOST:PORT would be needed too'),
    (('a:1', 0, -1), '--processes=N and --process=I would be needed too'),
    (('a', 2, 1), '--coordinator=a: HOST:PORT of process 0'),
    (('a:65536', 2, 1), '--coordinator=a:65536: HOST:PORT of process 0'),
    (('a:1', 2, 2), 'an index from 0 to 1 would be right'),
])
def test_flags_that_do_not_agree_are_refused(flags, words):
  with pytest.raises(UserError, match=words):
    processes.join(*flags)


def test_where_nothing_tells_of_others_it_says_what_was_looked_for(monkeypatch):
  """A task of sbatch that srun did not start."""
  monkeypatch.setattr(processes, '_end_with_others', lambda: None)
  state = distributed.State()
  monkeypatch.setattr(distributed, 'global_state', state)
  monkeypatch.setattr(jax.distributed, 'initialize', lambda *given, **rest: (
      state.initialize(*given, **rest)))
  for variable in itertools.chain(*processes._CLUSTERS.values()):
    monkeypatch.delenv(variable, raising=False)
  monkeypatch.setenv('SLURM_JOB_ID', '17')
  with pytest.raises(UserError, match=(
      'SLURM.* of which SLURM_JOB_ID is set and SLURM_STEP_NODELIST, .* is not.'
      '*Open MPI.*TPU pod.*Kubernetes.*--coordinator=HOST:PORT')):
    processes.join()


def test_processes_that_have_not_joined_are_refused(
    tiny, tmp_path, monkeypatch):
  """As the hosts of a TPU pod, whose devices JAX sees in any case."""
  monkeypatch.setattr(jax, 'process_count', lambda: 2)
  with pytest.raises(UserError, match='--distributed for each'):
    loop.run(tiny, tmp_path)


def test_the_only_task_of_a_node_of_slurm_gets_all_gpus(monkeypatch):
  monkeypatch.setenv('SLURM_GPUS_ON_NODE', '4')
  monkeypatch.setenv('SLURM_NTASKS', '2')
  monkeypatch.setenv('SLURM_STEP_NUM_NODES', '2')
  assert processes._local_devices() == [0, 1, 2, 3]
  monkeypatch.setenv('SLURM_NTASKS', '8')
  assert processes._local_devices() is None


CONFIG = """
import os
import signal
import time

from jgan import config
from jgan.run import session


def get_config():
  c = config.base()
  c.steps, c.batch = 12, 8
  c.data = {'name': 'mixture', 'render': 'points', 'count': 64}
  c.generator = {'name': 'mlp', 'latent': 4, 'width': 8, 'depth': 1,
                 'norm': 'batch'}
  c.discriminator = {'name': 'mlp', 'width': 8, 'depth': 1}
  c.loss = {'name': 'relativistic_average'}
  for side in ('gen', 'disc'):
    c.optimizer[side] = {'name': 'sgd', 'lr': .02}
  c.ema.decay = .5
  c.log.every = 1
  c.samples.every = 0
  c.eval.update({'every': 4, 'metrics': ('modes',), 'samples': 16, 'batch': 8})
  c.checkpoint.update({'every': 1, 'keep': 99})
  return c


def kill_after(at, number):
  after = session.Session.after

  def killed(self, step, *rest):
    state = after(self, step, *rest)
    if step == at:
      os.kill(os.getpid(), number)
    if step >= at:
      time.sleep(1)
    return state

  session.Session.after = killed


if 'KILL_AFTER' in os.environ:
  kill_after(int(os.environ['KILL_AFTER']), signal.SIGTERM)
"""

# Scores on all devices; trains to the end, then in another folder until one is
# killed. It meets the others as those of Open MPI do. What all have, as images
# and weights, is not sent from one to another.
SCRIPT = """
import os
import runpy
import signal
import sys

import jax
import numpy as np
from jax.experimental import multihost_utils

from jgan.errors import Stopped
from jgan.run import loop, processes
from tests.score import test_viewer

config, whole, killed, cache = sys.argv[1:]
jax.config.update('jax_compilation_cache_dir', cache)
processes.join()
compare = multihost_utils.assert_equal


def compared(tree, fail_message=''):
  assert max(map(np.size, jax.tree.leaves(tree))) == 1, 'images are sent around'
  compare(tree, fail_message)


multihost_utils.assert_equal = compared
seen = test_viewer.described(4)
if jax.process_index() == 0:
  print(seen, flush=True)
names = runpy.run_path(config)
loop.run(names['get_config'](), whole)
if jax.process_index() == jax.process_count() - 1:
  names['kill_after'](3, signal.SIGKILL)
try:
  loop.run(names['get_config'](), killed)
except Stopped as error:
  print(error, flush=True)
  os._exit(3)  # as the command does
"""


def started(commands, variables):
  """Runs one process per command: -> their exit codes and what they said."""
  runs = [subprocess.Popen(
      command, cwd=ROOT, env={
          **os.environ, **extra, 'JAX_PLATFORMS': 'cpu',
          'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0', 'XLA_FLAGS':
          '--xla_backend_optimization_level=0 '
          f'--xla_force_host_platform_device_count={4 // COUNT}'},
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
      for command, extra in zip(commands, variables, strict=True)]
  try:
    said = [run.communicate(timeout=300)[0] for run in runs]
  finally:
    for run in runs:
      run.kill()
  return [run.returncode for run in runs], said


def test_processes_train_as_one_and_go_on_when_one_was_ended(tmp_path):
  """Killed, the others end; started again, asked to end, all are saved.

  They find each other by what Open MPI tells them, and SLURM.
  """
  config = tmp_path / 'config.py'
  config.write_text(CONFIG)
  whole, killed = tmp_path / 'whole', tmp_path / 'killed'
  cache = os.environ['JGAN_TEST_CACHE']
  port = free_port(61440, 65535)
  codes, said = started(
      [[sys.executable, '-c', SCRIPT, str(config), str(whole), str(killed),
        cache]] * COUNT,
      [{'OMPI_MCA_orte_hnp_uri': f'{port % 4096 * 4096}.0;tcp://127.0.0.1:9',
        'OMPI_COMM_WORLD_SIZE': str(COUNT), 'OMPI_COMM_WORLD_RANK': str(i),
        'OMPI_COMM_WORLD_LOCAL_RANK': str(i)} for i in range(COUNT)])
  assert codes == [3] * (COUNT - 1) + [-signal.SIGKILL], said
  assert 'another process ended' in said[0]
  seen = [json.loads(next(line for line in text.splitlines()
                          if line.startswith('{"images"')))
          for text in (said[0], test_viewer.described(1))]
  assert seen[0] == pytest.approx(seen[1], rel=1e-6)

  port = free_port(61440, 65535)
  codes, said = started(
      [[sys.executable, '-m', 'jgan.main', f'--config={config}',
        f'--workdir={killed}', '--distributed',
        f'--compilation_cache={cache}']] * COUNT,
      [{'SLURM_JOB_ID': str(port % 4096), 'SLURM_STEP_NODELIST': '127.0.0.1',
        'SLURM_NTASKS': str(COUNT), 'SLURM_PROCID': str(i),
        'SLURM_LOCALID': str(i),
        **({'KILL_AFTER': '5'} if i == COUNT - 1 else {})}
       for i in range(COUNT)])
  assert codes == [3] * COUNT, said
  assert all('saved' in text for text in said)
  assert f'in {COUNT} processes' in said[0] and 'devices:' not in said[-1]

  c = load(str(config))
  saved = checkpoint.Checkpoints(killed / 'checkpoints')
  unbroken = checkpoint.Checkpoints(whole / 'checkpoints')
  step = saved.steps()[-1]
  assert 5 < step < c.steps
  like = build.abstract(c, build.method(c))
  a, b = (x.restore(step, like)[0] for x in (saved, unbroken))
  assert jax.tree.all(jax.tree.map(lambda x, y: x.tobytes() == y.tobytes(),
                                   a, b))
  records = logbook.read(killed)
  assert all(record in logbook.read(whole) for record in records)
  assert step == len([r for r in records if 'gen/loss' in r])
  # A score that was under way is made when the run goes on.
  assert [r['step'] for r in records if 'eval/modes-kl' in r] in ([4], [4, 8])

  c.devices = 1
  state = loop.run(c, tmp_path / 'one')
  assert_same_but_rounding(unbroken.restore(c.steps, like)[0], state)
  for a, b in zip(logbook.read(whole), logbook.read(tmp_path / 'one'),
                  strict=True):
    assert a == pytest.approx(b, rel=1e-3, abs=1e-4)
