"""jgan's side of bench.torch, a process of its own.

python -m bench.jgan_game '{"row": "dcgan-64", "times": 1, "small": false}'
"""
import functools
import statistics
import time
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from bench import draws, rows, worker
from jgan import build, forward, steps
from jgan.losses import hinge
from jgan.methods import _search
from jgan.models import adversarial_nas_super
from jgan.ops import flops
from jgan.spaces import adversarial_nas as space
from jgan.types import Loss, Pair

PLAYERS = {'gen': 'generator', 'disc': 'discriminator'}
HINGE = Loss(hinge.discriminator, hinge.generator)
# What of the duality gap depends on alphaGAN's logits.
REACH = Loss(None, lambda real, fake: -jnp.mean(jax.nn.relu(1. + fake)))
# {method: {player whose logits it learns: their loss}}.
ARCH = {'adversarial_search': {'disc': HINGE, 'gen': HINGE},
        'alpha_search': {'gen': REACH}}
# Compiling is the cost of a comparison: not too well.
HASTY = {'xla_backend_optimization_level': 0}


class Game(worker.Timed):
  """A method with its state."""

  def __init__(self, config):
    self.config, self.cycle = config, rows.cycle(config)
    self.models = build.models(config, build.spec(config).shape)
    self.method = build.method(config)
    shape = 1, config.batch, *build.spec(config).shape
    self.batch = {'image': np.random.default_rng(0).integers(
        0, 256, shape, np.uint8)}
    # A start at which D takes fakes for real: elsewhere REACH may be flat.
    self.state = jax.jit(self.method.init)(jax.random.key(5), self.batch)
    self.count = sum(
        x.size for net in (self.state.gen, self.state.disc)
        for x in jax.tree.leaves((net.params, net.stats.get('arch'))))

  def size(self):
    """Number of parameters, and {player: MACs of an image's forward pass}."""
    shapes = {'gen': (1, self.models.gen.latent),
              'disc': (1, *self.batch['image'].shape[2:])}
    macs = {}
    for player, shape in shapes.items():
      net = getattr(self.state, player)
      macs[player] = flops.total(flops.layers(
          getattr(self.models, player), {'params': net.params, **net.stats},
          jax.ShapeDtypeStruct(shape, jnp.float32))).macs
    return self.count, macs

  def compile(self):
    """Seconds that it took to trace and compile all steps."""
    began = time.perf_counter()
    self._compile()
    return time.perf_counter() - began

  def _compile(self, options=None):
    self.steps = [
        jax.jit(step, donate_argnums=0).lower(
            self.state, self.batch, jax.random.key(0)).compile(options)
        for step in self._turn()]
    self.batch = jax.device_put(self.batch)

  def _turn(self):
    """The functions that one step of the row consists of."""
    kinds = rows.TURNS.get(self.config.method.name)
    return ([self.method.step[kind] for kind in kinds] if kinds
            else [self.method.step])

  def step(self, number):
    """Trains; returns metrics."""
    state = self.state.replace(step=jnp.int32(number))
    for step in self.steps:
      state, metrics = step(state, self.batch, jax.random.key(0))
    self.state = state
    return metrics

  def wait(self):
    """Until all is computed."""
    jax.block_until_ready(self.state)

  def parts(self, count):
    """{objective: seconds of its gradient}, medians of `count`."""
    real = jnp.float32(self.batch['image'][0]) / 127.5 - 1.
    z = draws.normal((len(real), self.models.gen.latent))
    found = {}
    for name, (objective, x) in self._objectives(real, z).items():
      gradient = jax.jit(jax.grad(objective))
      jax.block_until_ready(gradient(x))
      times = []
      for _ in range(count):
        began = time.perf_counter()
        jax.block_until_ready(gradient(x))
        times.append(time.perf_counter() - began)
      found[name] = statistics.median(times)
    return found

  def compare(self, given, results):
    """Computes what bench.pytorch.game.Game.compare computes.

    given: path to which weights and inputs are written, as that reads them.
    results: path to which images, logits, losses and gradients are, and the
      metrics of two whole steps.
    """
    self.state = _settled(self.state)
    rng, b = np.random.default_rng(2), self.config.batch
    real = rng.uniform(-1., 1., self.batch['image'].shape[1:])
    if self.config.loss.name == 'mmd':
      real *= 30.  # D's features are apart, and MMD's gradients no rounding
    real = real.astype(np.float32)
    z = draws.normal((b, self.models.gen.latent))
    inputs = {'real': real, 'images': self.batch['image'][0]}
    for player in PLAYERS:
      net = getattr(self.state, player)
      inputs |= _named(f'{player}/', {
          **self.split(net.params, player),
          **self.split(net.stats.get('spectral', {}), player),
          **_arch(net.stats.get('arch', {}))})
    np.savez(given, **inputs)
    with constant_draws():
      found = jax.jit(self._found, compiler_options=HASTY)(
          self.state, real, z)
      named = {name: found[name] for name in ('images', 'logits')}
      for name, (loss, gradient) in found['losses'].items():
        player = name.removesuffix('_arch')
        gradient = (_arch(gradient) if name.endswith('_arch')
                    else self.split(gradient, player))
        named |= {f'{name}/loss': loss,
                  **_named(f'{name}/gradient/', gradient)}
      self._compile(HASTY)
      for number in range(2):
        named |= {f'step/{number}/{key}': value
                  for key, value in self.step(number).items()}
    np.savez(results, **named)

  def split(self, params, player):
    """Parameters or spectral vectors by layer: {path: array}."""
    del player
    return flatten_dict(params, sep='/')

  def _found(self, state, real, z):
    key, (gen, disc) = jax.random.key(0), (state.gen, state.disc)
    made, _ = forward.generate(self.models.gen, gen.params, gen.stats, z, key)
    view, _ = forward.judge(self.models.disc, disc.params, disc.stats, real,
                            key)
    return {'images': forward.images_of(made),
            'logits': view.logits.reshape(len(real), -1),
            'losses': {name: jax.value_and_grad(objective)(x) for
                       name, (objective, x) in
                       self._objectives(real, z, state).items()}}

  def _objectives(self, real, z, state=None):
    """{name: (objective with its penalties, its argument)} of weights and
    logits.
    """
    state, config = state or self.state, self.config
    arch = ARCH.get(config.method.name, {})
    wanted = {**dict.fromkeys(PLAYERS, build.loss(config)),
              **{f'{player}_arch': loss for player, loss in arch.items()}}
    found = {}
    for name, loss in wanted.items():
      player = name.removesuffix('_arch')
      net, of_arch = getattr(state, player), name.endswith('_arch')
      parts = dict(
          models=self.models, loss=loss, augment=build.augment(config),
          penalties={} if of_arch else build.penalties(config))
      if player == 'gen' and config.gen_noise == 'shared':
        parts['before'] = Pair(state.gen, state.disc)
      of = functools.partial(
          steps.disc_loss if player == 'disc' else steps.gen_loss, **parts)

      def objective(x, net=net, of=of, player=player, of_arch=of_arch):
        moved = _search.with_arch(net, x) if of_arch else net
        return of(net.params if of_arch else x,
                  state.replace(**{player: moved}), real, z,
                  jax.random.key(0))[0]

      found[name] = objective, net.stats['arch'] if of_arch else net.params
    return found


class AdversarialNas(Game):
  """MMD-AdversarialNAS, at its first temperature; its kernels lie in stacks."""

  def __init__(self, config):
    super().__init__(config)
    hot = lambda net: _search.with_arch(net, net.stats['arch'],
                                        config.method.hot)
    self.state = self.state.replace(gen=hot(self.state.gen),
                                    disc=hot(self.state.disc))

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


def make(*, row, times, small):
  """The game of a row."""
  config = rows.config(row, times=times, small=small)
  kinds = {'adversarial_search': AdversarialNas}
  return kinds.get(config.method.name, Game)(config)


def constant_draws():
  """A context in which jax.random draws what bench/draws.py says."""
  def uniform(key, shape=(), dtype=None, minval=0., maxval=1.):
    del key, dtype
    return jnp.asarray(draws.uniform(shape, minval, maxval))

  return mock.patch.multiple(
      jax.random, uniform=uniform,
      normal=lambda key, shape=(), dtype=None: jnp.asarray(
          draws.normal(shape)),
      randint=lambda key, shape, minval, maxval: jnp.asarray(
          draws.integers(shape, minval, maxval)),
      bernoulli=lambda key, p=.5, shape=(): jnp.asarray(
          draws.uniform(shape) < p),
      gumbel=lambda key, shape=(), dtype=None: jnp.asarray(
          draws.gumbel(shape)))


def _settled(state):
  """The state in which nothing hides an error.

  Parameters that start at 0 would hide what they multiply, and power
  iterations that have not ended, how many there were.
  """
  rng = np.random.default_rng(1)

  def settled(net):
    flat = {path: np.asarray(x) for path, x in
            flatten_dict(net.params).items()}
    flat = {path: x if x.any() else
            (.1 * rng.normal(size=x.shape)).astype(np.float32)
            for path, x in flat.items()}
    stats = flatten_dict(net.stats)
    for path in stats:
      if path[0] == 'spectral' and path[-1] == 'u':
        kernel = flat[(*path[1:-2], 'kernel')]
        rows = (kernel.shape[0],) if stats[path].ndim == 2 else ()
        matrix = kernel.reshape(*rows, -1, kernel.shape[-1])
        _, _, right = np.linalg.svd(matrix, full_matrices=False)
        stats[path] = jnp.asarray(right[..., 0, :])
    return net.replace(params=jax.tree.map(jnp.asarray, unflatten_dict(flat)),
                       stats=unflatten_dict(stats))

  return state.replace(gen=settled(state.gen), disc=settled(state.disc))


def _arch(arch):
  return {f'arch/{part}': x for part, x in arch.items()}


def _named(prefix, arrays):
  """PyTorch's names for {path: array}; v of spectral norms is left out, since
  the first forward replaces it.
  """
  leaves = {'kernel': 'weight', 'scale': 'weight', 'u': 'weight_u'}
  found = {}
  for path, x in arrays.items():
    *layer, leaf = path.replace('SpectralNorm_0/', '').split('/')
    if leaf != 'v':
      found[prefix + '.'.join([*layer, leaves.get(leaf, leaf)])] = np.asarray(x)
  return found


if __name__ == '__main__':
  worker.serve(make)
