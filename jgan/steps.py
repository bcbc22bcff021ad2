"""One training step of a GAN as pure functions, for the loop or a notebook.

  state, metrics = gan_step(state, batch, rng, models=..., loss=..., ...)

Arrays are positional arguments. Static arguments are keywords, which are bound
once by functools.partial. With axis_name=None the arrays are the whole batch,
with a name they are the shard of one device (ops/collectives.py). Losses are
computed on the whole batch in both cases.
"""
import functools
import math

import jax
import jax.numpy as jnp
import optax

from jgan import augmenting, regularise
from jgan.forward import (
    frozen,
    generate,
    images_of,
    inputs,
    judge,
    labelled,
    require_scheduled,
    scheduled,
    unlabelled,
)
from jgan.ops import collectives, loop, ramp
from jgan.optim import masked, named
from jgan.regularise import penalise, remember
from jgan.types import NO_LABELS, GanState, Network, Pair, Play


def traced(loss, state):
  """The current values of the loss's traced scalars: {name: scalar}."""
  values = state.extra.get('loss', {})
  return {name: values.get(name, start)
          for name, start in dict(loss.traced).items()}


def arguments(loss, state, rng):
  """Keyword arguments of the loss: traced scalars, and a key if it draws."""
  return traced(loss, state) | ({'rng': rng} if loss.draws else {})


def disc_loss(params, state, real, z, rng, labels=NO_LABELS, *, models, loss,
              penalties, augment=None, axis_name=None):
  """The discriminator's loss on one batch.

  Args:
    params: of the discriminator.
    state: GanState; fakes are made by its generator, without gradient.
    real: [b, h, w, c] in [-1, 1].
    z: [b, latent].
    labels: Labels of `real` and of the fakes.
    augment: {name: Augment} for the discriminator's inputs, or None.

  Returns:
    The loss, and (new generator stats, new discriminator stats, metrics).
  """
  augment = augment or {}
  gen_rng, real_rng, fake_rng, rng = jax.random.split(rng, 4)
  keys = jax.random.split(jax.random.fold_in(rng, 1), 4)
  fake, gen_stats = generate(models.gen, state.gen.params, state.gen.stats, z,
                             gen_rng, labels.fake)
  fake = jax.lax.stop_gradient(fake)
  for i, (name, each) in enumerate(augment.items()):
    if each.replace:
      real, real_labels = unlabelled(each.replace(
          jax.random.fold_in(keys[0], i), labelled(real, labels.real),
          augmenting.memory(state, name)))
      labels = labels._replace(real=real_labels)
  augmented = lambda x: augmenting.distort(keys[1], x, augment, state)
  augmented_fake = lambda x: augmenting.distort(keys[2], x, augment, state)
  unaugmented, made = real, fake
  real, stats = judge(models.disc, params, state.disc.stats, augmented(real),
                      real_rng, labels.real, decode=True)
  fake, stats = judge(models.disc, params, stats,
                      augmented_fake(fake), fake_rng, labels.fake)
  outputs = [collectives.gather(x.logits, axis_name) for x in (real, fake)]
  value = loss.discriminator(*outputs, **arguments(loss, state, keys[3]))
  play = Play(
      real=real, fake=fake, disc=frozen(models.disc, params, stats, fake_rng),
      gen=frozen(models.gen, state.gen.params, state.gen.stats, gen_rng),
      z=z, rng=rng, step=state.step, axis_name=axis_name, plain=unaugmented,
      seen=augmented, plain_fake=made, seen_fake=augmented_fake)
  total, terms = penalise('discriminator', penalties, play, state)
  metrics = {'loss': value, 'real': real.logits.mean(),
             'fake': fake.logits.mean(), **terms}
  metrics |= loss.observe(*outputs) if loss.observe else {}
  # How confident D is on real images: the input of adaptive augmentations.
  metrics |= ({'signs': jnp.mean(jnp.sign(outputs[0]))}
              if any(each.update for each in augment.values()) else {})
  return value + total, (gen_stats, stats, metrics)


def gen_loss(params, state, real, z, rng, labels=NO_LABELS, *, models, loss,
             penalties, augment=None, axis_name=None, before=None):
  """The generator's loss on one batch of noise.

  Arguments as in `disc_loss`, with `params` of the generator. `real`, the last
  real batch, is used by paired losses and penalties only.

  before: Pair of the Networks before the last discriminator update, of which
    these `real`, z and rng are: the fakes are the same images again, and count
    in the generator's statistics once. None: the fakes are others.

  Returns:
    The loss, and (new generator stats, new discriminator stats, metrics,
    generated images, with their labels if they have some).
  """
  augment = augment or {}
  paired = loss.paired or any(p.paired for p in penalties.values())
  gen_rng, real_rng, fake_rng, rng = jax.random.split(rng, 4)
  keys = jax.random.fold_in(rng, 1)
  # The last three of the discriminator's update, to distort as there.
  keys = jax.random.split(keys, 4)[1:] if before else jax.random.split(keys, 3)
  start = (before or state).gen.stats
  output, gen_stats = generate(models.gen, params, start, z, gen_rng,
                               labels.fake)
  augmented = lambda x: augmenting.distort(keys[0], x, augment, state)
  augmented_fake = lambda x: augmenting.distort(keys[1], x, augment, state)
  shown = augmented_fake(output)

  def views(disc, paired, real_stats):
    """Views of real (None if not paired) and fake, and statistics of D.

    The last is how the fake was looked at: D's inputs -> View, statistics.
    """
    stats, real_view = disc.stats, None
    if paired:
      real_view, moved = judge(models.disc, disc.params, stats,
                               augmented(real), real_rng, labels.real)
      stats = moved if real_stats else stats
    look = lambda images: judge(models.disc, disc.params, stats, images,
                                fake_rng, labels.fake)
    return real_view, *look(shown), look

  real_view, fake, stats, look = views(state.disc, paired, loss.real_stats)
  value = loss.generator(
      collectives.gather(real_view.logits, axis_name) if paired else None,
      collectives.gather(fake.logits, axis_name),
      **arguments(loss, state, keys[2]))
  play = Play(
      real=real_view, fake=fake,
      disc=frozen(models.disc, state.disc.params, stats, fake_rng),
      gen=frozen(models.gen, params, start, gen_rng), z=z, rng=rng,
      step=state.step, axis_name=axis_name, plain=real if paired else None,
      seen=augmented,
      before=before and (lambda: views(before.disc, True, True)[:2]),
      plain_fake=output, seen_fake=augmented_fake, noise=gen_rng,
      look=lambda x: look(x)[0])
  total, terms = penalise('generator', penalties, play, state)
  return value + total, (gen_stats, stats, {'loss': value, **terms},
                         labelled(images_of(output), labels.fake))


def descend(loss_fn, net, tx, axis_name=None):
  """One optimizer step of one network on `loss_fn(params) -> scalar, aux`.

  Returns:
    The network with new params and opt, aux, and the norm of the gradient.
  """
  grads, aux = jax.grad(loss_fn, has_aux=True)(net.params)
  grads = collectives.mean(grads, axis_name)
  updates, opt = tx.update(grads, net.opt, net.params)
  params = optax.apply_updates(net.params, updates)
  return net.replace(params=params, opt=opt), aux, optax.global_norm(grads)


def disc_update(state, real, z, rng, labels=NO_LABELS, *, models, loss,
                penalties, tx, augment=None, axis_name=None):
  """One update of the discriminator: -> state, metrics.

  Penalties that are apart follow in updates of their own (regularise.py).
  """
  state = regularise.inform(state, penalties)
  joined, apart = regularise.split(penalties, 'disc')

  def objective(params, state=state, z=z, rng=rng, loss=loss,
                penalties=joined):
    return disc_loss(params, state, real, z, rng, labels, models=models,
                     loss=loss, penalties=penalties, augment=augment,
                     axis_name=axis_name)

  disc, (gen_stats, stats, metrics), norm = descend(
      objective, state.disc, tx.disc, axis_name)
  state = state.replace(gen=state.gen.replace(stats=gen_stats),
                        disc=disc.replace(stats=stats))
  count = real.shape[0] * collectives.size(axis_name)
  state = augmenting.update(
      state, augment, 'update',
      lambda each, memory: each.update(memory, metrics['signs'], count))
  metrics |= {f'{name}/p': state.extra['augment'][name]['p']
              for name, each in (augment or {}).items() if each.update}
  state, terms = regularise.update(
      'disc', apart, remember(state, joined, metrics), z,
      jax.random.fold_in(rng, 2), objective=objective, tx=tx.disc,
      axis_name=axis_name)
  return state, {**metrics, **terms, 'grad_norm': norm,
                 **masked.report(disc.opt)}


def gen_update(state, real, z, rng, labels=NO_LABELS, *, models, loss,
               penalties, tx, augment=None, axis_name=None, before=None):
  """One update of the generator, as `disc_update`: -> state, metrics.

  before: as in `gen_loss`.
  """
  joined, apart = regularise.split(penalties, 'gen')

  def objective(params, state=state, z=z, rng=rng, loss=loss,
                penalties=joined, before=None):
    return gen_loss(params, state, real, z, rng, labels, models=models,
                    loss=loss, penalties=penalties, augment=augment,
                    axis_name=axis_name, before=before)

  gen, (gen_stats, stats, metrics, images), norm = descend(
      functools.partial(objective, before=before), state.gen, tx.gen, axis_name)
  state = state.replace(gen=gen.replace(stats=gen_stats),
                        disc=state.disc.replace(stats=stats))
  state = augmenting.update(
      state, augment, 'remember',
      lambda each, memory: each.remember(memory, images))
  state, terms = regularise.update(
      'gen', apart, remember(state, joined, metrics), z,
      jax.random.fold_in(rng, 3), objective=objective, tx=tx.gen,
      axis_name=axis_name)
  return state, {**metrics, **terms, 'grad_norm': norm,
                 **masked.report(gen.opt)}


def average(ema, gen, step, *, decay, rampup=0., stats=False, end=0.):
  """Exponential moving average (EMA) of the generator: -> Network.

  Masks of the generator's optimizer are applied to the average too. It is of
  the optimizer's own averages, if that has them (optim/named.py).

  Args:
    ema: the average, a Network.
    gen: the trained generator, a Network.
    step: generator step.
    decay: per generator step; 0 copies the trained generator.
    rampup: if > 0, the half-life is at most rampup * step, so that early
      averages forget the random initialization (Karras et al., 2020).
    stats: average the batch statistics too; all other statistics are copied.
    end: generator steps in which the half-life rises from 0, by half a cosine
      wave, to that of `decay`; 0: it is that from the start.
  """
  current = named.weights(gen.params, gen.opt)
  if not decay:
    return Network(current, gen.stats)
  half_life = math.log(.5) / math.log(decay)
  if end:
    half_life = ramp.cosine(step, end, 0., half_life)
  if rampup:
    half_life = jnp.minimum(half_life, rampup * (step + 1.))
  if end or rampup:
    decay = jnp.exp2(-1. / jnp.maximum(half_life, 1e-8))
  lerp = lambda old, new: jax.tree.map(
      lambda a, b: b + (a - b) * jnp.asarray(decay, b.dtype), old, new)
  new_stats = {name: lerp(ema.stats[name], new)
               if stats and name == 'batch_stats' else new
               for name, new in gen.stats.items()}
  params = lerp(masked.sparse(ema.params, gen.opt), current)
  return Network(params, new_stats)


def gan_step(state, batch, rng, *, models, loss, penalties, tx, prepare, ema,
             gen_batch, labels_of=None, share_noise=False, augment=None,
             schedule=None, axis_name=None, unroll=True):
  """One discriminator step per batch of images, then one generator step.

  Args:
    state: GanState.
    batch: Batch, 'image': [critics, b, h, w, c]; 'z' and 'z_gen' are the noise
      if present, else it is drawn with dimension models.gen.latent. 'label':
      [critics, b], the classes of the images, with `labels_of`.
    rng: the key of all randomness in the step.
    models: Pair of linen modules.
    loss: Loss.
    penalties: {name: Penalty}.
    tx: Pair of optax transformations.
    prepare: (rng, images [b, h, w, c]) -> float32 images in [-1, 1].
    ema: (ema, gen, step) -> ema.
    gen_batch: number of fakes in the generator's update over all devices, 0
      for the discriminator's batch size.
    labels_of: (rng, labels of the reals, number of fakes of this shard) ->
      Labels of an update (jgan/classes.py); None without classes.
    share_noise: the generator's update has the fakes of the last discriminator
      update (`before` in `gen_loss`) instead of new ones; 'z_gen' is not used.
    augment: {name: Augment} for the discriminator's inputs, or None.
    schedule: step -> ({name: scalar} of both players' scheduled variables,
      {name: scalar} for the averaged generator), or None.
    axis_name: the device axis, None for the whole batch.
    unroll: unroll the loop over critics, which is faster on a CPU
      (ops/loop.py); False compiles faster.

  Returns:
    The new state, and metrics averaged over devices ('disc/loss', ...) of the
    last discriminator update and of the generator update.
  """
  parts = dict(models=models, loss=loss, penalties=penalties, tx=tx,
               augment=augment, axis_name=axis_name)
  training, sampling = schedule(state.step) if schedule else ({}, {})
  require_scheduled(state, training)
  state = state.replace(gen=scheduled(state.gen, training),
                        disc=scheduled(state.disc, training))
  normal = lambda key, n: collectives.draw(
      jax.random.normal, key, (n, models.gen.latent), axis_name)
  images = batch['image']
  critics, b = images.shape[:2]
  image_rng, disc_rng, gen_rng = jax.random.split(rng, 3)
  real = jax.vmap(prepare)(jax.random.split(image_rng, critics), images)
  told = lambda key, label, n: (labels_of(key, label, n) if labels_of
                                else NO_LABELS)

  def critic(state, turn):
    z_key, key = jax.random.split(turn['key'])
    z = turn['z'] if 'z' in turn else normal(z_key, b)
    labels = told(z_key, turn.get('label'), b)
    before = Pair(*(net.replace(opt=()) for net in (state.gen, state.disc)))
    state, metrics = disc_update(state, turn['real'], z, key, labels, **parts)
    return state, (metrics, (before, z, key, labels) if share_noise else None)

  turns = {'real': real, 'key': jax.random.split(disc_rng, critics)}
  turns |= {name: batch[name] for name in ('z', 'label') if name in batch}
  state, ends = loop.scan(critic, state, turns, unroll=unroll)
  disc_metrics, last = jax.tree.map(lambda x: x[-1], ends)

  if last:
    before, z, key, labels = last
  else:
    before, (z_key, key) = None, jax.random.split(gen_rng)
    count = gen_batch // collectives.size(axis_name) if gen_batch else b
    z = batch['z_gen'] if 'z_gen' in batch else normal(z_key, count)
    labels = told(z_key, batch['label'][-1] if labels_of else None, count)
  state, gen_metrics = gen_update(state, real[-1], z, key, labels,
                                  before=before, **parts)
  averaged = scheduled(ema(state.ema, state.gen, state.step), sampling)
  state = state.replace(ema=averaged, step=state.step + 1)
  metrics = {f'disc/{k}': v for k, v in disc_metrics.items()}
  metrics |= {f'gen/{k}': v for k, v in gen_metrics.items()}
  metrics |= {f'loss/{k}': v for k, v in traced(loss, state).items()}
  metrics |= {f'schedule/{k}': jnp.float32(v) for k, v in training.items()}
  return state, collectives.mean(metrics, axis_name)


def gan_init(rng, batch, *, models, tx, extra=None):
  """The state before the first step.

  Args:
    rng: a key.
    batch: Batch; only the shape of its images is used.
    models, tx: as in `gan_step`.
    extra: dict, the initial `extra` of the state.
  """
  gen_rng, disc_rng = jax.random.split(rng)
  image = jnp.zeros((1, *batch['image'].shape[-3:]), jnp.float32)
  z = jnp.zeros((1, models.gen.latent), jnp.float32)
  networks = []
  for key, model, transform, x in ((gen_rng, models.gen, tx.gen, z),
                                   (disc_rng, models.disc, tx.disc, image)):
    x, *labels = inputs(model, x)
    stats = dict(model.init(key, x, True, *labels))
    params = stats.pop('params')
    for sown in ('features', 'decoded'):
      stats.pop(sown, None)
    networks.append(Network(params, stats, transform.init(params)))
  gen, disc = networks
  ema = jax.tree.map(jnp.copy, Network(gen.params, gen.stats))
  extra = jax.tree.map(jnp.asarray, extra or {})
  return GanState(jnp.int32(0), gen, disc, ema, extra)
