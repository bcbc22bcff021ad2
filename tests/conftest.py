"""Eight virtual CPU devices, and what several tests share.

Programs of tests run for milliseconds, so they are compiled in a hurry;
XLA_FLAGS=--xla_backend_optimization_level=3 compiles them as a run's.
"""
import contextlib
import ctypes
import gc
import os
import pathlib
import shutil
import signal

os.environ['JAX_PLATFORMS'] = 'cpu'
os.environ['XLA_FLAGS'] = ' '.join([
    '--xla_backend_optimization_level=0', os.environ.get('XLA_FLAGS', ''),
    '--xla_force_host_platform_device_count=8'])

import jax
import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.errors import Stopped
from jgan.run import loop

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / 'shared'


def pytest_configure(config):
  """Compiled programs are shared by the workers of one run of the suite.

  Ctrl-C is heard, by the tests' own processes too, where a job in the
  background of a shell would not hear it.
  """
  if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
  folder = os.environ.get('JGAN_TEST_CACHE')
  if folder is None:
    folder = os.environ['JGAN_TEST_CACHE'] = str(
        pathlib.Path(os.environ.get('TMPDIR', '/tmp'))
        / f'jgan-test-cache-{os.getpid()}')
  jax.config.update('jax_compilation_cache_dir', folder)
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.)
  jax.config.update('jax_persistent_cache_min_entry_size_bytes', -1)


def pytest_unconfigure(config):
  if not hasattr(config, 'workerinput'):
    shutil.rmtree(os.environ['JGAN_TEST_CACHE'], ignore_errors=True)


@pytest.fixture(scope='module', autouse=True)
def memory_returned():
  """Frees what a file of tests compiled: else a worker grows to 5 GB."""
  yield
  jax.clear_caches()
  gc.collect()
  library = ctypes.CDLL(None)
  if hasattr(library, 'malloc_trim'):  # glibc's
    library.malloc_trim(0)


@pytest.fixture(scope='session')
def package_copies(tmp_path_factory):
  """() -> a folder with a copy of jgan and its experiments, to add files to."""
  def made():
    folder = tmp_path_factory.mktemp('copy')
    for part in ('jgan', 'experiments'):
      shutil.copytree(ROOT / part, folder / part,
                      ignore=shutil.ignore_patterns('__pycache__'))
    return folder
  return made


@pytest.fixture
def package_copy(package_copies):
  """A folder with a copy of jgan and its experiments, to add files to."""
  return package_copies()


@pytest.fixture
def double():
  """`with double():` computes in float64, in every version of JAX."""
  @contextlib.contextmanager
  def scope():
    jax.config.update('jax_enable_x64', True)
    try:
      yield
    finally:
      jax.config.update('jax_enable_x64', False)

  return scope


@pytest.fixture
def tiny():
  """A config that trains on digits in a second, on one device."""
  c = configs.base()
  c.steps, c.batch, c.devices = 4, 8, 1
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.ema.decay = .9
  c.log.every = 1
  c.samples.update({'every': 2, 'count': 4})
  c.checkpoint.every = 2
  return c


@pytest.fixture(scope='session')
def generator():
  """A narrow config, its method, and a generator of drawn numbers."""
  c = configs.base()
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.eval.samples = 12
  c = configs.complete(c)
  method = build.method(c)
  rng = np.random.default_rng(0)
  net = jax.tree.map(
      lambda x: (rng.normal(0., .3, x.shape)**2 + .1).astype(x.dtype),
      build.abstract(c, method).ema)
  return c, method, net


@pytest.fixture
def interrupted(monkeypatch):
  """Runs a config in a folder until SIGTERM arrives at a step."""
  def run(config, folder, step):
    after = loop.Session.after

    def signalled(self, at, *rest):
      state = after(self, at, *rest)
      if at == step:
        os.kill(os.getpid(), signal.SIGTERM)
      return state

    with monkeypatch.context() as patch:
      patch.setattr(loop.Session, 'after', signalled)
      with pytest.raises(Stopped, match=f'stopped at step {step}'):
        loop.run(config, folder)
  return run
