"""Lottery tickets of GANs by iterative magnitude pruning (Frankle & Carbin,
2019; Chen et al., 2021).

The plain game is trained in rounds, the first with dense networks. Each later
round begins with pruning: the smallest of the remaining weights of the trained
networks (not of the moving average) are pruned, over all chosen tensors
together. The other weights are rewound to their values at step `rewind` of
the first round, as are the batch statistics of both players and
state.extra; optimizers, schedules and the moving average start afresh.

The players whose config.optimizer.*.pruning is 'fixed_mask' are pruned: the
generator alone (IMPG in the paper) or both (IMPGD).

Pruning is part of the first step of a round, not a step of its own: a round is
round_steps updates, scores at multiples of that are of complete rounds, and a
single compiled step serves all rounds, by a lax.cond. With SN-GAN on a busy
CPU that costs 30 ms per step, and 4 s in a step that prunes. The data order
continues from round to round.
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
  """Builds the method: the plain game in rounds of pruning.

  Args:
    config, shape, axis_name: as in every method.
    rounds: number of pruning rounds after the dense one; config.steps is
      (rounds + 1) * round_steps.
    rate: fraction of the remaining weights that a round prunes.
    target: sparsity that the last round reaches exactly; 0 prunes by the rate
      alone.
    round_steps: generator steps of a round.
    rewind: step of the first round that weights are rewound to; 0 rewinds to
      the initial weights.
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
  round_config = config.copy_and_resolve_references()
  round_config.steps = round_steps  # schedules run over a round
  models = build.models(config, shape, axis_name=axis_name)
  tx = build.optimizers(round_config)
  play = functools.partial(steps.gan_step, models=models, tx=tx,
                           **build.game(round_config, axis_name))

  init = functools.partial(first_state, models=models, tx=tx,
                           extra=build.extra(config))
  state = jax.eval_shape(init, jax.random.key(0), {'image': jnp.zeros(shape)})
  selection = dict(scope=scope, skip=skip)
  counts = {}
  for player in pruned:
    weights = prunable(getattr(state, player).params, **selection)
    counts[player] = ladder(sum(w.size for w in weights), rounds=rounds,
                            rate=rate, target=target)
  step = functools.partial(lottery_step, play=play, calendar=Calendar(
      round_steps, rewind, counts, selection, tx))
  spans = build.spans(config)._replace(**{
      player: rounds_of(ns, round_steps) for player, ns in counts.items()})
  return Method(init, step, functools.partial(forward.sample, models.gen),
                models.gen.latent, spans=spans, round_steps=round_steps)


def rounds_of(counts, round_steps):
  """The Spans of a player: a dense round, then the sparse ones.

  counts: number of remaining prunable weights in each round.
  """
  return [pruning.Span(i * round_steps, (i + 1) * round_steps,
                       SPARSE if i else DENSE, n / counts[0])
          for i, n in enumerate(counts)]


class Calendar(NamedTuple):
  """When the networks are pruned, which weights, and how many.

  Attributes:
    round_steps, rewind: as in `make`.
    counts: {player: number of remaining prunable weights in each round}.
    selection: scope and skip of the prunable weights.
    tx: Pair of optax transformations.
  """
  round_steps: int
  rewind: int
  counts: dict
  selection: dict
  tx: Any


def first_state(rng, batch, *, models, tx, extra):
  """The state of steps.gan_init, with the initial weights as the ticket.

  From step `rewind` on, extra['ticket'] is what later rounds start from.
  """
  state = steps.gan_init(rng, batch, models=models, tx=tx, extra=extra)
  return _with_ticket(state, jax.tree.map(jnp.copy, ticket(state)))


def ticket(state):
  """The part of a state that later rounds are rewound to: a dict."""
  bare = lambda net: Network(net.params, net.stats)
  extra = {k: v for k, v in state.extra.items() if k != 'ticket'}
  return {'gen': bare(state.gen), 'disc': bare(state.disc), 'extra': extra}


def lottery_step(state, batch, rng, *, play, calendar):
  """One step of the game; the first of each later round prunes before it.

  play: the step of the plain game, with its static arguments bound.

  Returns the new state, and the metrics of the game with 'ticket/round' and
  'ticket/density', the remaining fraction of the prunable weights.
  """
  step = state.step
  number, age = step // calendar.round_steps, step % calendar.round_steps
  # Stored by a training step, even for rewind=0, because a warm start replaces
  # the weights after init.
  state = _with_ticket(state, jax.lax.cond(
      step == calendar.rewind, lambda: ticket(state),
      lambda: state.extra['ticket']))
  state = jax.lax.cond((number > 0) & (age == 0),
                       lambda: next_round(state, number, calendar),
                       lambda: state)
  # The moving average and schedules count the steps of the round.
  state, metrics = play(state.replace(step=age), batch, rng)
  masks = [m for player in calendar.counts for m in prunable(
      getattr(state, player).opt.masks, **calendar.selection)]
  density = sum(m.sum() for m in masks) / sum(m.size for m in masks)
  return state.replace(step=step + 1), {
      **metrics, 'ticket/round': jnp.float32(number),
      'ticket/density': density}


def next_round(state, number, calendar):
  """Prunes the trained networks and rewinds: -> the first state of a round."""
  start = state.extra['ticket']
  nets = {}
  for player, tx in zip(Pair._fields, calendar.tx):
    params, stats = start[player].params, start[player].stats
    opt = tx.init(params)
    if player in calendar.counts:
      trained = getattr(state, player)
      masks = prune_globally(
          trained.params, trained.opt.masks, **calendar.selection,
          kept=jnp.asarray(calendar.counts[player])[number])
      params = zero(params, masks)
      opt = with_masks(tx.init(params), masks)
    nets[player] = Network(params, stats, opt)
  average = Network(nets['gen'].params, nets['gen'].stats)
  return _with_ticket(
      state.replace(**nets, ema=average, extra=start['extra']), start)


def _with_ticket(state, ticket):
  return state.replace(extra={**state.extra, 'ticket': ticket})
