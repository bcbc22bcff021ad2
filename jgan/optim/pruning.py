"""The choices of config.optimizer.*.pruning: how a player's weights are masked.

Each wraps the complete optimizer of a player. Durations in a config are
multiples of `unit` generator steps, 1 or the steps of an epoch, for both
players; each step is `updates_per_step` updates of the player's optimizer.
"""
import functools
import math
from typing import NamedTuple

import jax.numpy as jnp

from jgan.errors import UserError
from jgan.optim import channels as channel_pruning
from jgan.optim import fixed_mask as fixed_masks
from jgan.optim import prune_grow as growth
from jgan.optim import rigl as rigl_masks
from jgan.optim.masked import DENSE, SPARSE, WARMUP

__all__ = ['fixed_mask', 'none', 'prune_grow', 'prune_grow_channels', 'rigl']


class Span(NamedTuple):
  """A part of a run through which the density of a player stays the same.

  Attributes:
    first, end: its first generator step, from 0, and the first one after it.
    phase: masked.WARMUP, SPARSE or DENSE.
    density: unmasked fraction of the prunable weights; None if it is known
      from the optimizer state only.
  """
  first: int
  end: int
  phase: int
  density: float | None


def spans(name, *, steps, **arguments):
  """The Spans of a run of `steps` in order, from the config alone.

  They hold for a player that is updated in every step.

  name, arguments: a whole section config.optimizer.*.pruning.
  """
  return [span._replace(end=min(span.end, steps))
          for span in _SPANS[name](steps, **arguments) if span.first < steps]


def none(tx, *, steps, updates_per_step, seed):
  """No weight is masked."""
  del steps, updates_per_step, seed
  return tx


def prune_grow(tx, *, steps, updates_per_step, seed, ratio=.1, cosine=False,
               warmup=200, interval=100, unit=1, first_extra=0, grow_factor=.1,
               sparse_factor=1., reinit=False, scope='all', skip='',
               threshold='tensor', refresh=0):
  """Prune-and-grow of Re-GAN (optim/prune_grow.py explains the arguments).

  ratio: fraction of the weights that a sparse phase prunes.
  cosine: the ratio falls to 0 by half a cosine over the run.
  warmup, interval, refresh: in units.
  unit: generator steps of a unit.
  first_extra: in generator steps.

  Raises:
    UserError: a unit below 1, or the warm-up takes the whole run.
  """
  _check_unit(unit)
  _check_warmup('prune_grow', warmup * unit, steps)
  updates = lambda count: count * unit * updates_per_step
  schedule = ratio
  if cosine:
    schedule = lambda count: ratio / 2 * (1. + jnp.cos(
        math.pi * jnp.minimum(count / (steps * updates_per_step), 1.)))
  return growth.prune_grow(
      tx, ratio=schedule, warmup=updates(warmup), interval=updates(interval),
      first_extra=first_extra * updates_per_step, grow_factor=grow_factor,
      sparse_factor=sparse_factor, reinit=reinit, scope=scope, skip=skip,
      threshold=threshold, refresh=updates(refresh), seed=seed)


def prune_grow_channels(tx, *, steps, updates_per_step, seed, channels,
                        ratio=.1, warmup=200, interval=100, unit=1,
                        grow_factor=.1, skip=''):
  """Prune-and-grow of whole channels (optim/channels.py says which).

  --mode=shrink then removes the channels that are pruned when the run ends
  from the generator.

  channels: () -> the Groups of the generator; None for the discriminator.
  ratio: fraction of the channels of each group that a sparse phase prunes.
  warmup, interval: in units.
  unit: generator steps of a unit.
  grow_factor: multiplies the updates in dense phases.
  skip: regular expression of groups not to prune, 'block_0' in SN-GAN.

  Raises:
    UserError: as `prune_grow`, for a discriminator, and for a generator whose
      channels cannot be pruned.
  """
  del seed
  if channels is None:
    raise UserError('prune_grow_channels prunes generators, and stands in '
                    "config.optimizer.disc.pruning: there 'prune_grow' would "
                    'be right')
  _check_unit(unit)
  _check_warmup('prune_grow_channels', warmup * unit, steps)
  updates = lambda count: count * unit * updates_per_step
  prune = functools.partial(channel_pruning.masks, groups=channels(), skip=skip)
  return growth.alternate(
      tx, prune, ratio=ratio, warmup=updates(warmup),
      interval=updates(interval), grow_factor=grow_factor)


def rigl(tx, *, steps, updates_per_step, seed, density=.5, drop=.3, warmup=0,
         interval=100, unit=1, stop=.75, start='random', scope='kernels',
         skip=''):
  """Dynamic sparse training by RigL (optim/rigl.py explains the arguments).

  warmup, interval: in units.
  unit: generator steps of a unit.
  stop: in (0, 1], the fraction of the run after its warm-up in which masks
    change.

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
  return rigl_masks.rigl(
      tx, density=density, drop=drop, warmup=updates(warmup),
      interval=updates(interval), until=max(math.ceil(stop * last), 1),
      start=start, scope=scope, skip=skip, seed=seed)


def fixed_mask(tx, *, steps, updates_per_step, seed):
  """The fixed masks of a lottery ticket (optim/fixed_mask.py)."""
  del steps, updates_per_step, seed
  return fixed_masks.fixed_mask(tx)


def _check_unit(unit):
  if unit < 1:
    raise UserError(f'pruning: unit={unit} is below 1; unit=1 counts in '
                    'generator steps')


def _check_warmup(name, warmup, steps):
  if warmup >= steps:
    raise UserError(f'{name}: the warm-up of {warmup} steps leaves none of '
                    f'config.steps={steps} to prune in')


def _prune_grow_spans(steps, *, ratio, cosine, warmup, interval, unit,
                      first_extra, **_):
  """The phases of prune_grow.calendar, computed on the host without JAX."""
  phases = [Span(0, warmup * unit, WARMUP, 1.)] if warmup else []
  length = max(interval * unit, 1)  # prune_grow refuses values below 1
  first, phase = warmup * unit, SPARSE
  end = first + length + first_extra
  while first < steps:
    sparsity = ratio
    if cosine:
      sparsity *= (1. + math.cos(math.pi * first / steps)) / 2.
    phases.append(
        Span(first, end, phase, 1. - sparsity if phase == SPARSE else 1.))
    first, end = end, end + length
    phase = DENSE if phase == SPARSE else SPARSE
  return phases


def _rigl_spans(steps, *, density, warmup, unit, **_):
  dense = [Span(0, warmup * unit, WARMUP, 1.)] if warmup else []
  return [*dense, Span(warmup * unit, steps, SPARSE, density)]


_SPANS = {'none': lambda steps: [Span(0, steps, DENSE, 1.)],
          'prune_grow': _prune_grow_spans,
          'prune_grow_channels': functools.partial(
              _prune_grow_spans, cosine=False, first_extra=0),
          'rigl': _rigl_spans,
          'fixed_mask': lambda steps: [Span(0, steps, SPARSE, None)]}
