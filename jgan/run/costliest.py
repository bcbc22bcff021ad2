"""The costliest operations of a program, by time and by bytes.

Times are from a trace of jax.profiler, where an event with the statistic
'hlo_op', or in the line 'XLA Ops' of a TPU, is one execution of an instruction
of a compiled program. Bytes are those that the event says it accessed, else
the sizes of the operands and results in the text of the program: what a fusion
reads twice, or a cache holds, is not known there.
"""
import collections
import math
import re
from typing import NamedTuple

from jgan.report import table

_INSTRUCTION = re.compile(
    r'^\s*(?:ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) [\w-]+\((.*?)\)', re.MULTILINE)
_ARRAY = re.compile(r'\b([a-z]+\d*)\w*\[([\d,]*)\]')
_ORIGIN = re.compile(r'^\s*(?:ROOT )?%?([\w.-]+) = .*?op_name="([^"]*)"',
                     re.MULTILINE)


class Operation(NamedTuple):
  """All executions of one instruction in a trace.

  Attributes:
    name: of the instruction in the compiled program, after that of the program
      if there are several.
    origin: the function of JAX that it comes from, '' if it is not known.
    count: number of executions.
    seconds: of all executions, without operations that they contain.
    bytes: read and written by all executions, None if it is not known.
  """
  name: str
  origin: str
  count: int
  seconds: float
  bytes: float | None


def operations(planes, texts=()):
  """The operations of a trace.

  Args:
    planes: of jax.profiler.ProfileData.
    texts: the compiled programs as text.

  Returns:
    List of Operation, the longest first; [] if the trace has none.
  """
  seconds, count = collections.Counter(), collections.Counter()
  said = collections.Counter()
  for plane in planes:
    lines = [line for line in plane.lines if line.name != 'python']
    lines = [line for line in lines if line.name == 'XLA Ops'] or lines
    for line in lines:
      for key, spent, accessed in _executions(line):
        seconds[key] += spent
        count[key] += 1
        said[key] += accessed
  sizes, origins = _sizes(texts), _origins(texts)
  several = len({module for module, _ in seconds}) > 1
  named = lambda module, name: (
      f'{module.removeprefix("jit_")}/{name}' if several else name)
  return [Operation(named(*key), origins.get(key, ''), count[key], spent,
                    said[key] or (sizes[key] * count[key]
                                  if sizes.get(key) is not None else None))
          for key, spent in seconds.most_common()]


def report(listed, top=10):
  """Text: tables of the `top` operations by time and by bytes.

  listed: as from `operations`.
  """
  total = sum(each.seconds for each in listed)
  moved = sum(each.bytes or 0 for each in listed)
  by_bytes = sorted((each for each in listed if each.bytes),
                    key=lambda each: -each.bytes)
  parts = [f'{len(listed)} operations, {1e3 * total:.2f} ms. By time:', '',
           *_rows(listed[:top], total, moved)]
  if by_bytes:
    parts += ['', f'By bytes, of {moved / 1e6:.1f} MB:', '',
              *_rows(by_bytes[:top], total, moved)]
  else:
    parts += ['', 'The bytes of these operations are not known.']
  return '\n'.join([*parts, ''])


def _rows(listed, total, moved):
  """Lines of the table of some operations."""
  rows = [['operation', 'count', 'ms', 'time', 'MB', 'bytes', 'GB/s', 'of']]
  for each in listed:
    size = [f'{each.bytes / 1e6:.2f}', f'{each.bytes / moved:.1%}',
            f'{each.bytes / max(each.seconds, 1e-12) / 1e9:.2f}'
            ] if each.bytes else ['-'] * 3
    rows.append([each.name, str(each.count), f'{1e3 * each.seconds:.3f}',
                 f'{each.seconds / max(total, 1e-12):.1%}', *size,
                 each.origin[-48:]])
  return table.lines(rows)


def _executions(line):
  """Yields (key, seconds, bytes accessed or 0) of the events of a line.

  Of nested events the outer one has the time that the inner ones leave.
  """
  events = []
  for event in line.events:
    stats = {name: value for name, value in event.stats if name}
    name = stats.get('hlo_op') or (line.name == 'XLA Ops' and re.split(
        ' = ', event.name)[0].lstrip('%'))
    if name:
      events.append((event.start_ns, -event.duration_ns, (
          stats.get('hlo_module', ''), name), stats.get('bytes_accessed', 0)))
  events.sort(key=lambda event: event[:2])
  open_, spent = [], [-event[1] for event in events]
  for i, (start, duration, _, _) in enumerate(events):
    while open_ and start >= events[open_[-1]][0] - events[open_[-1]][1]:
      open_.pop()
    if open_:
      spent[open_[-1]] += duration
    open_.append(i)
  for (_, _, key, accessed), nanoseconds in zip(events, spent):
    yield key, max(nanoseconds, 0.) / 1e9, accessed


def _sizes(texts):
  """{(module, instruction): bytes of its operands and results}.

  None where programs of one name have instructions of different sizes.
  """
  sizes = {}
  for text in texts:
    module = _module(text)
    results = {name: _bytes(kind)
               for name, kind, _ in _INSTRUCTION.findall(text)}
    for name, _, operands in _INSTRUCTION.findall(text):
      size = results[name] + sum(results.get(x.strip().lstrip('%'), 0)
                                 for x in operands.split(','))
      sizes[module, name] = (size if sizes.get((module, name), size) == size
                             else None)
  return sizes


def _origins(texts):
  """{(module, instruction): what its metadata say it comes from}."""
  return {(_module(text), name): origin.partition('/')[2] or origin
          for text in texts for name, origin in _ORIGIN.findall(text)}


def _module(text):
  return re.match(r'HloModule ([\w.-]+)', text)[1]


def _bytes(kind):
  """The bytes of a type of XLA, as f32[2,3]{1,0} or a tuple of such."""
  return sum(
      math.prod(int(n) for n in shape.split(',') if n)
      * int((re.search(r'\d+', dtype) or ['8'])[0]) / 8
      for dtype, shape in _ARRAY.findall(kind))
