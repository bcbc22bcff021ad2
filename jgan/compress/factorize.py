"""Replaces kernels of a trained network by low-rank factors, layer by layer."""
import time
from typing import Any, NamedTuple

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jgan import lookup
from jgan.compress import ranks, weighted
from jgan.compress.fits import kernel as of_kernel
from jgan.compress.fitting import form
from jgan.compress.forms import cp
from jgan.errors import UserError
from jgan.layers import factored


class Report(NamedTuple):
  """The result of factoring one layer.

  Attributes:
    layer: its path.
    form: 'cp', 'tucker' or 'svd'.
    rank: of its factors.
    before: number of its parameters, including the bias.
    after: number of parameters of the factored layer, including the bias.
    error: |K - K'| / |K| of the kernel and its reconstruction.
    output_error: the same of the layer's outputs, where the moments of its
      inputs were measured (compress/weighted.py), else None.
    largest_term, log_sensitivity: of form 'cp' (compress/forms/cp.py), else
      None.
    seconds: duration of the factorization.
  """
  layer: str
  form: str
  rank: Any
  before: int
  after: int
  error: float
  output_error: float | None
  largest_term: float | None
  log_sensitivity: float | None
  seconds: float


def factorize(params, layers, *, seed=0, restarts=3, iterations=100,
              scaling='even', refit=of_kernel.refit, seen=None):
  """Factors kernels: the parameters of factored.module(model, layers).

  Args:
    params: nested dict of a network's parameters; it is not changed.
    layers: {path: {'form', 'rank'[, 'way']}}, see layers/factored.py.
    seed, restarts, iterations: of form 'cp', see compress/forms/cp.py.
    scaling: of form 'svd', see compress/forms/svd.py.
    refit: of a file of compress/fits, with its arguments bound.
    seen: {path: what that file's `measure` saw of the layer}, where it has one.

  Returns:
    The new nested dict, its factors numpy arrays in the kernel's dtype, and a
    list of Report.

  Raises:
    UserError: a path is not a layer with a kernel, or a rank is impossible.
  """
  return _replace(params, layers, lambda kind, factors, shape: factors,
                  seed=seed, restarts=restarts, iterations=iterations,
                  scaling=scaling, refit=refit, seen=seen)


def reconstruct(params, layers, *, seed=0, restarts=3, iterations=100,
                scaling='even', refit=of_kernel.refit, seen=None):
  """Replaces each kernel in `layers` by its low-rank reconstruction.

  The model and the shapes of its parameters do not change, so nothing is
  compiled again. Arguments, results and errors are those of `factorize`.
  """
  return _replace(
      params, layers,
      lambda kind, factors, shape: {
          'kernel': kind.compose(factors).reshape(shape)},
      seed=seed, restarts=restarts, iterations=iterations, scaling=scaling,
      refit=refit, seen=seen)


def _replace(params, layers, arrays, *, seed, restarts, iterations, scaling,
             refit, seen):
  """Replaces kernels by `arrays(form module, factors, kernel's shape)`."""
  shapes = ranks.listing(params)
  arguments = {'cp': dict(seed=seed, restarts=restarts, iterations=iterations),
               'svd': dict(scaling=scaling), 'tucker': {}}
  flat = flatten_dict(params, sep='/')
  reports = []
  for path, options in layers.items():
    if path not in shapes:
      raise UserError(f"no layer '{path}' with a kernel: "
                      f'{lookup.nearest(path, shapes)}')
    options = factored.checked(path, options)
    kernel = flat.pop(f'{path}/kernel')
    start = time.perf_counter()
    try:
      kind = form(options['form'], kernel.shape)
      factors = kind.factor(kernel, options['rank'],
                            **arguments[options['form']])
      factors = refit(kind, kernel, factors, (seen or {}).get(path))
    except UserError as error:
      raise UserError(f"layer '{path}': {error}") from error
    seconds = time.perf_counter() - start
    for name, value in arrays(kind, factors, kernel.shape).items():
      flat[f'{path}/{name}'] = np.asarray(value, kernel.dtype)
    bias = np.size(flat.get(f'{path}/bias', ()))
    reports.append(_report(path, options, kernel, bias, kind, factors, seconds,
                           (seen or {}).get(path)))
  return unflatten_dict(flat, sep='/'), reports


def _report(path, options, kernel, bias, kind, factors, seconds, moments):
  kernel = np.asarray(kernel, np.float64)
  residual = kernel - kind.compose(factors).reshape(kernel.shape)
  is_cp = kind is cp
  return Report(
      layer=path, form=options['form'], rank=options['rank'],
      before=kernel.size + bias,
      after=sum(f.size for f in factors.values()) + bias,
      error=float(np.linalg.norm(residual) / np.linalg.norm(kernel)),
      output_error=None if moments is None else (
          weighted.norm(residual, moments) / weighted.norm(kernel, moments)),
      largest_term=cp.largest_term(factors) if is_cp else None,
      log_sensitivity=cp.log_sensitivity(factors) if is_cp else None,
      seconds=seconds)
