"""Differentiable architecture search of both players (AdversarialNAS: Gao et
al., 2020), with any loss for the weights. The repulsive MMD loss makes it
MMD-AdversarialNAS (Pulakurthi et al., 2024).

For each batch of the discriminator, a step updates D's architecture on one
half of the batch, then D's weights on the other half. Then it updates G's
architecture and G's weights.
"""
import functools

import jax
import jax.numpy as jnp

from jgan import build, forward, labelling, lookup, steps
from jgan.errors import UserError
from jgan.methods import _search
from jgan.ops import collectives, loop
from jgan.types import NO_LABELS, Loss, Method


def make(config, shape, *, axis_name=None, arch_loss='hinge', arch_lr=3e-4,
         arch_b1=.5, arch_b2=.999, arch_weight_decay=1e-4, hot=5., cold=.1,
         epochs=125, amend=0., softmax_over_edges=False):
  """Builds the search of super-networks.

  Args:
    config, shape, axis_name: as in every method (methods/adversarial.py).
    arch_loss: loss of the architecture parameters (logits), a name in
      jgan/losses, with its default arguments. The paper says MMD, its code
      uses hinge.
    arch_lr, arch_b1, arch_b2, arch_weight_decay: of Adam for the logits.
    hot, cold, epochs: the temperature decreases from `hot` to `cold` in
      `epochs` stages of equal length.
    amend: weight of the second-order term of the logits' gradient; 0: none.
    softmax_over_edges: derive D as the published code does, with a softmax
      over the wrong axis.

  Returns:
    Method.

  Raises:
    UserError: the models are no super-networks of one space, the space has no
      softmax_over_edges, the batch size is odd, gen_noise is not 'fresh', or
      the temperature cannot fall.
  """
  _search.require_fresh_noise(config)
  models = build.models(config, shape, axis_name=axis_name)
  space = _search.Space(config, models)
  if config.batch % 2:
    raise UserError(f'config.batch={config.batch} is odd: one half of a batch '
                    'trains the weights, the other the architecture')
  if epochs < 1 or not 0. < cold <= hot:
    raise UserError(f'config.method has epochs={epochs}, hot={hot:g} and cold='
                    f'{cold:g}: at least 1, and 0 < cold <= hot, would be '
                    'right')
  module = lookup.find('losses', arch_loss)
  tx = build.optimizers(config)
  arch_tx = _search.optimizer(lr=arch_lr, b1=arch_b1, b2=arch_b2,
                              weight_decay=arch_weight_decay)

  quirks = {'softmax_over_edges': True} if softmax_over_edges else {}

  def heat(step):
    stage = jnp.floor(step / config.steps * epochs)
    return _search.temperature(stage, epochs, hot=hot, cold=cold)

  step = functools.partial(
      search_step, models=models, loss=build.loss(config),
      arch_loss=Loss(module.discriminator, module.generator,
                     getattr(module, 'PAIRED', False),
                     real_stats=config.paired_stats),
      penalties=build.penalties(config, axis_name), tx=tx, arch_tx=arch_tx,
      prepare=build.prepare(config, axis_name), ema=build.ema(config),
      gen_batch=config.gen_batch, augment=build.augment(config, axis_name),
      labels_of=labelling.of_updates(config, axis_name),
      heat=heat, amend=amend, names=space.names,
      axis_name=axis_name, unroll=jax.default_backend() == 'cpu')

  def init(rng, batch):
    state = steps.gan_init(rng, batch, models=models, tx=tx,
                           extra=build.extra(config))
    arch = {'gen': arch_tx.init(state.gen.stats['arch']),
            'disc': arch_tx.init(state.disc.stats['arch'])}
    return state.replace(extra={**state.extra, 'arch': arch})

  return Method(init, step, functools.partial(forward.sample, models.gen),
                models.gen.latent,
                space.search(**quirks))


def search_step(state, batch, rng, *, models, loss, arch_loss, penalties, tx,
                arch_tx, prepare, ema, gen_batch, heat, amend, names,
                labels_of=None, augment=None, axis_name=None, unroll=True):
  """One generator step of the search.

  Even rows of a batch train the weights, odd rows the architecture, where the
  published code uses the first and the second half. With even and odd rows,
  the images do not depend on the number of devices.

  Args:
    arch_loss: Loss of the logits.
    arch_tx: optax transformation for the logits of each player.
    heat: step -> temperature.
    amend: as in _search.descend.
    names: {player: {part of its logits: operations}}.
    All other arguments are as in steps.gan_step.
  """
  parts = dict(models=models, augment=augment, axis_name=axis_name)
  weights = dict(loss=loss, penalties=penalties, tx=tx, **parts)
  logits = dict(loss=arch_loss, penalties={}, **parts)
  normal = lambda key, n: collectives.draw(
      jax.random.normal, key, (n, models.gen.latent), axis_name)
  images = batch['image']
  critics, b = images.shape[:2]
  if b % 2:
    raise UserError(f'{b} images per device and step cannot be halved: '
                    'config.batch must be a multiple of twice the devices')
  image_rng, disc_rng, arch_rng, gen_rng = jax.random.split(rng, 4)
  real = jax.vmap(prepare)(jax.random.split(image_rng, critics), images)
  label = batch['label'] if labels_of else None
  told = lambda key, label, n: (labels_of(key, label, n) if labels_of
                                else NO_LABELS)
  halves = lambda x: (None, None) if x is None else (x[::2], x[1::2])
  temperature = heat(state.step)
  state = state.replace(
      gen=_search.with_arch(state.gen, state.gen.stats['arch'], temperature),
      disc=_search.with_arch(state.disc, state.disc.stats['arch'],
                             temperature))

  def critic(state, turn):
    keys = jax.random.split(turn['key'], 5)
    train, search = halves(turn['real'])
    z = [normal(key, len(train)) for key in keys[:2]]
    labels = [told(key, each, len(train)) for key, each in zip(
        keys, halves(turn.get('label'))[::-1])]
    state, arch_metrics = arch_disc_update(
        state, (search, train), z, keys[2:4], labels, tx=arch_tx, amend=amend,
        **logits)
    state, metrics = steps.disc_update(state, train, z[1], keys[4], labels[1],
                                       **weights)
    return state, {'disc': metrics, 'arch_disc': arch_metrics}

  turns = {'real': real, 'key': jax.random.split(disc_rng, critics),
           **({'label': label} if labels_of else {})}
  state, metrics = loop.scan(critic, state, turns, unroll=unroll)
  metrics = jax.tree.map(lambda m: m[-1], metrics)

  train, search = halves(real[-1])
  train_label, search_label = halves(label[-1] if labels_of else None)
  count = gen_batch // collectives.size(axis_name) if gen_batch else b
  keys = jax.random.split(arch_rng, 4)
  z = [normal(key, count) for key in keys[:2]]
  labels = [told(key, each, count) for key, each in zip(
      keys, (search_label, train_label))]
  state, metrics['arch_gen'] = arch_gen_update(
      state, (search, train), z, keys[2:], labels, tx=arch_tx, amend=amend,
      **logits)
  z_key, key = jax.random.split(gen_rng)
  state, metrics['gen'] = steps.gen_update(
      state, train, normal(z_key, count), key,
      told(z_key, train_label, count), **weights)
  state = state.replace(ema=ema(state.ema, state.gen, state.step),
                        step=state.step + 1)
  metrics = {f'{part}/{k}': v for part, values in metrics.items()
             for k, v in values.items()}
  for player, net in (('generator', state.gen), ('discriminator', state.disc)):
    arch = net.stats['arch']
    metrics |= {f'arch/{player}/{k}': v for k, v in {
        'entropy': _search.entropy(arch),
        **_search.shares(arch, names[player])}.items()}
  metrics |= {'arch/temperature': temperature}
  metrics |= {f'loss/{k}': v for k, v in steps.traced(loss, state).items()}
  return state, collectives.mean(metrics, axis_name)


def arch_disc_update(state, real, z, rng, labels=2 * (NO_LABELS,), *, models,
                     loss, penalties, tx, amend, augment=None, axis_name=None):
  """One update of D's logits: -> state, metrics.

  real, z, rng, labels: pairs, for the search batch and for the training batch.
  """
  def objective(which, arch, params):
    return steps.disc_loss(
        params, state.replace(disc=_search.with_arch(state.disc, arch)),
        real[which], z[which], rng[which], labels[which], models=models,
        loss=loss, penalties=penalties, augment=augment, axis_name=axis_name)

  disc, opt, (gen_stats, stats, metrics) = _search.descend(
      state.disc, state.extra['arch']['disc'], tx,
      functools.partial(objective, 0), train=lambda *a: objective(1, *a)[0],
      amend=amend, axis_name=axis_name)
  return state.replace(
      gen=state.gen.replace(stats=gen_stats),
      disc=disc.replace(stats={**stats, 'arch': disc.stats['arch']}),
      extra=_with(state.extra, 'disc', opt)), {'loss': metrics['loss']}


def arch_gen_update(state, real, z, rng, labels=2 * (NO_LABELS,), *, models,
                    loss, penalties, tx, amend, augment=None, axis_name=None):
  """One update of G's logits; arguments as in `arch_disc_update`."""
  def objective(which, arch, params):
    return steps.gen_loss(
        params, state.replace(gen=_search.with_arch(state.gen, arch)),
        real[which], z[which], rng[which], labels[which], models=models,
        loss=loss, penalties=penalties, augment=augment, axis_name=axis_name)

  gen, opt, (gen_stats, stats, metrics, _) = _search.descend(
      state.gen, state.extra['arch']['gen'], tx,
      functools.partial(objective, 0), train=lambda *a: objective(1, *a)[0],
      amend=amend, axis_name=axis_name)
  return state.replace(
      gen=gen.replace(stats={**gen_stats, 'arch': gen.stats['arch']}),
      disc=state.disc.replace(stats=stats),
      extra=_with(state.extra, 'gen', opt)), {'loss': metrics['loss']}


def _with(extra, player, opt):
  """`extra` with a new optimizer state of a player's logits."""
  return {**extra, 'arch': {**extra['arch'], player: opt}}
