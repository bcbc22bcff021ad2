"""Averages of weights that can be chosen after training (Karras et al., 2024).

A run keeps averages of its generator's weights by two power functions of time,
weight ~ time^k over all steps so far, and stores them at intervals. Any other
such average, at any step, is then a weighted sum of what was stored: the one
whose profile over time is nearest (post-hoc EMA).

The width of an average is its relative standard deviation sigma in time: .05
and .10 are averages over about 5 and 10 % of the run so far.
"""
import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError

WIDEST = 1 / np.sqrt(12)
"""The sigma of the mean of all steps."""


def exponent(sigma):
  """The k of a width: the largest root of k^3 + 7 k^2 + (16 - s) k + 12 - s,
  where s = sigma^-2.

  Raises:
    UserError: sigma is not in (0, WIDEST].
  """
  if not 0. < sigma <= WIDEST:
    raise UserError(f'an average of the relative width {sigma:g}: one above 0 '
                    f'and at most {WIDEST:.4f}, the mean of all steps, would '
                    'be right')
  s = float(sigma)**-2
  return max(float(np.max(np.roots([1., 7., 16. - s, 12. - s]).real)), 0.)


def name(sigma):
  """What an average of this width is called: '0.050'."""
  return f'{sigma:.3f}'


def with_averages(method, sigmas):
  """A Method that also keeps these averages of the generator's parameters.

  They are in GanState.extra['averages'], {name(sigma): params}, so that they
  are saved, sharded and resumed with the state.

  Args:
    method: Method.
    sigmas: the widths.

  Raises:
    UserError: a width is impossible, or two have one name.
  """
  exponents = {name(sigma): exponent(sigma) for sigma in sigmas}
  if len(exponents) < len(sigmas):
    raise UserError(f'averages of the widths {tuple(sigmas)}: widths that '
                    'differ by .001 or more would be right')

  def init(rng, batch):
    state = method.init(rng, batch)
    copies = {key: jax.tree.map(jnp.copy, state.gen.params)
              for key in exponents}
    return state.replace(extra={**state.extra, 'averages': copies})

  def averaging(step):
    def averaged(state, batch, rng):
      averages = state.extra['averages']
      state, metrics = step(state, batch, rng)
      averages = {key: update(averages[key], state.gen.params, state.step, k)
                  for key, k in exponents.items()}
      extra = {**state.extra, 'averages': averages}
      return state.replace(extra=extra), metrics
    return averaged

  steps = method.step
  return method._replace(init=init, step=(
      {kind: averaging(step) for kind, step in steps.items()}
      if isinstance(steps, dict) else averaging(steps)))


def update(average, params, step, k):
  """The average after a step: -> a tree like `params`.

  Args:
    average: before it.
    params: after it.
    step: number of steps, this one included; may be traced.
    k: exponent of the power function.
  """
  # 1 - (1 - 1 / step)^(k + 1), which loses no digits at a million steps.
  share = -jnp.expm1((k + 1.) * jnp.log1p(-1. / step))
  return jax.tree.map(lambda old, new: old + (new - old) * share, average,
                      params)


def weights(steps, exponents, step, k):
  """Weights of stored averages that make the one of another profile.

  Args:
    steps: of the stored averages, at most `step`.
    exponents: of their power functions.
    step: of the average to make.
    k: exponent of its power function.

  Returns:
    [n] float64, of sum 1.
  """
  solution = np.linalg.solve(*_system(steps, exponents, step, k))
  return solution / solution.sum()


def distance(steps, exponents, step, k, shares):
  """How far a sum of stored averages is from the profile that it stands for.

  Arguments as of `weights`, and its result; -> the norm of the difference,
  relative to that of the profile.
  """
  among, with_it = _system(steps, exponents, step, k)
  whole = _products(*2 * (np.float64(step), np.float64(k)))
  square = whole - 2. * shares @ with_it + shares @ among @ shares
  return float(np.sqrt(max(square, 0.) / whole))


def _system(steps, exponents, step, k):
  """Scalar products of the stored profiles among each other and with one."""
  steps, exponents = (np.asarray(x, np.float64) for x in (steps, exponents))
  return (_products(steps[:, None], exponents[:, None], steps, exponents),
          _products(steps, exponents, np.float64(step), np.float64(k)))


def _products(t_a, k_a, t_b, k_b):
  """Scalar products of profiles (k + 1) / t (tau / t)^k on [0, t]."""
  power = np.where(t_a < t_b, k_b, -k_a)
  return ((k_a + 1) * (k_b + 1) * (t_a / t_b)**power
          / ((k_a + k_b + 1) * np.maximum(t_a, t_b)))
