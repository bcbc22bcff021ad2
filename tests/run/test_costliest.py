"""The costliest operations of a trace: times, bytes, and their origin."""
import types

import pytest

from jgan.run import costliest

PROGRAM = """HloModule jit_step, is_scheduled=true

ENTRY %main (x: f32[8,4], w: bf16[4,2]) -> (f32[8,2]) {
  %x = f32[8,4]{1,0} parameter(0), metadata={op_name="x"}
  %w = bf16[4,2]{1,0} parameter(1), metadata={op_name="w"}
  %dot.1 = f32[8,2]{1,0} dot(%x, %w), metadata={op_name="jit(step)/gen/dot"}
  ROOT %tuple = (f32[8,2]{1,0}) tuple(%dot.1)
}
"""


def plane(**lines):
  """A plane of a trace: {line: [(name, start, duration, statistics)]}."""
  return types.SimpleNamespace(lines=[
      types.SimpleNamespace(name=line.replace('_', ' '), events=[
          types.SimpleNamespace(name=name, start_ns=start, duration_ns=duration,
                                stats=list(stats.items()))
          for name, start, duration, stats in events])
      for line, events in lines.items()])


def named(name, module='jit_step'):
  return {'hlo_op': name, 'hlo_module': module}


def test_executions_are_summed_and_sizes_come_from_the_program():
  listed = costliest.operations(
      [plane(Stream=[('k', 0, 3000, named('dot.1')),
                     ('k', 9000, 5000, named('dot.1')),
                     ('copy to the host', 0, 10**6, {})])], [PROGRAM])
  assert listed == [costliest.Operation(
      'dot.1', 'gen/dot', 2, pytest.approx(8e-6),
      2 * (8 * 4 * 4 + 4 * 2 * 2 + 8 * 2 * 4))]
  assert 'gen/dot' in costliest.report(listed)


def test_an_outer_operation_has_the_time_that_inner_ones_leave():
  listed = costliest.operations([plane(Stream=[
      ('', 0, 100, named('while')), ('', 10, 30, named('a')),
      ('', 50, 40, named('b')), ('', 100, 5, named('a'))])])
  assert {x.name: round(1e9 * x.seconds) for x in listed} == {
      'while': 30, 'a': 35, 'b': 40}
  assert 'bytes of these operations are not known' in costliest.report(listed)


def test_operations_of_several_programs_are_told_apart():
  listed = costliest.operations([plane(Stream=[
      ('', 0, 3, named('dot.1')), ('', 4, 2, named('dot.1', 'jit_alpha_1'))])],
      [PROGRAM, PROGRAM.replace('jit_step', 'jit_alpha_1')])
  assert [x.name for x in listed] == ['step/dot.1', 'alpha_1/dot.1']
  assert {x.origin for x in listed} == {'gen/dot'}


def test_a_tpu_names_operations_and_their_bytes_itself():
  """Its other lines are of the same time."""
  listed = costliest.operations([plane(
      Steps=[('0', 0, 900, named('step'))],
      XLA_Ops=[('%fusion.3 = bf16[8]{0} fusion(...)', 0, 700,
                {'bytes_accessed': 64})])])
  assert [(x.name, x.bytes) for x in listed] == [('fusion.3', 64)]


def test_sizes_that_two_programs_of_one_name_contradict_are_not_told():
  other = PROGRAM.replace('f32[8,4]', 'f32[16,4]')
  listed = costliest.operations(
      [plane(Stream=[('', 0, 1, named('dot.1'))])], [PROGRAM, other])
  assert listed[0].bytes is None
  assert costliest.operations([plane(python=[('f', 0, 9, {})])]) == []
