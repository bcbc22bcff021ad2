"""Exported weights: what is read back, and what is refused."""
import random
import zipfile
from types import SimpleNamespace

import jax
import ml_dtypes
import numpy as np
import pytest

from jgan import weights
from jgan.errors import UserError
from jgan.types import GanState, Network

KERNEL = np.linspace(-1., 1., 12, dtype=np.float32).reshape(3, 4)


def network(kernel=KERNEL):
  return Network({'a': {'kernel': kernel, 'bias': np.zeros(4, np.float32)}},
                 {'batch_stats': {'a': {'mean': np.zeros(4, np.float32)}}})


def started(file):
  """The generators of a state, given as shapes, that starts from a file."""
  shapes = jax.eval_shape(network)
  state = weights.warm_start(
      GanState(0, shapes, shapes, shapes),
      SimpleNamespace(generator=str(file), discriminator=''))
  assert state.disc is shapes
  return state.gen, state.ema


@pytest.mark.parametrize('dtype', [
    np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize('suffix', ['npz', 'safetensors'])
def test_real_numbers_of_any_width_become_those_of_the_model(
    dtype, suffix, tmp_path):
  if suffix == 'npz' and dtype is ml_dtypes.bfloat16:
    pytest.skip('the format has no bfloat16')
  file = weights.save(network(KERNEL.astype(dtype)), tmp_path / f'g.{suffix}')
  for net in started(file):
    kernel = net.params['a']['kernel']
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, KERNEL.astype(dtype))
    assert net.stats.keys() == {'batch_stats'}


@pytest.mark.parametrize('kernel, says', [
    (KERNEL.astype(np.int32), 'is of int32 there and float32 would be right'),
    (KERNEL.astype(np.uint8), 'is of uint8'),
    (KERNEL > 0, 'is of bool'),
    (KERNEL.astype(np.complex64), 'is of complex64'),
    (KERNEL.astype('S4'), 'is of |S4'.replace('|', r'\|')),
    (np.where(KERNEL > 0, np.nan, KERNEL), 'is not finite'),
    (np.where(KERNEL > 0, -np.inf, KERNEL), 'is not finite'),
    (KERNEL.astype(np.float64) * 1e300, 'is not finite in float32'),
    (KERNEL[:2], r'is \(2, 4\) there and \(3, 4\)')])
def test_what_is_no_finite_real_number_is_refused(kernel, says, tmp_path):
  file = weights.save(network(kernel), tmp_path / 'g.npz')
  with pytest.raises(UserError, match=f'g.npz .*params/a/kernel {says}'):
    started(file)


@pytest.mark.parametrize('suffix', ['npz', 'safetensors'])
def test_a_damaged_file_is_refused_in_one_way(suffix, tmp_path):
  """Cut, with wrong bytes and with more bytes: read, or a UserError."""
  file = weights.save(network(), tmp_path / f'g.{suffix}')
  good, draw = file.read_bytes(), random.Random(0)
  for _ in range(300):
    data = bytearray(good)
    place = draw.randrange(len(data))
    change = draw.choice(['cut', 'flip', 'add'])
    if change == 'cut':
      del data[place:]
    elif change == 'flip':
      data[place] ^= 1 << draw.randrange(8)
    else:
      data[place:place] = draw.randbytes(5)
    file.write_bytes(data)
    try:
      weights.load(file)
    except UserError as error:
      assert str(file) in str(error)


@pytest.mark.parametrize('arrays', [
    {}, {'batch_stats/a': np.ones(2)},
    {'params/a': np.ones(2), 'params/a/b': np.ones(2)},
    {'params/a': np.array([{}], object)}])
def test_an_archive_of_something_else_is_refused(arrays, tmp_path):
  np.savez(tmp_path / 'x.npz', **arrays)
  with pytest.raises(UserError, match='x.npz'):
    weights.load(tmp_path / 'x.npz')


def test_a_single_array_and_a_foreign_archive_are_refused(tmp_path):
  with (tmp_path / 'x.npz').open('wb') as file:
    np.save(file, KERNEL)
  with zipfile.ZipFile(tmp_path / 'y.npz', 'w') as archive:
    archive.writestr('params/a.txt', 'no array')
  for name in ('x.npz', 'y.npz', 'absent.npz'):
    with pytest.raises(UserError, match=name):
      started(tmp_path / name)
