"""Parameters and multiply-accumulates (MACs) of a network, layer by layer.

Counted from the jaxpr of one forward pass, without running it. Operations that
depend on parameters alone (the power iteration of a spectral norm) are not
counted, because they are not done for each image. The operations in a scan
count as often as it iterates, those in a while-loop once; of the branches of a
conditional, the most expensive one counts.
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
    params: number of its own parameters.
    macs: multiply-accumulates. Zero padding at the borders counts; zeros that
      a transposed convolution inserts between its inputs do not.
    macs_thop: as thop 0.0.31 counts, for comparison with papers: transposed
      convolutions by their output size, one more per output of a convolution
      with a bias, two per element of a batch normalisation.
  """
  name: str
  shape: tuple
  params: int
  macs: int
  macs_thop: int


def layers(model, variables, *inputs):
  """Lists a Row for each layer with parameters or MACs, in forward order.

  Args:
    model: a module whose call takes (x, train), or (x, train, labels).
    variables: its variables, or their shapes.
    inputs: x, and labels if it takes them, or their shapes; the first axis is
      the batch.
  """
  closed = jax.make_jaxpr(lambda v, x, *labels: model.apply(
      v, x, False, *labels))(variables, *inputs)
  variable_count = len(jax.tree.leaves(variables))
  batch = jax.tree.leaves(inputs)[0].shape[0]
  live = [i >= variable_count for i in range(len(closed.jaxpr.invars))]
  work = _walk(closed.jaxpr, live, '')

  params = _scopes(variables.get('params', {}))
  norms = _scopes(variables.get('batch_stats', {}))
  operations = {}
  for name, shape, macs, thop in work:
    operations.setdefault(name, []).append((shape, macs, thop))
  rows = []
  for name in [*operations, *(n for n in params if n not in operations)]:
    arrays, layer = params.get(name, {}), operations.get(name, [])
    if not arrays and name not in norms and not any(m for _, m, _ in layer):
      continue  # element-wise operations of a block
    shape = layer[-1][0][1:] if layer else ()
    has_bias = 'bias' in arrays and 'scale' not in arrays
    macs = sum(m for _, m, _ in layer)
    thop = sum(t for _, m, t in layer if m or has_bias)
    if name in norms:
      thop = 2 * batch * math.prod(shape)
    rows.append(Row(
        name, shape, sum(math.prod(p.shape) for p in arrays.values()),
        macs // batch, thop // batch))
  return rows


def total(rows):
  """The sum of all rows, as a Row called 'total'."""
  return Row('total', (), *(sum(row[i] for row in rows) for i in (2, 3, 4)))


def work(function, *arguments):
  """Lists the MACs of one call of any function, including its gradients.

  Operations on parameters alone are counted too; operations that no result
  depends on are not. Of the branches of a conditional the most expensive one
  counts.

  Args:
    function: arrays -> arrays.
    arguments: its arguments, or their shapes.

  Returns:
    [(scope, macs, macs by output)] of each convolution and matrix product.
    Scopes begin like '/transpose(jvp(Generator))/block_0'. 'By output' is how
    papers count transposed convolutions: the zeros between their inputs count.
  """
  jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
  jaxpr, _ = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
  operations = _walk(jaxpr, [True] * len(jaxpr.invars), '', '{}/{}'.format)
  return [(scope, macs, by_output) for scope, _, macs, by_output in operations
          if macs]


def _walk(jaxpr, live, scope, join=None):
  """Counts the equations of a jaxpr that depend on the batch.

  live: for each input of the jaxpr, whether it depends on the batch.
  join: (scope, name stack) -> scope; None: `_join`, names of modules alone.

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
    inner = [j for p in eqn.params.values() for j in jaxprs(p)]
    if not inner:
      work.append((name, eqn.outvars[0].aval.shape, *_count(eqn, depends)))
      continue
    # All that a loop carries may depend on the batch after an iteration.
    loop = eqn.primitive.name in ('scan', 'while')
    cases = [_walk(j, [True] * len(j.invars) if loop else
                   depends[len(depends) - len(j.invars):], name, join)
             for j in inner]
    times = eqn.params.get('length', 1)
    work += [(n, shape, macs * times, thop * times) for n, shape, macs, thop in
             max(cases, key=lambda case: sum(macs for _, _, macs, _ in case))]
  return work


def jaxprs(value):
  """List of the jaxprs in a parameter of an equation; a cond has several."""
  if isinstance(value, (tuple, list)):
    return [j for v in value for j in jaxprs(v)]
  value = getattr(value, 'jaxpr', value)
  return [value] if hasattr(value, 'eqns') else []


def _count(eqn, depends):
  """Multiply-accumulates of one equation: the actual number, and thop's."""
  if eqn.primitive.name == 'add' and not all(depends):
    out = eqn.outvars[0].aval
    return 0, out.size if out.ndim == 4 else 0  # a convolution's bias
  if eqn.primitive.name == 'dot_general':
    (contract, _), _ = eqn.params['dimension_numbers']
    lhs, rhs = (v.aval.shape for v in eqn.invars)
    out = eqn.outvars[0].aval
    macs = out.size * math.prod(lhs[i] for i in contract)
    # A feature map times a kernel [k, k, c, d] is a transposed convolution
    # without overlap (layers/conv.py).
    return macs, macs * (math.prod(rhs[:2]) if out.ndim == 6 else 1)
  if eqn.primitive.name == 'depthwise':
    x, kernel = (v.aval for v in eqn.invars)
    macs = x.size * math.prod(kernel.shape[:2])
    return macs, macs
  if eqn.primitive.name in ('convolve', 'convolve_input', 'convolve_kernel'):
    return _convolution(eqn)
  if eqn.primitive.name != 'conv_general_dilated':
    return 0, 0
  x, kernel, out = (v.aval for v in (*eqn.invars, *eqn.outvars))
  dims = eqn.params['dimension_numbers']
  by_output = out.size * kernel.size // kernel.shape[dims.rhs_spec[0]]
  area = lambda a, spec: math.prod(a.shape[i] for i in spec[2:])
  # Only a transposed convolution enlarges a feature map.
  grows = area(out, dims.out_spec) > area(x, dims.lhs_spec)
  inserted = math.prod(eqn.params['lhs_dilation'])
  if grows or inserted > 1:
    by_input = x.size * kernel.size // x.shape[dims.lhs_spec[1]]
    # In the gradient of its kernel, the kernel here is a feature map.
    return min(by_input, by_output // inserted), by_output
  return by_output, by_output


def _convolution(eqn):
  """`_count` of a convolution of ops/conv.py, or one of its gradients."""
  a, b, out = (v.aval for v in (*eqn.invars, *eqn.outvars))
  area = lambda shape: math.prod(shape[1:3])
  if eqn.primitive.name == 'convolve_kernel':
    by_output = out.size * b.size // b.shape[3]
    if math.prod(out.shape[:2]) > area(a.shape):
      return a.size * b.size // a.shape[0], by_output
    return by_output, by_output
  gradient = eqn.primitive.name == 'convolve_input'
  by_output = out.size * b.size // (out if gradient else b).shape[3]
  strided = gradient and max(eqn.params['window'].stride) > 1
  if strided or area(out.shape) > area(a.shape):
    return a.size * b.size // a.shape[3], by_output
  return by_output, by_output


def _join(scope, stack):
  """Name stack 'Generator/block/conv/conv.method' -> scope 'block/conv'."""
  parts = [p for p in stack.split('/') if p and '.' not in p]
  return '/'.join([scope, *parts] if scope else parts[1:])


def _scopes(tree, prefix=()):
  """{'/'-joined scope: {name: array}} of a nested dict, in order."""
  arrays = {k: v for k, v in tree.items() if not hasattr(v, 'items')}
  scopes = {'/'.join(prefix): arrays} if arrays else {}
  for name, branch in tree.items():
    if name not in arrays:
      scopes |= _scopes(branch, (*prefix, name))
  return scopes
