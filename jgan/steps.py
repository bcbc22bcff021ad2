"""One step of the game, as pure functions: usable by the loop or by hand.

  state, metrics = gan_step(state, batch, rng, models=..., loss=..., ...)

Arrays come by position, statics by keyword, bound once with functools.partial.
With axis_name=None the arrays are the whole batch; with a name they are one
device's shard (ops/collectives.py). Losses always see the whole batch.
"""
import jax
import jax.numpy as jnp
import optax

from jgan.forward import (
    frozen,
    generate,
    images_of,
    judge,
    require_scheduled,
    scheduled,
)
from jgan.ops import collectives, loop
from jgan.optim import masked
from jgan.types import GanState, Network, Play


def distort(rng, images, augment, state):
  """What the discriminator sees of images: each augmentation in its order.

  images: [b, h, w, c], or a tuple of such, which are distorted one by one.
  augment: {name: Augment}.
  """
  if isinstance(images, tuple):
    return tuple(distort(jax.random.fold_in(rng, i), x, augment, state)
                 for i, x in enumerate(images))
  for i, (name, each) in enumerate(augment.items()):
    if each.apply:
      images = each.apply(jax.random.fold_in(rng, i), images,
                          _memory(state, name))
  return images


def traced(loss, state):
  """The state's values of the scalars that this loss takes: {name: scalar}."""
  held = state.extra.get('loss', {})
  return {name: held.get(name, start)
          for name, start in dict(loss.traced).items()}


def arguments(loss, state, rng):
  """All that this loss takes by keyword: what is traced, and a key."""
  return traced(loss, state) | ({'rng': rng} if loss.draws else {})


def penalise(side, penalties, play, state):
  """Evaluates a player's penalties on this shard.

  Returns:
    Their sum, and {name: value}, with {name/what: value} of what a penalty
    remembers, which `remember` puts into the state.
  """
  keys = jax.random.split(play.rng, max(len(penalties), 1))
  total, terms = jnp.float32(0), {}
  for key, (name, penalty) in zip(keys, penalties.items()):
    function = getattr(penalty, side)
    if not function:
      continue
    held = {**dict(penalty.traced),
            **state.extra.get('penalties', {}).get(name, {})}
    value = function(play._replace(rng=key), **held)
    if held:
      value, held = value
    terms |= {name: value, **{f'{name}/{k}': v for k, v in held.items()}}
    total += value
  return total, terms


def remember(state, penalties, metrics):
  """The state with what penalties remember, as `penalise` found it."""
  held = {name: {k: metrics[f'{name}/{k}'] for k in dict(penalty.traced)}
          for name, penalty in penalties.items()
          if any(f'{name}/{k}' in metrics for k in dict(penalty.traced))}
  if not held:
    return state
  return state.replace(extra=state.extra | {
      'penalties': state.extra.get('penalties', {}) | held})


def disc_loss(params, state, real, z, rng, *, models, loss, penalties,
              augment=None, axis_name=None):
  """The discriminator's loss on one batch.

  Args:
    params: of the discriminator.
    state: GanState; its generator makes the fakes, with no gradient.
    real: [b, h, w, c] in [-1, 1].
    z: [b, latent].
    augment: {name: Augment}, of what the discriminator sees; None: nothing.

  Returns:
    The scalar, and (new generator stats, new discriminator stats, metrics).
  """
  augment = augment or {}
  gen_rng, real_rng, fake_rng, rng = jax.random.split(rng, 4)
  keys = jax.random.split(jax.random.fold_in(rng, 1), 4)
  fake, gen_stats = generate(models.gen, state.gen.params, state.gen.stats, z,
                             gen_rng)
  fake = jax.lax.stop_gradient(fake)
  for i, (name, each) in enumerate(augment.items()):
    if each.replace:
      real = each.replace(jax.random.fold_in(keys[0], i), real,
                          _memory(state, name))
  seen = lambda x: distort(keys[1], x, augment, state)
  plain = real
  real, stats = judge(models.disc, params, state.disc.stats, seen(real),
                      real_rng, decode=True)
  fake, stats = judge(models.disc, params, stats,
                      distort(keys[2], fake, augment, state), fake_rng)
  outputs = [collectives.gather(x.logits, axis_name) for x in (real, fake)]
  value = loss.discriminator(*outputs, **arguments(loss, state, keys[3]))
  play = Play(real, fake, frozen(models.disc, params, stats, fake_rng),
              frozen(models.gen, state.gen.params, state.gen.stats, gen_rng),
              z, rng, state.step, axis_name, plain, seen)
  total, terms = penalise('discriminator', penalties, play, state)
  metrics = {'loss': value, 'real': real.logits.mean(),
             'fake': fake.logits.mean(), **terms}
  metrics |= loss.observe(*outputs) if loss.observe else {}
  # How sure D is of the real images: it steers adaptive augmentations.
  metrics |= ({'signs': jnp.mean(jnp.sign(outputs[0]))}
              if any(each.update for each in augment.values()) else {})
  return value + total, (gen_stats, stats, metrics)


def gen_loss(params, state, real, z, rng, *, models, loss, penalties,
             augment=None, axis_name=None):
  """The generator's loss on one batch of noise; as `disc_loss`.

  real: the last real batch, looked at only by paired losses and penalties.

  Returns:
    The scalar, and what `disc_loss` returns beside it and the images made.
  """
  augment = augment or {}
  paired = loss.paired or any(p.paired for p in penalties.values())
  gen_rng, real_rng, fake_rng, rng = jax.random.split(rng, 4)
  keys = jax.random.split(jax.random.fold_in(rng, 1), 3)
  made, gen_stats = generate(models.gen, params, state.gen.stats, z, gen_rng)
  stats = state.disc.stats
  real_view = None
  seen = lambda x: distort(keys[0], x, augment, state)
  if paired:  # a look that leaves no trace in D's statistics
    real_view, _ = judge(models.disc, state.disc.params, stats, seen(real),
                         real_rng)
  fake, stats = judge(models.disc, state.disc.params, stats,
                      distort(keys[1], made, augment, state), fake_rng)
  value = loss.generator(
      collectives.gather(real_view.logits, axis_name) if paired else None,
      collectives.gather(fake.logits, axis_name),
      **arguments(loss, state, keys[2]))
  play = Play(real_view, fake,
              frozen(models.disc, state.disc.params, stats, fake_rng),
              frozen(models.gen, params, state.gen.stats, gen_rng),
              z, rng, state.step, axis_name, real if paired else None, seen)
  total, terms = penalise('generator', penalties, play, state)
  return value + total, (gen_stats, stats, {'loss': value, **terms},
                         images_of(made))


def descend(loss_fn, net, tx, axis_name=None):
  """One optimizer step of one network on `loss_fn(params) -> scalar, aux`.

  Returns the network with new params and opt, aux, and the gradient's norm.
  """
  grads, aux = jax.grad(loss_fn, has_aux=True)(net.params)
  grads = collectives.mean(grads, axis_name)
  updates, opt = tx.update(grads, net.opt, net.params)
  params = optax.apply_updates(net.params, updates)
  return net.replace(params=params, opt=opt), aux, optax.global_norm(grads)


def disc_update(state, real, z, rng, *, models, loss, penalties, tx,
                augment=None, axis_name=None):
  """One update of the discriminator: -> state, metrics."""
  def objective(params):
    return disc_loss(params, state, real, z, rng, models=models, loss=loss,
                     penalties=penalties, augment=augment, axis_name=axis_name)
  disc, (gen_stats, stats, metrics), norm = descend(
      objective, state.disc, tx.disc, axis_name)
  state = state.replace(gen=state.gen.replace(stats=gen_stats),
                        disc=disc.replace(stats=stats))
  count = real.shape[0] * collectives.size(axis_name)
  state = _recall(state, augment, 'update', lambda each, held: each.update(
      held, metrics['signs'], count))
  metrics |= {f'{name}/p': state.extra['augment'][name]['p']
              for name, each in (augment or {}).items() if each.update}
  return (remember(state, penalties, metrics),
          {**metrics, 'grad_norm': norm, **masked.report(disc.opt)})


def gen_update(state, real, z, rng, *, models, loss, penalties, tx,
               augment=None, axis_name=None):
  """One update of the generator: -> state, metrics."""
  def objective(params):
    return gen_loss(params, state, real, z, rng, models=models, loss=loss,
                    penalties=penalties, augment=augment, axis_name=axis_name)
  gen, (gen_stats, stats, metrics, made), norm = descend(
      objective, state.gen, tx.gen, axis_name)
  state = state.replace(gen=gen.replace(stats=gen_stats),
                        disc=state.disc.replace(stats=stats))
  state = _recall(state, augment, 'remember',
                  lambda each, held: each.remember(held, made))
  return (remember(state, penalties, metrics),
          {**metrics, 'grad_norm': norm, **masked.report(gen.opt)})


def average(ema, gen, step, *, decay, rampup=0., stats=False):
  """Moves the averaged generator towards the trained one.

  decay: per generator step; 0 copies. rampup > 0 keeps the half-life below
    rampup * step, so that early averages forget the random start (Karras et
    al., 2020). stats: average the batch statistics too; all else of the
    statistics is copied.

  While masks hold weights of the generator at zero, so they do here.
  """
  if not decay:
    return Network(gen.params, gen.stats)
  if rampup:
    half_life = jnp.minimum(jnp.log(.5) / jnp.log(decay),
                            rampup * (step + 1.))
    decay = jnp.exp2(-1. / half_life)
  lerp = lambda old, new: jax.tree.map(
      lambda a, b: b + (a - b) * jnp.asarray(decay, b.dtype), old, new)
  kept = {name: lerp(ema.stats[name], new)
          if stats and name == 'batch_stats' else new
          for name, new in gen.stats.items()}
  return Network(lerp(masked.sparse(ema.params, gen.opt), gen.params), kept)


def gan_step(state, batch, rng, *, models, loss, penalties, tx, prepare, ema,
             gen_batch, augment=None, schedule=None, axis_name=None,
             unroll=True):
  """One generator step after as many discriminator steps as the batch holds.

  Args:
    state: GanState.
    batch: Batch, 'image': [critics, b, h, w, c]; with 'z' and 'z_gen' the
      noise is given, else drawn from `rng` with dimension models.gen.latent.
    rng: a key; it decides all randomness of the step.
    models: Pair of linen modules.
    loss: Loss.
    penalties: {name: Penalty}.
    tx: Pair of optax transformations.
    prepare: (rng, images [b, h, w, c]) -> float32 images in [-1, 1].
    ema: (ema, gen, step) -> ema.
    gen_batch: fakes of the generator's update over all devices, 0 for as
      many as the discriminator's.
    augment: {name: Augment} of what the discriminator sees, or None.
    schedule: step -> ({name: scalar} of both players' scheduled variables,
      the same for the averaged generator), or None.
    axis_name: the device axis, None when the batch is whole.
    unroll: unroll the loop over critics, as suits a CPU (ops/loop.py);
      elsewhere False compiles faster.

  Returns:
    The new state, and metrics averaged over devices ('disc/loss', ...) of the
    last discriminator update and of the generator's.
  """
  parts = dict(models=models, loss=loss, penalties=penalties, tx=tx,
               augment=augment, axis_name=axis_name)
  now, sampled = schedule(state.step) if schedule else ({}, {})
  require_scheduled(state, now)
  state = state.replace(gen=scheduled(state.gen, now),
                        disc=scheduled(state.disc, now))
  normal = lambda key, n: collectives.draw(
      jax.random.normal, key, (n, models.gen.latent), axis_name)
  images = batch['image']
  critics, b = images.shape[:2]
  image_rng, disc_rng, gen_rng = jax.random.split(rng, 3)
  real = jax.vmap(prepare)(jax.random.split(image_rng, critics), images)

  def critic(state, turn):
    z_key, key = jax.random.split(turn['key'])
    z = turn['z'] if 'z' in turn else normal(z_key, b)
    return disc_update(state, turn['real'], z, key, **parts)

  turns = {'real': real, 'key': jax.random.split(disc_rng, critics)}
  if 'z' in batch:
    turns['z'] = batch['z']
  state, disc_metrics = loop.scan(critic, state, turns, unroll=unroll)

  z_key, key = jax.random.split(gen_rng)
  mine = gen_batch // collectives.size(axis_name) if gen_batch else b
  z = batch['z_gen'] if 'z_gen' in batch else normal(z_key, mine)
  state, gen_metrics = gen_update(state, real[-1], z, key, **parts)
  averaged = scheduled(ema(state.ema, state.gen, state.step), sampled)
  state = state.replace(ema=averaged, step=state.step + 1)
  metrics = {f'disc/{k}': v[-1] for k, v in disc_metrics.items()}
  metrics |= {f'gen/{k}': v for k, v in gen_metrics.items()}
  metrics |= {f'loss/{k}': v for k, v in traced(loss, state).items()}
  metrics |= {f'schedule/{k}': jnp.float32(v) for k, v in now.items()}
  return state, collectives.mean(metrics, axis_name)


def gan_init(rng, batch, *, models, tx, extra=None):
  """The state before the first step.

  Args:
    rng: a key.
    batch: Batch; only the shape of its images is looked at.
    models, tx: as in `gan_step`.
    extra: dict of scalars, the state's `extra` as it begins.
  """
  gen_rng, disc_rng = jax.random.split(rng)
  image = jnp.zeros((1, *batch['image'].shape[-3:]), jnp.float32)
  z = jnp.zeros((1, models.gen.latent), jnp.float32)
  networks = []
  for key, model, transform, x in ((gen_rng, models.gen, tx.gen, z),
                                   (disc_rng, models.disc, tx.disc, image)):
    stats = dict(model.init(key, x, True))
    params = stats.pop('params')
    for sown in ('features', 'decoded'):
      stats.pop(sown, None)
    networks.append(Network(params, stats, transform.init(params)))
  gen, disc = networks
  ema = jax.tree.map(jnp.copy, Network(gen.params, gen.stats))
  extra = jax.tree.map(jnp.asarray, extra or {})
  return GanState(jnp.int32(0), gen, disc, ema, extra)


def _memory(state, name):
  """What an augmentation remembers."""
  return state.extra.get('augment', {}).get(name, {})


def _recall(state, augment, slot, change):
  """The state with the memories of all augmentations that fill a slot.

  change: (Augment, its memory) -> its memory.
  """
  found = {name: change(each, _memory(state, name))
           for name, each in (augment or {}).items() if getattr(each, slot)}
  if not found:
    return state
  held = {**state.extra['augment'], **found}
  return state.replace(extra={**state.extra, 'augment': held})
