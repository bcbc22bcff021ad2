"""Weights as int8: the rounding, and files of it."""
import numpy as np
import pytest

from jgan import int8, weights
from jgan.errors import UserError

RNG = np.random.default_rng(0)


def flat():
  draw = lambda *shape: RNG.normal(size=shape).astype(np.float32)
  return {'params/conv/kernel': draw(3, 3, 4, 6) * 10.**np.arange(-3, 3),
          'params/conv/bias': draw(6), 'params/linear/in': draw(8, 2),
          'batch_stats/norm/mean': draw(4, 4)}


def test_the_rounding_is_within_half_a_step_of_each_channel():
  before = {k: v.astype(np.float32) for k, v in flat().items()}
  small = int8.quantized(before)
  after = int8.dequantized(small)
  assert after.keys() == before.keys()
  for name in ('params/conv/kernel', 'params/linear/in'):
    assert small[name].dtype == np.int8 and after[name].dtype == np.float32
    steps = np.abs(before[name]).max(tuple(range(before[name].ndim - 1))) / 127
    np.testing.assert_allclose(small[int8.SCALES + name], steps, rtol=1e-6)
    assert (np.abs(after[name] - before[name]) <= steps * .50001).all()
    assert np.abs(small[name]).max() == 127
  for name in ('params/conv/bias', 'batch_stats/norm/mean'):
    np.testing.assert_array_equal(after[name], before[name])


def test_a_golden_channel():
  x = np.array([[1., 0.], [-.5, 0.]], np.float32)
  small = int8.quantized({'params/a/kernel': x})
  np.testing.assert_array_equal(small['params/a/kernel'], [[127, 0], [-64, 0]])
  np.testing.assert_allclose(
      int8.dequantized(small)['params/a/kernel'],
      [[1., 0.], [-64 / 127, 0.]], rtol=1e-6)


def test_the_scales_and_biases_of_classes_stay_as_those_without():
  tables = {f'params/norm/{name}': np.full((10, 4), 1.003, np.float32)
            for name in ('scale', 'bias')}
  small = int8.quantized(tables)
  assert all(small[name] is tables[name] for name in tables)
  assert small.keys() == tables.keys()


def test_rounding_what_is_rounded_changes_nothing():
  once = int8.dequantized(int8.quantized(flat()))
  twice = int8.dequantized(int8.quantized(once))
  for name, x in once.items():
    np.testing.assert_allclose(twice[name], x, rtol=1e-6)


@pytest.mark.parametrize('suffix', weights.SUFFIXES)
def test_a_file_reads_as_float32(tmp_path, suffix):
  net = weights.from_arrays(flat())
  file = weights.save(net, tmp_path / f'a{suffix}', quantize=True)
  want = int8.dequantized(int8.quantized(weights.to_arrays(net)))
  read = weights.to_arrays(weights.load(file))
  assert read.keys() == want.keys()
  for name, x in read.items():
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, want[name])


def test_scales_of_nothing_are_refused():
  with pytest.raises(UserError, match='no scales of an array of int8'):
    int8.dequantized({'int8/params/a/kernel': np.ones(3, np.float32)})
  with pytest.raises(UserError, match='not finite'):
    int8.quantized({'params/a/kernel': np.full((2, 2), np.nan)})
