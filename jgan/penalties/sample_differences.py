"""Sample differences penalization, GAN-SDP (Zhang, Li, Li, Zhou and Chen,
'Reducing differences between real and realistic samples to improve GANs').

The k generated images g with the highest D scores count as realistic. Each is
paired with its nearest real image x of the batch, and both players minimise

  weight * E[(D(g) - D(x))^2 + sum_j |f_j(g) - f_j(x)|^2]

over these pairs: D should not distinguish them, G should move g closer to x.
f_j is the output of D's j-th block, pooled over the image and normalised. k
grows by one every k_every generator steps; before step `start` the penalty is
0.

In D's update the gradient goes through D(g) and D(x), in G's update only
through g. The selection and the pairing have no gradient and are repeated at
every update. The paper's Algorithm 1 makes them once, for both players, before
D's update: that is reselect=False, and config.gen_noise='shared', because the
fakes of G's update then have to be those of D's.
"""
import functools

import jax
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.ops import collectives

PAIRED = True

_choice = functools.partial(lookup.choice, 'sample_differences')

_PLAYERS = {'both': ('disc', 'gen'), 'disc': ('disc',), 'gen': ('gen',)}
_TERMS = {'both': ('score', 'feature'), 'score': ('score',),
          'feature': ('feature',)}


def penalty(player, play, *, weight=.01, k=5, k_every=5000, k_max=0, k_share=0.,
            start=3000, players='both', selection='top', reselect=True,
            space='pixel', terms='both', layers=(), aggregate='max',
            norm='l2_squared', reduction='mean'):
  """Play -> scalar >= 0, of the global batch, the same on all devices.

  If D has several outputs, images are ranked by their sum, and the squared
  differences are summed.

  Args:
    player: 'disc' or 'gen', the player of this update.
    weight: the paper's lambda.
    k: initial number of fakes that count as realistic.
    k_every: generator steps, from step 0 on, after which k grows by one; 0: k
      is constant.
    k_max: maximum of k; 0: the batch size.
    k_share: initial k as a fraction of the batch, instead of `k`; 0: `k`.
    start: the first generator step with the penalty, the paper's t.
    players: both | disc | gen, the losses with the penalty. With 'disc', D
      still reads real images in the generator's update, which affects its
      batch statistics.
    selection: top | random | all; 'all' selects all fakes and ignores k.
    reselect: False: in G's update, the selection and the pairs of D's last.
    space: pixel | feature, the space of the nearest-neighbour search; the
      latter is that of the f_j.
    terms: both | score | feature.
    layers: indices j of the blocks, from 0; (): all.
    aggregate: max | mean over the pixels of a block's output.
    norm: f = v / |v|^2 as printed (l2_squared), v / |v| (l2) or v (none). As
      printed, f shrinks as v grows.
    reduction: mean | sum: whether the adversarial loss of the paper is read as
      a mean or, as printed, as a sum. jgan's is a mean, so 'sum' divides the
      penalty by the batch size.

  Raises:
    UserError: an unknown name, a number out of its range, a block that D does
      not have, or reselect=False where G's update has fakes of its own.
  """
  acts_on = _choice('players', players, _PLAYERS)
  compared = _choice('terms', terms, _TERMS)
  select = _choice('selection', selection, _SELECT)
  reduce = _choice('reduction', reduction, _REDUCTION)
  flat = lambda x: x.reshape(len(x), -1)
  vectors = {'score': lambda view: flat(view.logits),
             'feature': lambda view: features(view.features, layers=layers,
                                              aggregate=aggregate, norm=norm)}
  embed = _choice('space', space, {'pixel': lambda view: flat(view.image),
                                   'feature': vectors['feature']})
  gather = functools.partial(collectives.gather, axis_name=play.axis_name)
  realistic = functools.partial(schedule, k=k, k_every=k_every, k_max=k_max,
                                k_share=k_share)
  if player not in acts_on:
    return jnp.float32(0.)
  fake, real = play.fake, play.real
  again = player == 'gen' and not reselect
  if again and not play.before:
    raise UserError("sample_differences: reselect=False, and G's update has "
                    "other fakes than D's: config.gen_noise='shared' would be "
                    'right')
  if player == 'gen':
    real = jax.lax.stop_gradient(real)

  def value_at_step():
    outputs = lambda view: gather(
        jnp.concatenate([vectors[term](view) for term in compared], 1))
    among, candidates = play.before() if again else (real, fake)
    scores = jax.lax.stop_gradient(gather(vectors['score'](candidates)).sum(1))
    selected = select(scores, realistic(play.step, len(scores)), play.rng)
    partner = gather(nearest(embed(candidates), gather(embed(among))))
    difference = jnp.sum((outputs(fake) - outputs(real)[partner])**2, 1)
    value = jnp.sum(jnp.where(selected, difference, 0.)) / jnp.sum(selected)
    return weight * reduce(value, len(scores))

  # Before `start` the loss is bit for bit the one without the penalty.
  return jax.lax.cond(play.step >= start, value_at_step,
                      lambda: jnp.float32(0.))


discriminator = functools.partial(penalty, 'disc')
generator = functools.partial(penalty, 'gen')


def schedule(step, n, *, k=5, k_every=5000, k_max=0, k_share=0.):
  """k, the number of n fakes that count as realistic at a (traced) step.

  Arguments as in `penalty`.

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
  """Mask of the k (traced) highest scores, first of equals: [n] -> [n] bool."""
  rank = jnp.argsort(jnp.argsort(-scores, stable=True))
  return rank < k


def nearest(points, among):
  """Index of the nearest row of `among`: [n, d], [m, d] -> [n] int."""
  points, among = jax.lax.stop_gradient((points, among))
  # |x - y|^2 - |x|^2 by a matrix product: [n, m, d] differences would cost more
  # than a critic's forward pass. By default accelerators round the inputs of
  # the product to 10 bits.
  product = jnp.matmul(points, among.T, precision='highest')
  return jnp.argmin(jnp.sum(among**2, 1) - 2. * product, 1)


def features(blocks, *, layers=(), aggregate='max', norm='l2_squared'):
  """Block outputs, [b, h_i, w_i, c_i] or trees of them -> [b, sum of c_i].

  Each block is pooled over its pixels and normalised; arguments as in
  `penalty`.

  Raises:
    UserError: an unknown name, or a block that does not exist.
  """
  pool = _choice('aggregate', aggregate, _AGGREGATE)
  scale = _choice('norm', norm, _NORM)
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
  """Global max pooling: [b, h, w, c] -> [b, c] float32.

  Of equal pixels the first gets the gradient. Computed by selects, for the
  reason in layers.resize.downsample_max.
  """
  x = x.reshape(x.shape[0], -1, x.shape[3])
  while x.shape[1] > 1:
    half = x.shape[1] // 2
    a, b, rest = jnp.split(x, (half, 2 * half), 1)
    x = jnp.concatenate([jnp.where(b > a, b, a), rest], 1)
  return x[:, 0].astype(jnp.float32)


def _unit(v):
  """Scales vectors [b, c] to length 1, with a gradient of 0 at 0."""
  square = jnp.sum(v**2, 1, keepdims=True)
  zero = square == 0.  # where the derivative of the root is infinite
  length = jnp.where(zero, 0., jnp.sqrt(jnp.where(zero, 1., square)))
  return v / (length + _EPS)


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
