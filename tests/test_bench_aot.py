"""What the programs for TPUs are counted by; nothing here needs libtpu."""
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from bench import aot, hlo
from jgan.run import parallel


def test_work_of_a_loop_counts_as_often_as_it_runs():
  """Five times a convolution, a dot and a collective of two arrays."""
  mesh = Mesh(np.array(jax.devices()[:4]), ('b',))
  shared, rows = PartitionSpec(), PartitionSpec(None, 'b')

  def body(kernel, x):
    y = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
    summed = jax.lax.psum((jnp.sum(y), x[0, :3, 0, :3]), 'b')
    return kernel * summed[0], summed[1] @ x[0, 0, :3]

  run = jax.jit(jax.shard_map(
      lambda kernel, x: jax.lax.scan(body, kernel, x), mesh=mesh,
      in_specs=(shared, rows), out_specs=shared, check_vma=False))
  work = hlo.work(run.lower(
      jax.ShapeDtypeStruct((3, 3, 8, 8), np.float32),
      jax.ShapeDtypeStruct((5, 8, 8, 8, 8), np.float32)).compile().as_text())
  assert work.macs == 5 * (2 * 8 * 8 * 8 * 9 * 8 + 3 * 3 * 8)
  # 8 channels to 8 fill a unit of 128 x 128 by a 256th.
  assert work.padded == 5 * (2 * 8 * 8 * 9 * 128 * 128 + 3 * 128 * 128)
  assert work.collectives == 5
  assert work.moved == 5 * 4 * (1 + 3 * 3)
  # Each turn writes its own map, reads and writes it a few times, and never
  # reads those of the other turns.
  maps = 5 * 4 * 2 * 8**3
  assert 4 * maps < work.bytes < 12 * maps


# As libtpu writes it: a transposed convolution, the gradient of a kernel, a
# branch, arrays on the chip (S(1)), a gather of rows from all images.
PROGRAM = pathlib.Path(__file__).parent / 'tpu_program.hlo'


def test_a_program_of_a_tpu_is_counted_by_what_it_does():
  work = hlo.work(PROGRAM.read_text())
  # Of the zeros between the pixels three quarters are left out; the window of
  # a kernel's gradient is as large as the map.
  up, grad = 16 * 16**2 * 32 * 4 * 64, 3 * 3 * 64 * 64 * 64 * 16
  assert work.macs == up + grad
  assert work.padded == up * 2 * 4 + grad * 2
  assert work.collectives == 1 and work.moved == 32
  rows, x, y = 16 * 3072 + 4 * 16, 2 * 16 * 8**2 * 64, 2 * 16 * 16**2 * 32
  assert work.bytes == rows + (x + y) + 2 * x + 2 * 32  # not all images


ROW = {'program': 'sngan', 'kind': 'step', 'topology': 'v5e:2x2', 'chips': 4,
       'dtype': 'bfloat16', 'images': 320, 'arguments': 2**28,
       'temporaries': 2**29, 'peak': 3 * 2**28, 'flops': 197e9, 'padding': .25,
       'bytes': 2**20, 'collectives': 17., 'moved': 2**20}


@pytest.mark.parametrize('changes, seconds', [
    ({}, 1e-3), ({'bytes': 819e6 * 4}, 4e-3),
    ({'moved': 1e9}, 2 * 3 / 4 * 1e9 / 200e9)])
def test_the_floor_is_the_longest_of_three_times(changes, seconds):
  assert aot.floor(ROW | changes) == pytest.approx(seconds)


def test_the_table_has_a_row_for_what_does_not_compile():
  lost = {k: ROW[k] for k in ('program', 'kind', 'topology')} | {
      'error': 'XlaRuntimeError: RESOURCE_EXHAUSTED: 42 of 15.75G | hbm\nmore'}
  _, _, whole, broken = aot.table([ROW, lost]).splitlines()
  assert whole.split(' | ')[4:] == [
      '320', '256', '512', '768', '197', '1', '17', '1', '1', '320,000',
      '25 % |']
  assert broken.count('|') == 6 and '42 of 15.75G / hbm |' in broken


@pytest.mark.parametrize('kind', ['step', aot.SCORING, aot.FEATURES])
def test_the_programs_of_a_run_are_lowered_from_shapes(kind):
  program = aot.Program('digits/default.py:smoke', {})
  low, steps, images, dtype = aot.lowered(program, {}, kind,
                                          jax.devices()[:4], 2**34)
  config = aot.completed(program, {})
  assert steps == 1 and dtype == 'float32'
  assert images == {'step': config.batch, aot.SCORING: config.eval.samples,
                    aot.FEATURES: min(100, config.eval.samples)}[kind]
  assert parallel.AXIS in low.as_text()
