"""alphaGAN: bilevel search by the duality gap (Tian et al., 2020).

With h the discriminator's loss and Gbar, Dbar the best responses of the
players, the outer problem minimises the duality gap
  V(G, D) = h(Gbar, D) - h(G, Dbar)
over the architecture. One outer iteration is a sequence of turns. A turn is
one training step of one of these kinds, each of which is compiled once:

  critic  updates D's weights, on the training share of the images
  both    as critic, then updates G's weights; every critics-th weight step
  stars   resets Gbar and Dbar to copies of the players, with new optimizers
  dbar    updates Dbar's weights against G, on the held-out share
  gbar    updates Gbar's weights against D
  alpha   updates the architecture, on the held-out share
  gap     measures V and both its terms, for the log

The weights of G and D are fixed from `stars` to `gap`; `alpha` updates only
G's batch statistics.
"""
import functools

import jax
import jax.numpy as jnp

from jgan import augmenting, build, forward, labelling, lookup, steps
from jgan.errors import UserError
from jgan.methods import _search
from jgan.methods._game import Game
from jgan.methods._outer import Outer
from jgan.ops import collectives
from jgan.types import Method, Pair

# What updates of Gbar change: (its weights, its architecture).
GBAR = {'weights': (True, False), 'arch': (False, True), 'both': (True, True),
        'none': (False, False)}


def make(config, shape, *, axis_name=None, weight_steps=20, star_steps=20,
         arch_steps=20, off_by_two=False, warmup=0, held=.5, gbar='weights',
         gbar_shares_arch=False, star_halving=0, star_noise=False,
         temperature=.5, arch_lr=3e-4, arch_b1=.5, arch_b2=.999,
         arch_weight_decay=1e-3):
  """Builds the search. A discriminator is searched if it is a super-network.

  Args:
    config, shape, axis_name: as in every method (methods/adversarial.py).
    weight_steps, star_steps, arch_steps, warmup, held: see Outer, whose
      `critics` is config.critics.
    off_by_two: take two more steps of each kind, as the published code does.
    gbar: what updates of Gbar change: weights | arch | both | none.
    gbar_shares_arch: Gbar uses G's architecture parameters, and V has a
      gradient through them; otherwise Gbar has a copy.
    star_halving: number of outer iterations after which the learning rates of
      best responses are halved (30 in the published code); 0: never.
    star_noise: best responses have the players' relaxation, with its noise and
      temperature; otherwise the softmax of the logits, as the published code.
    temperature: of the relaxation.
    arch_lr, arch_b1, arch_b2, arch_weight_decay: of Adam for the architecture.

  Returns:
    Method.

  Raises:
    UserError: the generator is no super-network, or a value is impossible.
  """
  _search.require_fresh_noise(config)
  if gbar not in GBAR:
    raise UserError(f"config.method.gbar is '{gbar}': "
                    f'{lookup.nearest(gbar, GBAR)}')
  counts = {'weight_steps': weight_steps, 'star_steps': star_steps,
            'arch_steps': arch_steps}
  if weight_steps < 1 or min(counts.values()) < 0 or not 0. < held < 1.:
    raise UserError(f'config.method has {counts} and held={held}: at least one '
                    'weight step, and a share in (0, 1) held out, are needed')
  if min(warmup, star_halving) < 0:
    raise UserError(f'config.method has warmup={warmup} and star_halving='
                    f'{star_halving}: outer iterations, 0 for none')
  if not temperature > 0.:
    raise UserError(f'config.method.temperature is {temperature}: above 0 '
                    'would be right')
  if gbar_shares_arch and GBAR[gbar][1]:
    raise UserError(f"config.method has gbar='{gbar}' and gbar_shares_arch="
                    "True: Gbar cannot update parameters that it shares; "
                    "gbar='weights' would be right")
  extra_steps = 2 if off_by_two else 0
  loss, penalties = build.loss(config), build.penalties(config, axis_name)
  outer = Outer(
      weight_steps=weight_steps + extra_steps,
      star_steps=star_steps + extra_steps, arch_steps=arch_steps + extra_steps,
      critics=config.critics, gbar=gbar != 'none', warmup=warmup, held=held,
      paired=loss.paired or any(p.paired for p in penalties.values()))
  models = build.models(config, shape, axis_name=axis_name)
  space = _search.Space(config, models, both=False)
  # Learning rate schedules last for all updates of G in the run.
  updates = max(1, outer.weights(config.steps) // config.critics)
  moves_weights, moves_arch = GBAR[gbar]
  game = Game(
      models=models,
      stars=models if star_noise else _plain(models, space),
      loss=loss, penalties=penalties, augment=build.augment(config, axis_name),
      tx=build.optimizers(config, updates),
      arch_tx=_search.optimizer(lr=arch_lr, b1=arch_b1, b2=arch_b2,
                                weight_decay=arch_weight_decay),
      prepare=build.prepare(config, axis_name), ema=build.ema(config),
      names=space.names, batch=config.batch,
      gen_batch=config.gen_batch or config.batch,
      moves_weights=moves_weights, moves_arch=moves_arch,
      shares=gbar_shares_arch,
      halving=star_halving and outer.steps(star_halving), axis_name=axis_name,
      labels_of=labelling.of_updates(config, axis_name))

  init = functools.partial(alpha_init, game, heat=temperature,
                           extra=build.extra(config))
  turns = {name: functools.partial(_logged, game, turn)
           for name, turn in TURNS.items()}
  return Method(init, turns, functools.partial(forward.sample, models.gen),
                models.gen.latent, space.search(),
                outer.plan)


def alpha_init(game, rng, batch, *, heat, extra):
  """The state before the first step; `extra` as in steps.gan_init.

  The `extra` of the state also has 'stars' (both best responses), 'arch'
  (optimizer states of the logits: gen, disc if D is searched, star for Gbar's
  copy) and 'seen' (the last value of each metric, which every turn logs).

  heat: temperature of the relaxation.
  """
  state = steps.gan_init(rng, batch, models=game.models, tx=game.tx,
                         extra=extra)
  with_heat = lambda net: _search.with_arch(net, net.stats['arch'], heat)
  state = state.replace(gen=with_heat(state.gen), ema=with_heat(state.ema))
  arch = {'gen': game.arch_tx.init(state.gen.stats['arch']),
          'star': game.arch_tx.init(state.gen.stats['arch'])}
  if 'discriminator' in game.names:
    state = state.replace(disc=with_heat(state.disc))
    arch['disc'] = game.arch_tx.init(state.disc.stats['arch'])
  seen = dict.fromkeys(_METRICS, jnp.float32(0))
  copies = jax.tree.map(jnp.copy, {'gen': state.gen, 'disc': state.disc})
  return state.replace(extra={**state.extra, 'arch': arch, 'stars': copies,
                              'seen': seen})


def critic(game, state, batch, rng):
  """One update of D's weights: -> state, metrics."""
  image_rng, z_rng, key = jax.random.split(rng, 3)
  state, metrics = steps.disc_update(
      state, game.real(batch, image_rng), game.noise(z_rng, game.batch), key,
      game.labels(batch, z_rng, game.batch), **game.update(game.models))
  return state, {f'disc/{k}': metrics[k] for k in (
      'loss', 'real', 'fake', 'grad_norm')}


def both(game, state, batch, rng):
  """One update of D's weights, then one of G's."""
  disc_rng, image_rng, z_rng, key = jax.random.split(rng, 4)
  state, metrics = critic(game, state, batch, disc_rng)
  state, gen_metrics = steps.gen_update(
      state, game.real(batch, image_rng), game.noise(z_rng, game.gen_batch),
      key, game.labels(batch, z_rng, game.gen_batch),
      **game.update(game.models))
  state = state.replace(ema=game.ema(state.ema, state.gen, state.step))
  return state, metrics | {f'gen/{k}': gen_metrics[k]
                           for k in ('loss', 'grad_norm')}


def stars(game, state, batch, rng):
  """Resets both best responses to copies of the players."""
  del batch, rng
  fresh = lambda net, tx: net.replace(opt=tx.init(net.params))
  arch = {**state.extra['arch'],
          'star': game.arch_tx.init(state.gen.stats['arch'])}
  return _with(state, arch=arch, stars={
      'gen': fresh(state.gen, game.tx.gen),
      'disc': fresh(state.disc, game.tx.disc)}), {}


def dbar(game, state, batch, rng):
  """One update of Dbar's weights against G."""
  image_rng, z_rng, key = jax.random.split(rng, 3)
  inner, metrics = steps.disc_update(
      state.replace(disc=state.extra['stars']['disc']),
      game.real(batch, image_rng), game.noise(z_rng, game.batch), key,
      game.labels(batch, z_rng, game.batch),
      **game.update(Pair(game.models.gen, game.stars.disc),
                    game.star_tx(state.step)))
  return _with_stars(state, disc=inner.disc), {'dbar/loss': metrics['loss']}


def gbar(game, state, batch, rng):
  """One update of Gbar against D: weights, architecture parameters or both."""
  image_rng, z_rng, key, arch_z, arch_key = jax.random.split(rng, 5)
  real = game.real(batch, image_rng)
  models = Pair(game.stars.gen, game.models.disc)
  star, metrics = _gbar(game, state), {}
  if game.moves_weights:
    inner, terms = steps.gen_update(
        state.replace(gen=star), real, game.noise(z_rng, game.gen_batch), key,
        game.labels(batch, z_rng, game.gen_batch),
        **game.update(models, game.star_tx(state.step)))
    star, metrics = inner.gen, {'gbar/loss': terms['loss']}
  arch = state.extra['arch']
  if game.moves_arch:
    z = game.noise(arch_z, game.gen_batch)
    labels = game.labels(batch, arch_z, game.gen_batch)

    def objective(logits, params):
      return steps.gen_loss(
          params, state.replace(gen=_search.with_arch(star, logits)), real, z,
          arch_key, labels, models=models, loss=game.loss, penalties={},
          augment=game.augment, axis_name=game.axis_name)

    star, opt, (_, _, terms, _) = _search.descend(
        star, arch['star'], game.arch_tx, objective, axis_name=game.axis_name)
    arch, metrics = {**arch, 'star': opt}, {'gbar/loss': terms['loss']}
  return _with(_with_stars(state, gen=star), arch=arch), metrics


def alpha(game, state, batch, rng):
  """One gradient step on V in the architecture; all weights are fixed.

  In V, only -h(G, Dbar) depends on G's logits (and h(Gbar, D) if Gbar shares
  them), and only h(Gbar, D) depends on D's. XLA removes computations that no
  gradient needs: if h is a sum over real and fake images, Dbar is not applied
  to the real ones.
  """
  image_rng, z_rng, gen_key, star_key = jax.random.split(rng, 4)
  real, z = game.real(batch, image_rng), game.noise(z_rng, game.batch)
  labels = game.labels(batch, z_rng, game.batch)
  best = state.extra['stars']
  arch, gen, disc = dict(state.extra['arch']), state.gen, state.disc

  def of_gen(logits, params):
    net = _search.with_arch(gen, logits).replace(params=params)
    value, stats = h(game, Pair(net, best['disc']),
                     Pair(game.models.gen, game.stars.disc), real, z, gen_key,
                     state, labels)
    if game.shares:
      value -= h(game, Pair(_search.with_arch(best['gen'], logits), disc),
                 Pair(game.stars.gen, game.models.disc), real, z, star_key,
                 state, labels)[0]
    return -value, stats

  gen, arch['gen'], stats = _search.descend(
      gen, arch['gen'], game.arch_tx, of_gen, axis_name=game.axis_name)
  gen = gen.replace(stats={**stats, 'arch': gen.stats['arch']})
  # The averaged generator has the logits that a genotype is derived from.
  ema = _search.with_arch(state.ema, gen.stats['arch'])
  if 'discriminator' in game.names:
    def of_disc(logits, params):
      net = _search.with_arch(state.disc, logits).replace(params=params)
      return h(game, Pair(_gbar(game, state), net),
               Pair(game.stars.gen, game.models.disc), real, z, star_key,
               state, labels)
    disc, arch['disc'], _ = _search.descend(
        disc, arch['disc'], game.arch_tx, of_disc, axis_name=game.axis_name)
  return _with(state.replace(gen=gen, disc=disc, ema=ema), arch=arch), {}


def gap(game, state, batch, rng):
  """V and its terms on one held-out batch, with the same noise for both."""
  image_rng, z_rng, key = jax.random.split(rng, 3)
  real, z = game.real(batch, image_rng), game.noise(z_rng, game.batch)
  labels = game.labels(batch, z_rng, game.batch)
  best = state.extra['stars']
  minmax = -h(game, Pair(state.gen, best['disc']),
              Pair(game.models.gen, game.stars.disc), real, z, key, state,
              labels)[0]
  maxmin = -h(game, Pair(_gbar(game, state), state.disc),
              Pair(game.stars.gen, game.models.disc), real, z, key, state,
              labels)[0]
  return state, {'gap/duality_gap': minmax - maxmin, 'gap/minmax': minmax,
                 'gap/maxmin': maxmin}


def h(game, nets, models, real, z, rng, state, labels):
  """D's loss for given networks: -> scalar, G's new statistics.

  nets: Pair of Networks.
  models: Pair of their modules.
  """
  keys = jax.random.split(rng, 6)
  fake, stats = forward.generate(models.gen, nets.gen.params, nets.gen.stats, z,
                                 keys[0], labels.fake)
  views = [forward.judge(models.disc, nets.disc.params, nets.disc.stats,
                         augmenting.distort(distort_key, x, game.augment,
                                            state), key, told)[0]
           for x, distort_key, key, told in (
               (real, keys[4], keys[1], labels.real),
               (fake, keys[5], keys[2], labels.fake))]
  value = game.loss.discriminator(
      *(collectives.gather(view.logits, game.axis_name) for view in views),
      **steps.arguments(game.loss, state, keys[3]))
  return value, stats


TURNS = {'critic': critic, 'both': both, 'stars': stars, 'dbar': dbar,
         'gbar': gbar, 'alpha': alpha, 'gap': gap}
_METRICS = ('disc/loss', 'disc/real', 'disc/fake', 'disc/grad_norm',
            'gen/loss', 'gen/grad_norm', 'dbar/loss', 'gbar/loss',
            'gap/duality_gap', 'gap/minmax', 'gap/maxmin')


def _logged(game, turn, state, batch, rng):
  """Runs a turn, increments the step and logs all metrics."""
  state, metrics = turn(game, state, batch, rng)
  seen = {**state.extra['seen'], **collectives.mean(metrics, game.axis_name)}
  state = _with(state.replace(step=state.step + 1), seen=seen)
  arch = {}
  for player, net in (('generator', state.gen), ('discriminator', state.disc)):
    if player in game.names:
      logits = net.stats['arch']
      arch |= {f'arch/{player}/{k}': v for k, v in {
          'entropy': _search.entropy(logits),
          **_search.shares(logits, game.names[player])}.items()}
  return state, {**seen, **arch}


def _with(state, **extra):
  return state.replace(extra={**state.extra, **extra})


def _with_stars(state, **nets):
  return _with(state, stars={**state.extra['stars'], **nets})


def _gbar(game, state):
  """Gbar, with G's current architecture parameters if it shares them."""
  star = state.extra['stars']['gen']
  return (_search.with_arch(star, state.gen.stats['arch']) if game.shares
          else star)


def _plain(models, space):
  """The models, with the softmax of their logits in the searched ones."""
  softmax = lookup.member('layers.relax', 'softmax')
  return Pair(*(model.clone(relax=softmax)
                if player in space.names else model
                for player, model in zip(('generator', 'discriminator'),
                                         models)))
