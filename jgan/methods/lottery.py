"""Lottery tickets of GANs by iterative magnitude pruning (Frankle & Carbin,
2019; Chen et al., 2021).

The plain game is played in rounds. The first trains the dense networks. Each
later one begins with pruning: of the weights that remain the smallest go, by
the trained networks and not the average, over all chosen tensors together.
What is left goes back to the weights of step `rewind` of the first round, and
so do both players' statistics and whatever else the game remembers;
optimizers, schedules and the average begin anew.

The players whose config.optimizer.*.pruning is 'fixed_mask' are pruned: the
generator alone (IMPG in the paper) or both (IMPGD).

Pruning belongs to the first step of a round and is no step of its own: a round
is round_steps updates, scores at multiples of that are of whole rounds, and
one program serves all, by a lax.cond. With SN-GAN on a busy CPU that costs 30
ms a step, and 4 s where it prunes. The order of the images goes on from round
to round.
"""
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jgan import build, forward, steps
from jgan.errors import UserError
from jgan.optim import pruning
from jgan.optim.fixed_mask import ladder, prunable, prune_globally, with_masks
from jgan.optim.masked import DENSE, SPARSE, zero
from jgan.types import Method, Network, Pair


def make(config, shape, *, axis_name=None, rounds=10, rate=.2, target=0.,
         round_steps=50_000, rewind=0, scope='convs', skip=''):
  """Binds the game and the calendar of its rounds.

  Args:
    config, shape, axis_name: as every method takes them.
    rounds: of pruning, each followed by a training; config.steps is
      (rounds + 1) * round_steps.
    rate: of the remaining weights, pruned in a round.
    target: sparsity that the last round reaches exactly; 0: by rate alone.
    round_steps: generator steps of a round.
    rewind: the step of the first round that weights go back to; 0: to the
      initial ones.
    scope, skip: which weights may be pruned, as in optim/magnitude.py.

  Returns:
    Method.

  Raises:
    UserError: no player is to be pruned, or a value is impossible.
  """
  pruned = [player for player in Pair._fields
            if config.optimizer[player].pruning.name == 'fixed_mask']
  if not pruned:
    names = [config.optimizer[player].pruning.name for player in Pair._fields]
    raise UserError('config.method lottery prunes the players whose '
                    "config.optimizer.*.pruning is 'fixed_mask', and gen, disc "
                    f"have '{names[0]}', '{names[1]}'")
  if not 0 <= rewind < round_steps:
    raise UserError(f'config.method goes back to rewind={rewind}: a step of '
                    f'the first round, in [0, {round_steps}), would be right')
  steps_of_all = (rounds + 1) * round_steps
  if config.steps != steps_of_all:
    raise UserError(f'config.steps={config.steps}, and the dense round and '
                    f'{rounds} pruned ones of round_steps={round_steps} take '
                    f'{steps_of_all}')
  single = config.copy_and_resolve_references()
  single.steps = round_steps  # what schedules are over
  models = build.models(config, shape, axis_name=axis_name)
  tx = build.optimizers(single)
  play = functools.partial(steps.gan_step, models=models, tx=tx,
                           **build.game(single, axis_name))

  init = functools.partial(first_state, models=models, tx=tx,
                           extra=build.extra(config))
  state = jax.eval_shape(init, jax.random.key(0), {'image': jnp.zeros(shape)})
  which = dict(scope=scope, skip=skip)
  rungs = {}
  for player in pruned:
    weights = prunable(getattr(state, player).params, **which)
    rungs[player] = ladder(sum(w.size for w in weights), rounds=rounds,
                           rate=rate, target=target)
  step = functools.partial(lottery_step, play=play, calendar=Calendar(
      round_steps, rewind, rungs, which, tx))
  spans = build.spans(config)._replace(**{
      player: rounds_of(kept, round_steps) for player, kept in rungs.items()})
  return Method(init, step, functools.partial(forward.sample, models.gen),
                models.gen.latent, spans=spans)


def rounds_of(kept, round_steps):
  """The Spans of a player: a dense round, and one of each lower rung.

  kept: how many of its weights each round trains.
  """
  return [pruning.Span(i * round_steps, (i + 1) * round_steps,
                       SPARSE if i else DENSE, n / kept[0])
          for i, n in enumerate(kept)]


class Calendar(NamedTuple):
  """When is pruned, what, and how much.

  Attributes:
    round_steps, rewind: as in `make`.
    rungs: {player: how many of its weights each round trains}.
    which: scope and skip of the weights that may be pruned.
    tx: Pair of optax transformations.
  """
  round_steps: int
  rewind: int
  rungs: dict
  which: dict
  tx: Any


def first_state(rng, batch, *, models, tx, extra):
  """The state before the first step, as steps.gan_init makes it.

  extra['ticket'] is what later rounds begin with, once step `rewind` has come.
  """
  state = steps.gan_init(rng, batch, models=models, tx=tx, extra=extra)
  return _with_ticket(state, jax.tree.map(jnp.copy, ticket(state)))


def ticket(state):
  """All of a state that a later round can begin with: a dict."""
  bare = lambda net: Network(net.params, net.stats)
  extra = {k: v for k, v in state.extra.items() if k != 'ticket'}
  return {'gen': bare(state.gen), 'disc': bare(state.disc), 'extra': extra}


def lottery_step(state, batch, rng, *, play, calendar):
  """One step of a round, after pruning if it is the first of a later one.

  play: the step of the plain game, with its statics bound.

  Returns the new state, and the metrics of the game with 'ticket/round' and
  'ticket/density', which part remains of the weights that may be pruned.
  """
  now = state.step
  number, age = now // calendar.round_steps, now % calendar.round_steps
  # Kept by the first steps and not by init, which comes before a warm start.
  state = _with_ticket(state, jax.lax.cond(
      now == calendar.rewind, lambda: ticket(state),
      lambda: state.extra['ticket']))
  state = jax.lax.cond((number > 0) & (age == 0),
                       lambda: next_round(state, number, calendar),
                       lambda: state)
  # Averages and schedules count the steps of the round.
  state, metrics = play(state.replace(step=age), batch, rng)
  masks = [m for player in calendar.rungs for m in prunable(
      getattr(state, player).opt.masks, **calendar.which)]
  density = sum(m.sum() for m in masks) / sum(m.size for m in masks)
  return state.replace(step=now + 1), {
      **metrics, 'ticket/round': jnp.float32(number),
      'ticket/density': density}


def next_round(state, number, calendar):
  """Prunes the trained networks and goes back: the state of a round's start."""
  start = state.extra['ticket']
  nets = {}
  for player, tx in zip(Pair._fields, calendar.tx):
    params, stats = start[player].params, start[player].stats
    opt = tx.init(params)
    if player in calendar.rungs:
      trained = getattr(state, player)
      masks = prune_globally(
          trained.params, trained.opt.masks, **calendar.which,
          kept=jnp.asarray(calendar.rungs[player])[number])
      params = zero(params, masks)
      opt = with_masks(tx.init(params), masks)
    nets[player] = Network(params, stats, opt)
  average = Network(nets['gen'].params, nets['gen'].stats)
  return _with_ticket(
      state.replace(**nets, ema=average, extra=start['extra']), start)


def _with_ticket(state, kept):
  return state.replace(extra={**state.extra, 'ticket': kept})
