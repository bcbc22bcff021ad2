"""Updates of architecture logits, shared by the methods that search.

The logits of a super-network are its collection 'arch', beside its
parameters; the temperature of their relaxation is in 'schedule'.
"""
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jgan import lookup
from jgan import space as spaces
from jgan.errors import UserError
from jgan.forward import inputs
from jgan.ops import collectives
from jgan.types import Search

# Logits so far apart, at a temperature so low, that no relaxation mixes.
_FAR, _COLD = 1e4, 1e-3
_SETTLING = 50  # batches that batch statistics are taken from


class Space:
  """The space that super-networks span (jgan/spaces), as they were built.

  Attributes:
    name: a file of jgan/spaces.
    names: {player: {part of its logits: operations, in order}}, of those that
      are super-networks.
  """

  def __init__(self, config, models, both=True):
    """Finds the space of the config's super-networks.

    both: the discriminator must be one too.

    Raises:
      UserError: the models span none, or two; or something is scheduled.
    """
    if config.schedules:
      raise UserError(f'config.schedules names {config.schedules[0].name}: '
                      'super-networks have nothing to schedule but the '
                      'temperature, which is of their method')
    known = [name for name in lookup.names('models')
             if hasattr(lookup.find('models', name), 'SPACE')]
    players = [player for player in ('generator', 'discriminator')
               if config[player].name in known]
    for player in ('generator', 'discriminator')[:2 if both else 1]:
      if player not in players:
        raise UserError(f"method '{config.method.name}' searches super-"
                        f'networks, and config.{player}.name is '
                        f"'{config[player].name}': {lookup.nearest('', known)}")
    named = [lookup.find('models', config[player].name).SPACE
             for player in players]
    self.name = named[0]
    if named[-1] != self.name:
      raise UserError(f"config.generator.name is of the space '{self.name}', "
                      f"config.discriminator.name of '{named[-1]}': both are "
                      'searched, so both must be of one')
    self._space = spaces.find(self.name)
    self._model = models.gen
    self._pools = {
        player: self._space.offered(model)
        for player, model in zip(('generator', 'discriminator'), models)}
    self.names = {player: self._space.ops(player, **self._pools[player])
                  for player in players}

  def cells(self, player):
    """The cells of a player, {name: space.Edge} each, in order."""
    return self._space.cells(player, **self._pools[player])

  def valid(self, cells, player):
    """Whether a network can be built from {edge: operation} per cell."""
    return self._space.valid(cells, player)

  def choices(self, player):
    """Which operations each edge has: {part of the logits: [..., ops] 0, 1}."""
    cells = self.cells(player)
    offered = {part: np.zeros(shape)
               for part, shape in spaces.logit_shapes(cells).items()}
    for edge in (edge for edges in cells for edge in edges.values()):
      offered[edge.part][edge.row][:len(edge.ops)] = 1.
    return offered

  def search(self, **quirks):
    """The Search of a method.

    quirks: of derive(), those that are on; not every space has them.

    Raises:
      UserError: this space has not.
    """
    for quirk in quirks:
      if quirk not in self._space.quirks:
        raise UserError(f"space '{self.name}' has no {quirk}: leave "
                        f'config.method.{quirk} as it is')
    return Search(functools.partial(self.derive, **quirks), self.draw,
                  self.select)

  def derive(self, state, **quirks):
    """The genotype of the players' logits."""
    genotype = {'space': self.name, 'generator': self._space.derive(
        state.gen.stats['arch'], 'generator', **self._pools['generator'])}
    if 'discriminator' in self.names:
      genotype['discriminator'] = self._space.derive(
          state.disc.stats['arch'], 'discriminator',
          **self._pools['discriminator'], **quirks)
    return genotype

  def draw(self, rng):
    """A genotype of the generator drawn from the space."""
    return {'space': self.name,
            'generator': self._space.sample(rng, 'generator',
                                            **self._pools['generator'])}

  def one_hot(self, cells, player):
    """Logits of 0 and 1 that choose {edge: operation} per cell."""
    return self._space.one_hot(cells, player, **self._pools[player])

  def select(self, net, genotype):
    """The generator in which each edge does the genotype's operation alone.

    Its batch statistics, which were a mixture's, are taken anew.
    """
    net = selected(net, self.one_hot(genotype['generator'], 'generator'))
    for i in range(_SETTLING):
      net = self._settle(net, jax.random.key(i))
    return net

  @functools.cached_property
  def _settle(self):
    """Compiled: the network after one more batch moved its statistics."""
    model = self._model.clone(axis_name=None)  # the whole batch is here

    def settled(net, key):
      z, *labels = inputs(model, jax.random.normal(key, (64, model.latent)))
      # Without a key for noise, which would draw other operations.
      _, moved = model.apply({'params': net.params, **net.stats}, z, True,
                             *labels, mutable=['batch_stats'])
      return net.replace(stats={**net.stats, **moved})
    return jax.jit(settled)


def key(cells):
  """A name of {edge: operation} per cell, the same for equal ones."""
  return json.dumps(cells, sort_keys=True)


def require_softmax(config):
  """Refuses relaxations that draw: a method that draws paths does it itself.

  Raises:
    UserError: the 'relax' of a player is another than 'softmax'.
  """
  for player in ('generator', 'discriminator'):
    if config[player].get('relax', 'softmax') != 'softmax':
      raise UserError(f'config.{player}.relax is {config[player].relax!r}: '
                      f"method '{config.method.name}' draws the operations "
                      "itself, 'softmax' would be right")


def require_fresh_noise(config):
  """Refuses fakes that both players share: a search draws them for each.

  Raises:
    UserError: config.gen_noise is another than 'fresh'.
  """
  if config.gen_noise != 'fresh':
    raise UserError(f"config.gen_noise is '{config.gen_noise}', and method "
                    f"'{config.method.name}' draws the fakes of each update: "
                    "'fresh' would be right")


def temperature(epoch, epochs, *, hot=5., cold=.1):
  """Falls exponentially from `hot` at epoch 0 to `cold` at `epochs`."""
  return jnp.maximum(cold, hot * jnp.exp(-epoch / epochs
                                         * jnp.log(hot / cold)))


def with_arch(net, arch, heat=None):
  """The network with other logits, and perhaps another temperature."""
  stats = {**net.stats, 'arch': arch}
  if heat is not None:
    stats['schedule'] = {**stats['schedule'],
                         'temperature': jnp.asarray(heat, jnp.float32)}
  return net.replace(stats=stats)


def selected(net, one_hot):
  """The network in which every edge does one operation alone.

  Of the relaxations only gumbel_on_probabilities may draw another one, where
  it is given noise.

  one_hot: like the network's logits, 1 for that operation.
  """
  arch = jax.tree.map(lambda x: _FAR * jnp.asarray(x, jnp.float32), one_hot)
  return with_arch(net, arch, _COLD)


def path_step(state, batch, rng, paths, *, play):
  """A step in which every edge of the super-networks does one operation.

  Args:
    state: GanState.
    batch, rng: as of every step.
    paths: {'generator': {part: [..., ops] of 0 and 1}, ...}, of the players
      that are super-networks.
    play: steps.gan_step with its keyword arguments.

  Returns:
    The new state, in which the averaged generator is the uniform mixture of
    all operations, and metrics.
  """
  state = state.replace(gen=selected(state.gen, paths['generator']))
  if 'discriminator' in paths:
    state = state.replace(disc=selected(state.disc, paths['discriminator']))
  state, metrics = play(state, batch, rng)
  zeros = jax.tree.map(jnp.zeros_like, state.ema.stats['arch'])
  return state.replace(ema=with_arch(state.ema, zeros, 1.)), metrics


def optimizer(*, lr, b1, b2, weight_decay):
  """Adam with the decay added to the gradient, as PyTorch's Adam has it."""
  return optax.chain(optax.add_decayed_weights(weight_decay),
                     optax.adam(lr, b1, b2))


def descend(net, opt, tx, objective, *, train=None, amend=0., axis_name=None):
  """One optimizer step of a network's architecture logits.

  With amend > 0 the gradient also has the amended second-order term of Bi et
  al. (2019), which AdversarialNAS offers:
    dL/da - amend * (d^2 L_train / da dw) (d^2 L_train / dw^2) dL/dw,
  a the logits, w the parameters; exactly, by forward-over-reverse
  differentiation, where the original takes finite differences.

  Args:
    net: Network; its parameters stay as they are.
    opt: state of `tx` for the logits.
    objective: (arch, params) -> scalar, aux: the loss on the search batch.
    train: (arch, params) -> scalar, the loss on the training batch.

  Returns:
    The network with new logits, the new `opt`, aux.
  """
  arch, params = net.stats['arch'], net.params
  wrt = (0, 1) if amend else 0
  grads, aux = jax.grad(objective, wrt, has_aux=True)(arch, params)
  if amend:
    grads, slope = collectives.mean(grads, axis_name)
    both = lambda w: jax.grad(train, (0, 1))(arch, w)
    along = lambda v: collectives.mean(jax.jvp(both, (params,), (v,))[1],
                                       axis_name)
    _, curved = along(slope)
    mixed, _ = along(curved)
    grads = jax.tree.map(lambda g, m: g - amend * m, grads, mixed)
  else:
    grads = collectives.mean(grads, axis_name)
  updates, opt = tx.update(grads, opt, arch)
  return with_arch(net, optax.apply_updates(arch, updates)), opt, aux


def entropy(arch):
  """Mean over edges of the entropy of softmax(logits), in nats."""
  of = lambda x: -jnp.sum(jax.nn.softmax(x) * jax.nn.log_softmax(x), -1)
  return jnp.mean(jnp.concatenate([of(x).ravel() for x in arch.values()]))


def shares(arch, names):
  """How often each operation is the strongest: {'normal/skip': share}.

  names: {part of `arch`: its operations in order}.
  """
  by_name = {}
  for part, logits in arch.items():
    best = jnp.argmax(logits, -1)
    by_name |= {f'{part}/{name}': jnp.mean(best == i)
                for i, name in enumerate(names[part])}
  return by_name


def uniform(rng, choices):
  """Draws one operation per edge, all equally likely.

  choices: {part: [..., ops]}, 1 where the edge has that operation, else 0.

  Returns:
    {part: [..., ops]}, 1 for the one drawn.
  """
  keys = jax.random.split(rng, len(choices))
  return {part: jax.nn.one_hot(
      jax.random.categorical(key, jnp.log(has)), has.shape[-1])
      for key, (part, has) in zip(keys, sorted(choices.items()))}
