"""Real data beside the repository, in the layouts users have."""
import importlib.util
import pathlib

import pytest

SHARED = pathlib.Path(__file__).resolve().parents[3] / 'shared' / 'data'


@pytest.fixture(scope='session')
def shared():
  if not SHARED.is_dir():
    pytest.skip(f'no real data: {SHARED} does not exist')
  return SHARED


@pytest.fixture(scope='session')
def unpack(shared):
  """The module that unpacks the shared data, told to do a few batches."""
  spec = importlib.util.spec_from_file_location('unpack', shared / 'unpack.py')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


@pytest.fixture(scope='session')
def cifar_dir(unpack, tmp_path_factory):
  """Holds both layouts of CIFAR-10: the test batch and two of training."""
  out = tmp_path_factory.mktemp('cifar')
  unpack.BATCHES = ['data_batch_1', 'data_batch_2', 'test_batch']
  unpack.cifar10(out)
  unpack.BATCHES = ['test_batch']
  unpack.cifar10_py(out)
  return out
