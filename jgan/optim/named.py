"""The optimizers of optax and optax.contrib, as optax:NAME.

One has its own arguments as keys of the config, and the schedule as its
`learning_rate`. Arguments that are no numbers, switches or words are not keys;
`momentum` and `weight_decay` are 0. where optax has None.
"""
import functools
import inspect

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from jgan import lookup
from jgan.errors import UserError

PREFIX = 'optax:'

REFUSED = {
    'lookahead': 'its parameters are pairs, fast and slow, and the networks of '
                 'a game have one of each: an average of the generator is '
                 'config.ema',
    'schedule_free': 'it is wrapped around another one: '
                     'optax:schedule_free_adamw, optax:schedule_free_sgd',
}
_TWO_SETS = ('schedule_free_adamw', 'schedule_free_sgd')
_OFF = ('momentum', 'weight_decay')


def algorithm(name):
  """'optax:lion' -> a function (lr, *, its arguments) -> transformation.

  Raises:
    UserError: there is none of that name (names the nearest), it needs more
      than gradients and a learning rate, or it draws random numbers.
  """
  return _of_optax(name.removeprefix(PREFIX))


def names():
  """Names of optax's functions that have a learning rate, sorted."""
  return sorted(name for name in {*dir(optax), *dir(optax.contrib)}
                if not name.startswith(('_', 'scale_by_'))
                and inspect.isfunction(_function(name)) and 'learning_rate'
                in inspect.signature(_function(name)).parameters)


def has_two_sets(name):
  """Whether optax:NAME trains at one set of weights and samples by another."""
  return name.removeprefix(PREFIX) in _TWO_SETS


def counts_apart(name):
  """Whether optax:NAME counts for its rate as optim/lazy.py can set back."""
  state = algorithm(name)(_constant).init({'w': jnp.zeros((2, 2))})
  is_one = lambda x: isinstance(x, optax.ScaleByScheduleState)
  return not has_two_sets(name) and any(
      is_one(x) for x in jax.tree.leaves(state, is_leaf=is_one))


def remembers(name):
  """Whether the first state of optax:NAME has the first weights in it."""
  params = {'w': jnp.full((2, 2), 7.5)}
  return any(x.shape == (2, 2) and bool((x == 7.5).all())
             for x in map(jnp.asarray, jax.tree.leaves(
                 algorithm(name)(_constant).init(params))))


def weights(params, opt):
  """The parameters to sample with: averages, if the optimizer has them.

  Args:
    params: those that gradients are taken at.
    opt: the state of any optimizer.
  """
  is_one = lambda x: isinstance(x, optax.contrib.ScheduleFreeState)
  for state in jax.tree.leaves(opt, is_leaf=is_one):
    if is_one(state):
      return optax.contrib.schedule_free_eval_params(state, params)
  return params


def _function(name):
  return getattr(optax.contrib, name, None) or getattr(optax, name, None)


@functools.cache
def _of_optax(name):
  """The function (lr, *, arguments) of an optimizer of optax."""
  if name in REFUSED:
    raise UserError(f"no '{PREFIX}{name}' here: {REFUSED[name]}")
  if name not in names():
    raise UserError(f"no '{name}' among the optimizers of optax: "
                    f'{lookup.nearest(name, names())}')
  function = _function(name)
  parameters = inspect.signature(function).parameters
  needs = [key for key, p in parameters.items()
           if p.default is p.empty and key != 'learning_rate']
  if needs:
    raise UserError(f"'{PREFIX}{name}' needs {', '.join(needs)}, which a config"
                    ' cannot give')
  defaults = {key: 0. if key in _OFF and p.default is None else p.default
              for key, p in parameters.items() if key != 'learning_rate'}
  defaults = {key: value for key, value in defaults.items()
              if isinstance(value, bool | int | float | str | tuple)}

  @functools.wraps(function)
  def make(lr, **arguments):
    given = {key: value for key, value in arguments.items()
             if not (key in _OFF and parameters[key].default is None
                     and value == 0.)}
    return function(learning_rate=lr, **given)

  make.__signature__ = inspect.Signature(
      [inspect.Parameter('lr', inspect.Parameter.POSITIONAL_OR_KEYWORD),
       *(inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value)
         for key, value in defaults.items())])
  _try(name, make)
  return make


def _try(name, make):
  """Refuses an optimizer whose update takes more than gradients, or draws."""
  params = {'w': jnp.zeros((2, 2))}

  def update():
    tx = make(_constant)
    return tx.update(params, tx.init(params), params)

  try:
    _, state = jax.eval_shape(update)
  except (AttributeError, TypeError, ValueError) as error:
    reason = str(error).splitlines()[0]
    raise UserError(f"'{PREFIX}{name}' needs more than gradients and a learning"
                    f' rate that moves: {reason}') from error
  if any(jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
         for x in jax.tree.leaves(state)):
    raise UserError(f"'{PREFIX}{name}' has a random key in its state, which no "
                    'checkpoint holds, and the same one for both players: '
                    'another optimizer would be right')


def _constant(count):
  """A schedule, for the trials above."""
  return 1. + 0. * count
