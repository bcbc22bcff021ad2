"""Sample differences penalization, GAN-SDP (Zhang, Li, Li, Zhou and Chen,
'Reducing differences between real and realistic samples to improve GANs').

The k fakes g that D scores highest pass for real. Each is paired with the real
image x of the batch that is nearest to it, and both players minimise

  weight * E[(D(g) - D(x))^2 + sum_j |f_j(g) - f_j(x)|^2]

over those pairs: D should not tell them apart, G should come closer to x. f_j
is what D's j-th block has found anywhere in the image, scaled. Every k_every
generator steps one more fake counts as realistic; before `start` none does.

In D's update both D(g) and D(x) move. In G's only g does. Which fakes, and
which neighbours, has no gradient, and is decided anew at every update: the
generator draws its own noise, so pairs of D's update could not serve it.
"""
import functools

import jax
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.ops import collectives

PAIRED = True

_PLAYERS = {'both': ('disc', 'gen'), 'disc': ('disc',), 'gen': ('gen',)}
_TERMS = {'both': ('score', 'feature'), 'score': ('score',),
          'feature': ('feature',)}


def penalty(player, play, *, weight=.01, k=5, k_every=5000, k_max=0, k_share=0.,
            start=3000, players='both', selection='top', space='pixel',
            terms='both', layers=(), aggregate='max', norm='l2_squared',
            reduction='mean'):
  """Play -> scalar >= 0, of the whole batch, the same on all devices.

  Several outputs of D are ranked by their sum, their squares are summed.

  Args:
    player: 'disc' or 'gen', whose update this is.
    weight: the paper's lambda.
    k: fakes that count as realistic, at first.
    k_every: generator steps, from step 0 on, after which k grows by one; 0:
      it stays.
    k_max: the most it grows to; 0: all fakes of the batch.
    k_share: k at first as a share of the batch, in place of `k`; 0: `k`.
    start: the first generator step that is penalised, the paper's t.
    players: both | disc | gen, whose loss has the penalty. With 'disc' the
      generator's update still sees a real batch: D's statistics do.
    selection: top | random | all fakes, the last whatever k is.
    space: pixel | feature, where the nearest is looked for; the latter is
      that of the f_j.
    terms: both | score | feature.
    layers: the blocks j, counted from 0; (): all.
    aggregate: max | mean over the pixels of a block's output.
    norm: f = v / |v|^2 as printed (l2_squared), v / |v| (l2) or v (none). As
      printed, f shrinks as v grows.
    reduction: mean | sum, what the loss beside is in the paper. It is a mean
      here; 'sum' takes the printed sum at its word and divides by the batch.

  Raises:
    UserError: an unknown name, a number out of its range, or a block that D
      does not have.
  """
  acts_on = _choose('players', players, _PLAYERS)
  compared = _choose('terms', terms, _TERMS)
  select = _choose('selection', selection, _SELECT)
  reduce = _choose('reduction', reduction, _REDUCTION)
  flat = lambda x: x.reshape(len(x), -1)
  show = {'score': lambda view: flat(view.logits),
          'feature': lambda view: features(view.features, layers=layers,
                                           aggregate=aggregate, norm=norm)}
  place = _choose('space', space, {'pixel': lambda view: flat(view.image),
                                   'feature': show['feature']})
  gather = functools.partial(collectives.gather, axis_name=play.axis_name)
  realistic = functools.partial(schedule, k=k, k_every=k_every, k_max=k_max,
                                k_share=k_share)
  if player not in acts_on:
    return jnp.float32(0.)
  fake, real = play.fake, play.real
  if player == 'gen':
    real = jax.lax.stop_gradient(real)

  def act():
    outputs = lambda view: gather(
        jnp.concatenate([show[term](view) for term in compared], 1))
    scores = jax.lax.stop_gradient(gather(show['score'](fake)).sum(1))
    selected = select(scores, realistic(play.step, len(scores)), play.rng)
    partner = gather(nearest(place(fake), gather(place(real))))
    difference = jnp.sum((outputs(fake) - outputs(real)[partner])**2, 1)
    value = jnp.sum(jnp.where(selected, difference, 0.)) / jnp.sum(selected)
    return weight * reduce(value, len(scores))

  # Before `start` the loss is to the bit what it is without the penalty.
  return jax.lax.cond(play.step >= start, act, lambda: jnp.float32(0.))


discriminator = functools.partial(penalty, 'disc')
generator = functools.partial(penalty, 'gen')


def schedule(step, n, *, k=5, k_every=5000, k_max=0, k_share=0.):
  """How many of n fakes count as realistic at a (traced) generator step.

  Arguments as of `penalty`.

  Raises:
    UserError: a number out of its range.
  """
  if k < 1 or k_every < 0 or k_max < 0 or not 0. <= k_share <= 1.:
    raise UserError(
        f'sample_differences: k={k}, k_every={k_every}, k_max={k_max}, '
        f'k_share={k_share}; k >= 1, k_every >= 0, k_max >= 0 and k_share in '
        '[0, 1] would be right')
  first = round(k_share * n) if k_share else k
  grown = step // k_every if k_every else 0
  return jnp.clip(first + grown, 1, min(k_max or n, n))


def highest(scores, k):
  """[n] -> which are the k (traced) highest, [n] bool; the first of equals."""
  rank = jnp.argsort(jnp.argsort(-scores, stable=True))
  return rank < k


def nearest(points, among):
  """[n, d], [m, d] -> [n] int, the row of `among` with the least distance."""
  points, among = jax.lax.stop_gradient((points, among))
  # |x - y|^2 less |x|^2, by a matrix product: [n, m, d] differences cost more
  # than a critic's forward. Accelerators would round its inputs to 10 bits.
  product = jnp.matmul(points, among.T, precision='highest')
  return jnp.argmin(jnp.sum(among**2, 1) - 2. * product, 1)


def features(blocks, *, layers=(), aggregate='max', norm='l2_squared'):
  """Block outputs, [b, h_i, w_i, c_i] or trees of such -> [b, sum of c_i].

  Each block is pooled over its pixels and scaled; arguments as of `penalty`.

  Raises:
    UserError: an unknown name, or a block that is not there.
  """
  pool = _choose('aggregate', aggregate, _AGGREGATE)
  scale = _choose('norm', norm, _NORM)
  for i in layers or (0,):
    if not 0 <= i < len(blocks):
      raise UserError(
          f'sample_differences: block {i} of layers={layers}, and the '
          f'discriminator shows {len(blocks)} blocks; '
          + (f'0 to {len(blocks) - 1} would be right' if blocks
             else "terms='score' would be right"))
  chosen = [blocks[i] for i in layers] if layers else blocks
  return jnp.concatenate([
      scale(jnp.concatenate([pool(x) for x in jax.tree.leaves(block)], 1))
      for block in chosen], 1)


def largest(x):
  """[b, h, w, c] -> [b, c] float32, the first of equals has the gradient.

  Chosen by select: see layers.resize.downsample_max.
  """
  x = x.reshape(x.shape[0], -1, x.shape[3])
  while x.shape[1] > 1:
    half = x.shape[1] // 2
    a, b, rest = jnp.split(x, (half, 2 * half), 1)
    x = jnp.concatenate([jnp.where(b > a, b, a), rest], 1)
  return x[:, 0].astype(jnp.float32)


def _unit(v):
  """[b, c] -> the same of length 1, with a slope of 0 at 0."""
  square = jnp.sum(v**2, 1, keepdims=True)
  zero = square == 0.  # where the root's slope is infinite
  length = jnp.where(zero, 0., jnp.sqrt(jnp.where(zero, 1., square)))
  return v / (length + _EPS)


def _choose(key, name, known):
  """known[name]; refuses a name that is not in it."""
  if name not in known:
    raise UserError(f"sample_differences: no {key} '{name}': "
                    f'{lookup.nearest(name, known)}')
  return known[name]


_EPS = 1e-8
_AGGREGATE = {'max': largest,
              'mean': lambda x: jnp.mean(x, (1, 2), dtype=jnp.float32)}
_NORM = {'l2_squared': lambda v: v / (jnp.sum(v**2, 1, keepdims=True) + _EPS),
         'l2': _unit,
         'none': lambda v: v}
_REDUCTION = {'mean': lambda value, n: value, 'sum': lambda value, n: value / n}
_SELECT = {'top': lambda scores, k, rng: highest(scores, k),
           'random': lambda scores, k, rng: highest(
               jax.random.uniform(rng, scores.shape), k),
           'all': lambda scores, k, rng: jnp.ones_like(scores, bool)}
