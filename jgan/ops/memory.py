"""Memory of the intermediate arrays of a function, from shapes only."""
import jax
from jax.extend.core import Literal

from jgan.ops import flops


def peak(function, *arguments):
  """The most bytes of intermediate arrays that live at the same time.

  As if each operation of the jaxpr wrote its result to memory: XLA fuses some
  of them, and pads others.

  Args:
    function: arrays -> arrays.
    arguments: its arguments, or their shapes.
  """
  return _peak(jax.make_jaxpr(function)(*arguments).jaxpr)


def _peak(jaxpr):
  last = {}
  for i, eqn in enumerate(jaxpr.eqns):
    last |= {v: i for v in eqn.invars if not isinstance(v, Literal)}
  last |= {v: len(jaxpr.eqns) for v in jaxpr.outvars
           if not isinstance(v, Literal)}
  live = most = 0
  made = set()
  for i, eqn in enumerate(jaxpr.eqns):
    made.update(eqn.outvars)
    out = sum(map(_bytes, eqn.outvars))
    inner = [_peak(j) for value in eqn.params.values()
             for j in flops.jaxprs(value)]
    most = max(most, live + max([out, *inner]))
    live += out
    live -= sum(_bytes(v) for v in made if last.get(v, i) == i)
    made = {v for v in made if last.get(v, i) > i}
  return most


def _bytes(v):
  return v.aval.size * v.aval.dtype.itemsize
