"""What a compiled program does, counted in its text (Compiled.as_text()).

XLA's own cost analysis counts the body of a loop once, however often it runs.
Here it counts as often as the loop's condition says, and of the branches of a
conditional the one with the most work.
"""
import functools
import math
import re
from typing import NamedTuple

# Units of a TPU are 128 x 128: both sides of a product are rounded up to that.
WIDTH = 128
COLLECTIVES = ('all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all',
               'collective-permute')
# These move nothing themselves.
_FREE = {'parameter', 'constant', 'tuple', 'get-tuple-element', 'bitcast',
         'while', 'conditional', 'call', 'after-all', 'partition-id',
         'replica-id', 'opt-barrier'}
_READS_A_PART = {'dynamic-slice', 'slice', 'gather'}
_BITS = re.compile(r'[a-z]+(\d+)')
_ARRAY = re.compile(r'\b([a-z]+[0-9]*[a-z0-9]*)\[([\d,]*)\](\{[^}]*\})?')
_CALLED = re.compile(
    r'\b(calls|to_apply|condition|body|true_computation|false_computation)='
    r'%?([\w.-]+)')


class Instruction(NamedTuple):
  """One line of a computation; `shape` and `rest` are text."""
  name: str
  shape: str
  opcode: str
  operands: tuple
  rest: str


class Work(NamedTuple):
  """Work of one run of a program on one device.

  Attributes:
    macs: multiply-accumulates of convolutions and matrix products, without
      those by zeros that a transposed convolution inserts.
    padded: the same, with both sides of each product rounded up (`_products`).
    bytes: read from and written to memory, not counting on-chip memory.
    collectives: how many.
    moved: bytes of their results on a device.
  """
  macs: int = 0
  padded: int = 0
  bytes: int = 0
  collectives: int = 0
  moved: int = 0

  def plus(self, other, times=1):
    """The sum of this and `times` the other."""
    return Work(*(a + times * b for a, b in zip(self, other)))


def work(text):
  """Counts the Work of a program's text."""
  computations, entry = parsed(text)

  @functools.cache
  def of(name):
    """Of one call of a computation; its parameters count where it is called."""
    total = Work()
    here = {line.name: line for line in computations[name]}
    for line in here.values():
      total = total.plus(_own(line, here, computations))
      called = _CALLED.findall(line.rest)
      inner = dict(called)
      if line.opcode == 'while':
        total = total.plus(of(inner['body']), trips(
            computations[inner['condition']]))
      elif line.opcode == 'conditional':
        branches = [of(c) for key, c in called if key != 'to_apply']
        listed = re.search(r'branch_computations=\{([^}]*)\}', line.rest)
        branches += [of(c.strip(' %')) for c in
                     (listed[1].split(',') if listed else ())]
        total = total.plus(max(
            branches, key=lambda w: (w.macs, w.moved, w.bytes)))
      elif line.opcode == 'call':
        total = total.plus(of(inner['to_apply']))
      elif 'calls' in inner:  # a fusion: what is between its parts stays inside
        total = total.plus(of(inner['calls'])._replace(bytes=0))
    return total

  return of(entry)


def parsed(text):
  """{name of a computation: [Instruction]}, and the name of the entry."""
  computations, entry, lines = {}, None, None
  for line in text.splitlines():
    head = re.match(r'(ENTRY )?%?([\w.-]+) \(.*\{$', line)
    if head:
      lines = computations[head[2]] = []
      entry = head[2] if head[1] else entry
    elif lines is not None and ' = ' in line:
      lines.append(_instruction(line))
  return computations, entry


def _instruction(line):
  name, text = line.strip().removeprefix('ROOT ').split(' = ', 1)
  text = re.sub(r'/\*[^*]*\*/', '', text)
  end = _closed(text, 0) if text[0] == '(' else text.index(' ')
  shape, text = text[:end], text[end:].strip()
  opcode, begin = text[:text.index('(')], text.index('(')
  end = _closed(text, begin)
  operands = tuple(re.findall(r'%([\w.-]+)', text[begin:end]))
  if opcode in ('parameter', 'constant'):
    operands = (text[begin + 1:end - 1],)
  return Instruction(name.lstrip('%'), shape, opcode, operands, text[end:])


def _closed(text, begin):
  """The position after the parenthesis that closes the one at `begin`."""
  depth = 0
  for i in range(begin, len(text)):
    depth += {'(': 1, ')': -1}.get(text[i], 0)
    if not depth:
      return i + 1
  raise ValueError(f'no end of {text[begin:begin + 40]!r}')


def trips(condition):
  """How often the body of a while-loop runs: the bound that its condition has.

  jax.lax.scan counts from 0 to a constant; other loops count once.
  """
  bounds = [line.operands[0] for line in condition if line.opcode == 'constant'
            and re.match(r's(32|64)\[\]', line.shape)]
  return int(bounds[0]) if len(bounds) == 1 else 1


def size(shape, everywhere=False):
  """Bytes in memory of a shape's text: 'f32[3,8]{1,0}', '(bf16[2], s32[])'.

  everywhere: arrays in memory on the chip, whose layout has S(1) or higher,
    count, too.
  """
  total = 0
  for kind, dims, layout in _ARRAY.findall(shape):
    if everywhere or not re.search(r'S\([1-9]', layout):
      bits = _BITS.match(kind)
      total += _count(dims) * (int(bits[1]) if bits else 8) // 8
  return total


def _count(dims):
  return math.prod(int(d) for d in dims.split(',') if d)


def _own(line, here, computations):
  """The Work of an instruction, without that of computations it calls."""
  kind = line.opcode.removesuffix('-start')
  if kind in COLLECTIVES:
    moved = size(line.shape, everywhere=True)
    if line.opcode.endswith('-start') and kind != 'all-reduce':
      moved //= 2  # the operand is in the result, too
    return Work(bytes=_traffic(line, here, computations), collectives=1,
                moved=moved)
  macs = padded = 0
  if line.opcode in ('convolution', 'dot'):
    macs, padded = _products(line, here)
  return Work(macs, padded, _traffic(line, here, computations))


def _traffic(line, here, computations):
  """Bytes that an instruction reads and writes."""
  if line.opcode in _FREE or line.opcode.endswith('-done'):
    return 0
  written = size(line.shape)
  inner = re.search(r'\bcalls=%?([\w.-]+)', line.rest)
  inside = computations[inner[1]] if inner else ()
  if line.opcode == 'dynamic-update-slice':
    return 2 * size(here[line.operands[1]].shape)
  if line.opcode in _READS_A_PART:
    return 2 * written
  reads = []
  for i, name in enumerate(line.operands):
    whole = size(here[name].shape) if name in here else 0
    slot = [p.name for p in inside if p.opcode == 'parameter'
            and p.operands == (str(i),)]
    users = [p for p in inside if slot and slot[0] in p.operands]
    if users and all(u.opcode in _READS_A_PART and u.operands[0] == slot[0]
                     for u in users):
      whole = min(whole, sum(size(u.shape) for u in users))
    elif users and all(u.opcode == 'dynamic-update-slice'
                       and u.operands[0] == slot[0] for u in users):
      parts = {p.name: p for p in inside}
      whole = sum(size(parts[u.operands[1]].shape) for u in users)
      written = min(written, whole)  # in place
    reads.append(whole)
  return written + sum(reads)


def _products(line, here):
  """Multiply-accumulates of a convolution or a dot, and rounded up.

  Each tap of a kernel is a product of two matrices, whose inner side (the
  channels of the input) and whose columns (the channels of the output) fill
  units of WIDTH. A window larger than its output, as of the gradient of a
  kernel, belongs to the inner side.
  """
  shapes = [_dims(here[name].shape) for name in line.operands]
  out = math.prod(_dims(line.shape))
  if line.opcode == 'dot':
    batch, contract = (
        [int(d) for d in found[1].split(',') if d] if (found := re.search(
            rf'rhs_{kind}_dims=\{{([\d,]*)\}}', line.rest)) else []
        for kind in ('batch', 'contracting'))
    rhs = shapes[1]
    inputs = math.prod(rhs[d] for d in contract)
    outputs = math.prod(n for d, n in enumerate(rhs)
                        if d not in (*batch, *contract))
    taps = zeros = inside = 1
  else:
    _, labels, after = re.search(r'dim_labels=(\w+)_(\w+)->(\w+)',
                                 line.rest).groups()
    inputs, outputs = (shapes[1][labels.index(c)] for c in 'io')
    area = out // math.prod(n for n, label in zip(_dims(line.shape), after)
                            if label in 'bf')
    window = re.search(r'window=\{([^}]*)\}', line.rest)
    window = window[1] if window else ''
    fields = dict(f.split('=') for f in window.split())
    product = lambda key: math.prod(
        int(n) for n in fields.get(key, '1').split('x'))
    taps, zeros = product('size'), product('lhs_dilate')
    groups = re.search(r'feature_group_count=(\d+)', line.rest)
    outputs //= int(groups[1]) if groups else 1
    inside = taps if taps > area else 1
  macs = out * inputs * taps // zeros
  up = lambda n: -(-n // WIDTH) * WIDTH
  inner = inputs * inside
  return macs, macs * up(inner) * up(outputs) // (inner * outputs)


def _dims(shape):
  """The dimensions of an array's text."""
  return [int(d) for d in _ARRAY.search(shape)[2].split(',') if d]
