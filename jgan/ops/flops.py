"""Parameters and multiply-accumulates of a network, layer by layer.

Counted from the jaxpr of one forward pass; nothing is computed. Work that
depends on parameters alone (a spectral norm's power iteration) is not
counted: it is not done once per image. Loops count by their length with all
they hold, a while-loop once, and a branch as its dearest case.
"""
import math
from typing import NamedTuple

import jax
from jax.extend.core import Literal
from jax.interpreters import partial_eval


class Row(NamedTuple):
  """One layer, per image.

  Attributes:
    name: its scope, 'block_0/conv_1'.
    shape: of its output, without the batch.
    params: numbers in its own parameters.
    macs: multiply-accumulates; borders count, zeros that a transposed
      convolution puts between its inputs do not.
    macs_thop: as thop 0.0.31 counts, for comparison with papers: transposed
      convolutions by their output size, one more per output of a convolution
      with a bias, two per element under batch normalisation.
  """
  name: str
  shape: tuple
  params: int
  macs: int
  macs_thop: int


def layers(model, variables, *inputs):
  """Lists a Row for each layer with parameters or work, in forward order.

  Args:
    model: a module whose call takes (*inputs, train).
    variables: its variables, or their shapes.
    inputs: batches, or their shapes; the first axis is the batch.
  """
  closed = jax.make_jaxpr(lambda v, *x: model.apply(v, *x, train=False))(
      variables, *inputs)
  fixed = len(jax.tree.leaves(variables))
  batch = jax.tree.leaves(inputs)[0].shape[0]
  live = [i >= fixed for i in range(len(closed.jaxpr.invars))]
  work = _walk(closed.jaxpr, live, '')

  params = _scopes(variables.get('params', {}))
  norms = _scopes(variables.get('batch_stats', {}))
  found = {}
  for name, shape, macs, thop in work:
    found.setdefault(name, []).append((shape, macs, thop))
  rows = []
  for name in [*found, *(n for n in params if n not in found)]:
    own, calls = params.get(name, {}), found.get(name, [])
    if not own and name not in norms and not any(c[1] for c in calls):
      continue  # element-wise work of a block
    shape = calls[-1][0][1:] if calls else ()
    has_bias = 'bias' in own and 'scale' not in own
    macs = sum(m for _, m, _ in calls)
    thop = sum(t for _, m, t in calls if m or has_bias)
    if name in norms:
      thop = 2 * batch * math.prod(shape)
    rows.append(Row(name, shape, sum(math.prod(p.shape) for p in own.values()),
                    macs // batch, thop // batch))
  return rows


def total(rows):
  """The sum of all rows, as a Row called 'total'."""
  return Row('total', (), *(sum(row[i] for row in rows) for i in (2, 3, 4)))


def work(function, *arguments):
  """Lists the work of one call of any function, gradients and all.

  What depends on parameters alone is counted too, what no result needs is
  not; a step's branch counts as its dearest case.

  Args:
    function: arrays -> arrays.
    arguments: its arguments, or their shapes.

  Returns:
    [(scope, macs, macs by output)] of each convolution and product. Scopes
    begin like '/transpose(jvp(Generator))/block_0'; by output means as papers
    count transposed convolutions, with the zeros between their inputs.
  """
  jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
  jaxpr, _ = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
  found = _walk(jaxpr, [True] * len(jaxpr.invars), '', '{}/{}'.format)
  return [(scope, macs, by_output) for scope, _, macs, by_output in found
          if macs]


def _walk(jaxpr, live, scope, join=None):
  """Counts the equations of a jaxpr that depend on the batch.

  live: of each input, whether it does.
  join: (scope, name stack) -> scope; None: of modules and their parts.

  Returns:
    [(scope, output shape, macs, thop macs)] of each such equation.
  """
  work = []
  live = {v for v, depends in zip(jaxpr.invars, live) if depends}
  for eqn in jaxpr.eqns:
    depends = [not isinstance(v, Literal) and v in live for v in eqn.invars]
    if not any(depends):
      continue
    live.update(eqn.outvars)
    name = (join or _join)(scope, str(eqn.source_info.name_stack))
    inner = [j for p in eqn.params.values() for j in _jaxprs(p)]
    if not inner:
      work.append((name, eqn.outvars[0].aval.shape, *_count(eqn, depends)))
      continue
    # What a loop carries may come to depend on the batch on the way round.
    loop = eqn.primitive.name in ('scan', 'while')
    cases = [_walk(j, [True] * len(j.invars) if loop else
                   depends[len(depends) - len(j.invars):], name, join)
             for j in inner]
    times = eqn.params.get('length', 1)
    work += [(n, shape, macs * times, thop * times) for n, shape, macs, thop in
             max(cases, key=lambda case: sum(macs for _, _, macs, _ in case))]
  return work


def _jaxprs(value):
  """The jaxprs in a parameter of an equation: one, several (cond) or none."""
  if isinstance(value, (tuple, list)):
    return [j for v in value for j in _jaxprs(v)]
  value = getattr(value, 'jaxpr', value)
  return [value] if hasattr(value, 'eqns') else []


def _count(eqn, depends):
  """True and thop's multiply-accumulates of one equation."""
  if eqn.primitive.name == 'add' and not all(depends):
    out = eqn.outvars[0].aval
    return 0, out.size if out.ndim == 4 else 0  # a convolution's bias
  if eqn.primitive.name == 'dot_general':
    (contract, _), _ = eqn.params['dimension_numbers']
    left, right = (v.aval.shape for v in eqn.invars)
    out = eqn.outvars[0].aval
    macs = out.size * math.prod(left[i] for i in contract)
    # Maps times a kernel [k, k, c, d]: transposed convolution, no overlap.
    return macs, macs * (math.prod(right[:2]) if out.ndim == 6 else 1)
  if eqn.primitive.name == 'depthwise':
    x, kernel = (v.aval for v in eqn.invars)
    macs = x.size * math.prod(kernel.shape[:2])
    return macs, macs
  if eqn.primitive.name != 'conv_general_dilated':
    return 0, 0
  x, kernel, out = (v.aval for v in (*eqn.invars, *eqn.outvars))
  dims = eqn.params['dimension_numbers']
  by_output = out.size * kernel.size // kernel.shape[dims.rhs_spec[0]]
  area = lambda a, spec: math.prod(a.shape[i] for i in spec[2:])
  # Only a transposed convolution makes a map larger.
  grows = area(out, dims.out_spec) > area(x, dims.lhs_spec)
  if grows or math.prod(eqn.params['lhs_dilation']) > 1:
    return x.size * kernel.size // x.shape[dims.lhs_spec[1]], by_output
  return by_output, by_output


def _join(scope, stack):
  """'block/conv' of a name stack 'Generator/block/conv/conv.method'."""
  parts = [p for p in stack.split('/') if p and '.' not in p]
  return '/'.join([scope, *parts] if scope else parts[1:])


def _scopes(tree, prefix=()):
  """{'/'-joined scope: its own arrays by name}, in order."""
  own = {k: v for k, v in tree.items() if not hasattr(v, 'items')}
  found = {'/'.join(prefix): own} if own else {}
  for name, branch in tree.items():
    if name not in own:
      found |= _scopes(branch, (*prefix, name))
  return found
