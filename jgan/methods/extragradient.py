"""Extra-gradient steps (Korpelevich, 1976; of GANs Gidel et al., 2019).

Following the gradients of both players from where they are turns around the
solution of a game, or away from it. An extra-gradient step takes them where
both would be after such a step, from where they are (algorithm 2):

  w' = w + u(w),   w <- w + u(w'),

u the updates of both players' optimizers, with gradients of both at the same
weights. With Adam it is ExtraAdam (algorithm 4): its moments see both. `past`
takes the last u instead of u(w) and computes one gradient (algorithm 3).
"""
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jgan import build, forward, steps
from jgan.errors import UserError
from jgan.forward import scheduled
from jgan.optim import lazy, masked, named
from jgan.types import Method, Pair, Turn


class Put(NamedTuple):
  """The state of an optimizer whose update is put aside.

  Attributes:
    inner: its own state.
    update: a tree like the parameters.
  """
  inner: Any
  update: Any


def make(config, shape, *, axis_name=None, past=False, fresh=True):
  """Builds the method.

  Args:
    config, shape, axis_name: as in every method.
    past: extrapolate by the last updates, which costs no second gradient.
    fresh: the second gradient has other real images and noise than the first,
      as in the algorithm; False: the same.

  Returns:
    Method.

  Raises:
    UserError: critics or updates that are none of this step, or an optimizer
      that it is not for.
  """
  if past and not fresh:
    raise UserError('config.method has past=True and fresh=False, and a step '
                    'from the past has no second gradient: fresh=True would be '
                    'right')
  if config.critics != 1:
    raise UserError(f'config.critics={config.critics}, and an extra-gradient '
                    'step has one update of each player: 1 would be right')
  if config.lazy == 'apart':
    raise UserError("config.lazy is 'apart', and an extra-gradient step has no "
                    "other updates: 'joined' would be right")
  for player in Pair._fields:
    section = config.optimizer[player]
    if section.name.startswith('optax:schedule_free'):
      raise UserError(f"config.optimizer.{player}.name is '{section.name}', "
                      'whose averages would count both gradients: another one '
                      'would be right')
    if not past and section.name.startswith(named.PREFIX) and (
        not named.counts_apart(section.name)):
      raise UserError(f"config.optimizer.{player}.name is '{section.name}', "
                      'whose rate counts all gradients, and a step has two: '
                      'config.method.past=True, or another one, would be right')
    if section.pruning.get('reinit', False):
      raise UserError(f'config.optimizer.{player}.pruning.reinit is True, and '
                      'an extra-gradient step goes back to where it began: '
                      'False would be right')
  models = build.models(config, shape, axis_name=axis_name)
  tx = build.optimizers(config)
  play = functools.partial(step, models=models, tx=tx, past=past,
                           **build.game(config, axis_name))
  starts = functools.partial(init, models=models, tx=tx,
                             extra=build.extra(config), past=past)
  sample = functools.partial(forward.sample, models.gen)
  if past or not fresh:
    return Method(starts, play, sample, models.gen.latent)
  return Method(starts, {'step': play}, sample, models.gen.latent,
                plan=lambda n: Turn('step', 2, (0., 1.), n))


def init(rng, batch, *, models, tx, extra=None, past=False):
  """The state before the first step; of `past` with updates of 0."""
  state = steps.gan_init(rng, batch, models=models, tx=tx, extra=extra)
  if past:
    zeros = {player: jax.tree.map(jnp.zeros_like, getattr(state, player).params)
             for player in Pair._fields}
    state = state.replace(extra=state.extra | {'past': zeros})
  return state


def step(state, batch, rng, *, tx, ema, schedule=None, past=False, **game):
  """One extra-gradient step: -> the new state, metrics of its last gradients.

  Learning rates and masks of pruning count steps, not gradients; statistics of
  the networks and memories of penalties and augmentations follow all gradients.

  Args:
    state, batch, rng, tx, ema, schedule, game: as in steps.gan_step. Of two
      batches in `batch` the first one is for the first gradients.
    past: as in `make`; state.extra has 'past'.
  """
  begun, play = state, functools.partial(
      steps.gan_step, schedule=schedule, ema=lambda ema, gen, step: ema, **game)
  part = lambda at: {k: x if k == 'z_gen' else x[at] for k, x in batch.items()}
  again = {player: getattr(tx, player).update for player in Pair._fields}
  if past:
    ahead = state.extra['past']
  else:
    fresh = len(batch['image']) > 1
    first_rng, rng = jax.random.split(rng) if fresh else (rng, rng)
    state, ahead, _ = _gradients(play, state, begun, part(slice(0, 1)),
                                 first_rng, again)
    # Further updates in this step, as those of lazy penalties.
    again = {player: functools.partial(lazy.update, getattr(tx, player))
             for player in Pair._fields}
  state = state.replace(**{
      player: _moved(getattr(state, player), ahead[player])
      for player in Pair._fields})
  state, updates, metrics = _gradients(play, state, begun,
                                       part(slice(-1, None)), rng, again)
  state = state.replace(step=begun.step + 1, **{
      player: getattr(state, player).replace(params=optax.apply_updates(
          getattr(begun, player).params, updates[player]))
      for player in Pair._fields})
  sampling = schedule(begun.step)[1] if schedule else {}
  state = state.replace(ema=scheduled(
      ema(begun.ema, state.gen, begun.step), sampling))
  if past:
    state = state.replace(extra=state.extra | {'past': updates})
  return state, metrics


def _gradients(play, state, begun, batch, rng, update):
  """Both players' updates by gradients where `state` is.

  Args:
    play: steps.gan_step.
    begun: GanState whose parameters the updates are of.
    batch, rng: as in `play`.
    update: {player: (gradients, optimizer state, parameters) -> updates and
      optimizer state}.

  Returns:
    The state with new statistics, memories and optimizer states, in which no
    parameter has moved; {player: updates}; metrics.
  """
  def put(player):
    def aside(grads, opt, params=None):
      del params
      updates, inner = update[player](grads, opt.inner,
                                      getattr(begun, player).params)
      return jax.tree.map(jnp.zeros_like, updates), Put(inner, updates)
    return optax.GradientTransformation(None, aside)

  holding = {
      player: net.replace(opt=Put(net.opt, jax.tree.map(jnp.zeros_like,
                                                        net.params)))
      for player in Pair._fields for net in [getattr(state, player)]}
  seen, metrics = play(state.replace(**holding), batch, rng,
                       tx=Pair(*map(put, Pair._fields)))
  opts = {player: getattr(seen, player).opt for player in Pair._fields}
  seen = seen.replace(step=state.step, **{
      player: getattr(seen, player).replace(opt=opt.inner)
      for player, opt in opts.items()})
  return seen, {player: opt.update for player, opt in opts.items()}, metrics


def _moved(net, update):
  """The network after an update, as sparse as its optimizer has it."""
  params = optax.apply_updates(net.params, update)
  return net.replace(params=masked.sparse(params, net.opt))
