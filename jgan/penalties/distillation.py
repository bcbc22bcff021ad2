"""Distillation: a generator learns from a trained one, its teacher.

Both make images x = G(z) and t = T(z) of the same noise z, and G minimises

  outputs  E |x - t|, of pixels (Aguinaldo et al., 2019, with squares)
  features the mean over D's blocks j of E |f_j(x) - f_j(t)| (as in TinyGAN,
           Chang & Lu, 2020)
  mmd      the squared maximum mean discrepancy between the x and the t of a
           batch, seen by D (as an objective of distillation: Huang & Wang,
           2017), as unbiased as G's MMD loss

each times its weight, beside its own loss. D and f_j are of the discriminator
that G trains against, which sees x and t through the same augmentations. The
teacher has another architecture or the same one, as a compressed generator has
before it is compressed (docs/how_to/compress.md).

G and T are in training mode with the same keys of noise: if they are equal, all
terms are 0 but for rounding. Pairs of x and t of the same z are not
independent, and do not count in the MMD.
"""
import functools

import jax
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.losses import mmd as discrepancy
from jgan.ops import collectives

TEACHER = 'generator'

_choice = functools.partial(lookup.choice, 'distillation')


def generator(play, *, teacher='', outputs=10., features=0., mmd=0., norm='l1',
              layers=(), space='logits', kernel='gaussian', scales=(1.,)):
  """Play -> scalar; the MMD is of the global batch, other terms of the shard.

  The terms `outputs` and `features` are not below 0; the MMD may be, by its
  lack of bias.

  Args:
    teacher: in a config the file of an exported generator; here what build
      makes of it, a key -> (z, labels) -> images.
    outputs, features, mmd: weights; 0 leaves a term out.
    norm: l1 | l2, |x - t| or (x - t)^2 of pixels and features.
    layers: of `features`, indices j of D's blocks, from 0; (): all.
    space: of `mmd`, logits, D's outputs [b] or [b, d] | features, D's blocks,
      averaged over pixels and scaled to length 1.
    kernel, scales: of `mmd`, as in losses/mmd.py.

  Raises:
    UserError: an unknown name, a negative weight, no weight, a knob of a term
      that has none, a block that D does not have, or a teacher whose images
      are of other sizes.
  """
  measure = _choice('norm', norm, _NORMS)
  embed = _choice('space', space, _SPACES)
  _check({'outputs': outputs, 'features': features, 'mmd': mmd}, {
      'layers': ('features', layers), 'space': ('mmd', space),
      'kernel': ('mmd', kernel), 'scales': ('mmd', scales)})
  told = () if play.fake.labels is None else (play.fake.labels,)
  made = jax.lax.stop_gradient(teacher(play.noise)(play.z, *told))
  sizes = lambda images: [x.shape[1:] for x in jax.tree.leaves(images)]
  if sizes(made) != sizes(play.plain_fake):
    raise UserError(f'distillation: the teacher makes {sizes(made)}, and the '
                    f'generator that learns {sizes(play.plain_fake)}: the same '
                    'sizes would be right')
  value = jnp.float32(0.)
  if outputs:
    value += outputs * _apart(measure, play.plain_fake, made)
  if not (features or mmd):
    return value
  seen = play.look(play.seen_fake(made))
  if features:
    value += features * _mean([
        _apart(measure, *blocks) for blocks in zip(
            _blocks(play.fake, layers), _blocks(seen, layers))])
  if mmd:
    pair = (collectives.gather(embed(view), play.axis_name)
            for view in (seen, play.fake))
    value += mmd * discrepancy.generator(*pair, kernel=kernel, scales=scales,
                                         xy_diagonal=False)
  return value


def _apart(measure, x, y):
  """Mean distance of the entries of two trees, the mean over their arrays."""
  return _mean([jnp.mean(measure((a - b).astype(jnp.float32))) for a, b in zip(
      jax.tree.leaves(x), jax.tree.leaves(y))])


def _mean(values):
  return sum(values) / len(values)


def _blocks(view, layers=()):
  """The outputs of D's blocks, of the chosen ones if some are.

  Raises:
    UserError: D does not show them.
  """
  blocks = view.features
  for i in layers or (0,):
    if not 0 <= i < len(blocks):
      raise UserError(
          f'distillation: block {i} of layers={layers}, and the discriminator '
          f'shows {len(blocks)} blocks; '
          + (f'0 to {len(blocks) - 1} would be right' if blocks else
             "no weight of features, and space='logits', would be right"))
  return [blocks[i] for i in layers] if layers else blocks


def _pooled(view):
  """D's blocks, averaged over pixels, each of length 1: [b, sum of c_i]."""
  vectors = [jnp.concatenate([x.mean((1, 2), jnp.float32)
                              for x in jax.tree.leaves(block)], 1)
             for block in _blocks(view)]
  return jnp.concatenate([
      v * jax.lax.rsqrt(jnp.sum(v**2, 1, keepdims=True) + _EPS)
      for v in vectors], 1)


def _check(weights, knobs):
  """Refuses weights below 0 or all 0, and knobs of terms without weight.

  knobs: {name: (term, value)}.
  """
  shown = ', '.join(f'{name}={value:g}' for name, value in weights.items())
  if min(weights.values()) < 0. or not any(weights.values()):
    raise UserError(f'distillation: {shown}; weights of at least 0, one of '
                    'them above 0, would be right')
  defaults = generator.__kwdefaults__
  for name, (term, value) in knobs.items():
    if not weights[term] and tuple(value) != tuple(defaults[name]):
      raise UserError(f'distillation: {name}={value} is of the term {term}, '
                      f'and its weight is 0: {term} above 0, or '
                      f'{name}={defaults[name]}, would be right')


_EPS = 1e-8
# The slope of jnp.abs at 0 is 1.
_NORMS = {'l1': lambda x: x * jnp.sign(x), 'l2': jnp.square}
_SPACES = {'logits': lambda view: view.logits, 'features': _pooled}
