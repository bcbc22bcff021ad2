"""The JAX side of bench.search, a process of its own.

python -m bench.jax_search '{"search": "alphagan", "batch": 64, ...}'
"""
import time

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from bench import worker
from experiments.mmd_nas import search_cifar10
from jgan import build, forward, steps
from jgan import config as configs
from jgan.losses import hinge
from jgan.methods import _search
from jgan.models import adversarial_nas_super
from jgan.spaces import adversarial_nas as space
from jgan.types import Loss

HINGE = Loss(hinge.discriminator, hinge.generator)
# What of the duality gap depends on alphaGAN's logits.
REACH = Loss(None, lambda real, fake: -jnp.mean(jax.nn.relu(1. + fake)))
PLAYERS = {'gen': 'generator', 'disc': 'discriminator'}


class Search:
  """A method of jgan with its state.

  Attributes:
    seed: of what both sides are compared on. With some an activation's input
      is 0 but for rounding, and its gradient anybody's guess.
  """
  seed = 0

  def __init__(self, config, phases, arch, *, widths, batch, noise):
    """Makes the first state.

    Args:
      config: of a search; sizes are set here.
      phases: {its name in the table: the steps it consists of}.
      arch: {whose logits are updated: Loss}.
      widths: of both players.
      batch: real images of one update.
      noise: relax as the config has it, else by plain softmax.
    """
    config.data = {'name': 'cifar10'}  # which is not read
    config.batch, config.gen_batch, config.critics = batch, 0, 1
    config.generator.width, config.discriminator.width = widths
    for player in (config.generator, config.discriminator):
      if 'relax' in player and not noise:
        player.relax = 'softmax'
    config = configs.complete(config)
    self.phases, self.arch = phases, arch
    self.models = build.models(config, (32, 32, 3))
    self.loss = build.loss(config)
    self.method = build.method(config)
    self.batch = {'image': np.random.default_rng(0).integers(
        0, 256, (1, batch, 32, 32, 3), np.uint8)}
    # A start at which D takes fakes for real: elsewhere REACH may be flat.
    self.state = jax.jit(self.method.init)(jax.random.key(5), self.batch)

  def compile(self):
    """Seconds that it took to trace and compile all steps."""
    began = time.perf_counter()
    every = self.method.step
    if not isinstance(every, dict):
      every = {'step': every}
    self.steps = {
        name: jax.jit(every[name], donate_argnums=0).lower(
            self.state, self.batch, jax.random.key(0)).compile()
        for names in self.phases.values() for name in names}
    return time.perf_counter() - began

  def step(self):
    """Seconds of each phase, and of all."""
    seconds, key = {}, jax.random.key(0)
    for phase, names in self.phases.items():
      began = time.perf_counter()
      for name in names:
        self.state, _ = self.steps[name](self.state, self.batch, key)
      jax.block_until_ready(self.state)
      seconds[phase] = time.perf_counter() - began
    if len(seconds) > 1:
      seconds['iteration'] = sum(seconds.values())
    return seconds

  def compare(self, given, results):
    """Computes what bench.torch_parts.Game.compare computes.

    given: path to which weights and inputs are written, as that reads them.
    results: path to which images, logits, losses and gradients are.
    """
    rng = np.random.default_rng(self.seed)
    n = self.batch['image'].shape[1]
    # Far out of range: D's features are apart, and MMD's gradients no rounding.
    real = rng.uniform(-30., 30., (n // 2, 32, 32, 3)).astype(np.float32)
    z = rng.normal(size=(n, self.models.gen.latent)).astype(np.float32)
    inputs = {'images': real, 'noise': z}
    for player in PLAYERS:
      net = getattr(self.state, player)
      inputs |= _named(f'{player}/', {
          **self.split(net.params, player),
          **self.split(net.stats.get('spectral', {}), player),
          **_arch(net.stats.get('arch', {}))}, player)
    np.savez(given, **inputs)
    # Compiling is the cost here: not too well.
    found = jax.jit(self._found, compiler_options={
        'xla_backend_optimization_level': 0})(self.state, real, z)
    named = {name: found[name] for name in ('images', 'logits')}
    for name, (loss, gradient) in found['losses'].items():
      player = name.removesuffix('_arch')
      gradient = (_arch(gradient) if name.endswith('_arch')
                  else self.split(gradient, player))
      named |= {f'{name}/loss': loss,
                **_named(f'{name}/gradient/', gradient, player)}
    np.savez(results, **named)

  def split(self, params, player):
    """Parameters or spectral vectors by layer: {path: array}."""
    del player
    return flatten_dict(params, sep='/')

  def _found(self, state, real, z):
    key, models, half = jax.random.key(0), self.models, z[:len(real)]
    gen, disc = state.gen, state.disc
    found = {
        'images': forward.generate(models.gen, gen.params, gen.stats, z,
                                   key)[0],
        'logits': forward.judge(models.disc, disc.params, disc.stats, real,
                                key)[0].logits[:, None],
        'losses': {}}
    wanted = {**dict.fromkeys(PLAYERS, self.loss),
              **{f'{player}_arch': loss for player, loss in self.arch.items()}}
    for name, loss in wanted.items():
      player = name.removesuffix('_arch')
      net = getattr(state, player)

      def objective(x, name=name, loss=loss, player=player, net=net):
        params, moved = net.params, net
        if name.endswith('_arch'):
          moved = _search.with_arch(net, x)
        else:
          params = x
        of = steps.disc_loss if player == 'disc' else steps.gen_loss
        return of(params, state.replace(**{player: moved}), real,
                  half if player == 'disc' else z, key, models=models,
                  loss=loss, penalties={})[0]

      found['losses'][name] = jax.value_and_grad(objective)(
          net.stats['arch'] if name.endswith('_arch') else net.params)
    return found


class AdversarialNas(Search):
  """MMD-AdversarialNAS."""

  def __init__(self, **arguments):
    super().__init__(search_cifar10.base(), {'step': ('step',)},
                     {'disc': HINGE, 'gen': HINGE}, **arguments)

  def split(self, params, player):
    """Takes the stacks apart, one operation of all edges after the other."""
    found, name = {}, PLAYERS[player]
    cells = space.cells(name)
    for k in range(len(space.NORMAL)):
      genotype = [{edge: e.ops[min(k, len(e.ops) - 1)]
                   for edge, e in edges.items()} for edges in cells]
      found |= flatten_dict(adversarial_nas_super.derived(
          params, {name: genotype}, name), sep='/')
    return found


class Alphagan(Search):
  """alphaGAN, with one update of each kind per iteration."""
  seed = 3

  def __init__(self, **arguments):
    config = configs.base()
    config.generator = {'name': 'alphagan_super', 'latent': 128}
    config.discriminator = {'name': 'autogan'}
    config.loss = {'name': 'hinge'}
    config.method = {'name': 'alpha_search', 'weight_steps': 1,
                     'star_steps': 1, 'arch_steps': 1}
    for player in PLAYERS:
      config.optimizer[player].update({'lr': 2e-4, 'b1': 0., 'b2': .999})
    config.ema.decay = .999
    phases = {'weights': ('both',), 'copies': ('stars', 'dbar', 'gbar'),
              'logits': ('alpha',)}
    super().__init__(config, phases, {'gen': REACH}, **arguments)


def make(*, search, threads, **arguments):
  """The game of a search; how many threads it has is up to the cores."""
  del threads
  return {'adversarial_nas': AdversarialNas, 'alphagan': Alphagan}[search](
      **arguments)


def _arch(arch):
  return {f'arch/{part}': x for part, x in arch.items()}


def _named(prefix, arrays, player):
  """PyTorch's names and axes for {path: array}; v of spectral norms is left
  out, since the first forward replaces it.
  """
  found = {}
  for path, x in arrays.items():
    *layer, leaf = path.replace('SpectralNorm_0/', '').split('/')
    if leaf == 'kernel':
      axes = {2: (1, 0), 4: (2, 3, 0, 1) if layer[-1] == 'deconv' else
              (3, 2, 0, 1)}[x.ndim]
      x = x.transpose(axes)
      leaf = 'weight_orig' if player == 'disc' else 'weight'
    elif leaf != 'v':
      leaf = {'scale': 'weight', 'u': 'weight_u'}.get(leaf, leaf)
    if leaf != 'v':
      found[prefix + '.'.join([*layer, leaf])] = np.asarray(x)
  return found


if __name__ == '__main__':
  worker.serve(make)
