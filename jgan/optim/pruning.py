"""What config.optimizer.*.pruning may name: how a player's weights are masked.

Each wraps the whole optimizer of a player. Durations in a config are counted
in `unit` generator steps, 1 or those of an epoch, for both players: a
discriminator that takes `updates_per_step` updates in one counts so many.
"""
import functools
import math
from typing import NamedTuple

import jax.numpy as jnp

from jgan.errors import UserError
from jgan.optim import channels as whole
from jgan.optim import fixed_mask as fixed
from jgan.optim import prune_grow as growing
from jgan.optim import rigl as moving
from jgan.optim.masked import DENSE, SPARSE, WARMUP

__all__ = ['fixed_mask', 'none', 'prune_grow', 'prune_grow_channels', 'rigl']


class Span(NamedTuple):
  """A part of a run in which a player's weights are as dense.

  Attributes:
    first, end: of its generator steps, numbered from 0; `end` is the next's.
    phase: masked.WARMUP, SPARSE or DENSE.
    density: kept part of the weights that may be pruned; None where only the
      state knows it.
  """
  first: int
  end: int
  phase: int
  density: float | None


def spans(name, *, steps, **arguments):
  """What the host knows of masks: the Spans of a run of `steps`, in order.

  name, arguments: a whole section config.optimizer.*.pruning. That the player
    is updated in every step is taken for granted.
  """
  return [span._replace(end=min(span.end, steps))
          for span in _SPANS[name](steps, **arguments) if span.first < steps]


def none(tx, *, steps, updates_per_step, seed):
  """No weight is masked."""
  del steps, updates_per_step, seed
  return tx


def prune_grow(tx, *, steps, updates_per_step, seed, ratio=.1, cosine=False,
               warmup=200, interval=100, unit=1, first_extra=0, grow_factor=.1,
               reinit=False, scope='all', skip='', threshold='tensor',
               refresh=0):
  """Prune-and-grow of Re-GAN (optim/prune_grow.py explains the arguments).

  ratio: of the weights, pruned in a sparse phase.
  cosine: the ratio falls to 0 by half a cosine over the run.
  warmup, interval, refresh: in units.
  unit: generator steps.
  first_extra: in steps.

  Raises:
    UserError: a unit below 1, or the warm-up takes the whole run.
  """
  _check_unit(unit)
  _check_warmup('prune_grow', warmup * unit, steps)
  updates = lambda count: count * unit * updates_per_step
  part = ratio
  if cosine:
    part = lambda count: ratio / 2 * (1. + jnp.cos(
        math.pi * jnp.minimum(count / (steps * updates_per_step), 1.)))
  return growing.prune_grow(
      tx, ratio=part, warmup=updates(warmup), interval=updates(interval),
      first_extra=first_extra * updates_per_step, grow_factor=grow_factor,
      reinit=reinit, scope=scope, skip=skip, threshold=threshold,
      refresh=updates(refresh), seed=seed)


def prune_grow_channels(tx, *, steps, updates_per_step, seed, channels,
                        ratio=.1, warmup=200, interval=100, unit=1,
                        grow_factor=.1, skip=''):
  """Prune-and-grow of whole channels (optim/channels.py says which).

  What is pruned when the run ends, --mode=shrink takes out of the generator.

  channels: () -> Groups of the generator's; None for the other player.
  ratio: of the channels of each group, pruned in a sparse phase.
  warmup, interval: in units.
  unit: generator steps.
  grow_factor: on the updates in dense phases.
  skip: regular expression of groups to leave out, 'block_0' in SN-GAN.

  Raises:
    UserError: as `prune_grow`, for a discriminator, and for a generator that
      cannot lose channels.
  """
  del seed
  if channels is None:
    raise UserError('prune_grow_channels prunes generators, and stands in '
                    "config.optimizer.disc.pruning: there 'prune_grow' would "
                    'be right')
  _check_unit(unit)
  _check_warmup('prune_grow_channels', warmup * unit, steps)
  updates = lambda count: count * unit * updates_per_step
  prune = functools.partial(whole.masks, groups=channels(), skip=skip)
  return growing.alternate(
      tx, prune, ratio=ratio, warmup=updates(warmup),
      interval=updates(interval), grow_factor=grow_factor)


def rigl(tx, *, steps, updates_per_step, seed, density=.5, drop=.3, warmup=0,
         interval=100, unit=1, stop=.75, start='random', scope='kernels',
         skip=''):
  """Masks that move, of RigL (optim/rigl.py explains the arguments).

  warmup, interval: in units.
  unit: generator steps.
  stop: in (0, 1], the part of the run after its warm-up in which masks move.

  Raises:
    UserError: a unit below 1, the warm-up takes the whole run, or `stop` is
      out of its range.
  """
  _check_unit(unit)
  _check_warmup('rigl', warmup * unit, steps)
  if not 0. < stop <= 1.:
    raise UserError(f'rigl: stop={stop} is not in (0, 1]; the paper has .75')
  updates = lambda count: count * unit * updates_per_step
  last = (steps - warmup * unit) * updates_per_step
  return moving.rigl(
      tx, density=density, drop=drop, warmup=updates(warmup),
      interval=updates(interval), until=max(math.ceil(stop * last), 1),
      start=start, scope=scope, skip=skip, seed=seed)


def fixed_mask(tx, *, steps, updates_per_step, seed):
  """Masks that never move, of a lottery ticket (optim/fixed_mask.py)."""
  del steps, updates_per_step, seed
  return fixed.fixed_mask(tx)


def _check_unit(unit):
  if unit < 1:
    raise UserError(f'pruning: unit={unit} is below 1; 1 counts in generator '
                    'steps')


def _check_warmup(name, warmup, steps):
  if warmup >= steps:
    raise UserError(f'{name}: the warm-up of {warmup} steps leaves none of '
                    f'config.steps={steps} to prune in')


def _grown(steps, *, ratio, cosine, warmup, interval, unit, first_extra, **_):
  """Of prune_grow.calendar, on the host and without JAX."""
  found = [Span(0, warmup * unit, WARMUP, 1.)] if warmup else []
  length = max(interval * unit, 1)  # what is below is refused by prune_grow
  first, phase = warmup * unit, SPARSE
  end = first + length + first_extra
  while first < steps:
    part = ratio
    if cosine:
      part *= (1. + math.cos(math.pi * first / steps)) / 2.
    found.append(Span(first, end, phase, 1. - part if phase == SPARSE else 1.))
    first, end = end, end + length
    phase = DENSE if phase == SPARSE else SPARSE
  return found


def _moved(steps, *, density, warmup, unit, **_):
  found = [Span(0, warmup * unit, WARMUP, 1.)] if warmup else []
  return [*found, Span(warmup * unit, steps, SPARSE, density)]


_SPANS = {'none': lambda steps: [Span(0, steps, DENSE, 1.)],
          'prune_grow': _grown,
          'prune_grow_channels': functools.partial(
              _grown, cosine=False, first_extra=0),
          'rigl': _moved,
          'fixed_mask': lambda steps: [Span(0, steps, SPARSE, None)]}
