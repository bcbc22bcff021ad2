"""Penalties in the updates of a player.

A lazy penalty (Karras et al., 2020) has an argument `every`: it acts in one
generator step of `every`, and is multiplied by it. By config.lazy it is joined
to the player's loss, as all other penalties are, or has updates apart from it,
as published: after the player's update, the same optimizer takes a further
step on the penalty alone, on the same real images, with new noise. That makes
`every` + 1 updates in `every` steps, for which optim.lazy rescales Adam.
"""
import jax
import jax.numpy as jnp
import optax

from jgan.forward import scheduled
from jgan.ops import collectives
from jgan.optim import lazy
from jgan.types import Loss

NO_LOSS = Loss(lambda real, fake: jnp.float32(0),
               lambda real, fake: jnp.float32(0))
"""The adversarial loss in an update that is a penalty's own."""

_PLAYERS = {'disc': 'discriminator', 'gen': 'generator'}


def split(penalties, player):
  """{name: Penalty} of the loss, and of those that have updates of their own.

  player: 'disc' or 'gen'; of the latter, those of this player.
  """
  apart = {name: penalty for name, penalty in penalties.items()
           if penalty.apart and getattr(penalty, _PLAYERS[player])}
  joined = {name: penalty for name, penalty in penalties.items()
            if not penalty.apart}
  return joined, apart


def penalise(side, penalties, play, state):
  """Evaluates the penalties of a player on this shard.

  Args:
    side: 'discriminator' or 'generator'.
    penalties: {name: Penalty}.
    play: Play.
    state: GanState.

  Returns:
    The sum of the penalties, and {name: value} of them together with
    {name/variable: value} of their traced scalars, for `remember`.
  """
  keys = jax.random.split(play.rng, max(len(penalties), 1))
  total, terms = jnp.float32(0), {}
  for key, (name, penalty) in zip(keys, penalties.items()):
    function = getattr(penalty, side)
    if not function:
      continue
    memory = _memory(state, name, penalty)
    value = function(play._replace(rng=key), **memory)
    if memory:
      value, memory = value
    terms |= {name: value, **_named(name, memory)}
    total += value
  return total, terms


def remember(state, penalties, metrics):
  """The state with new values of the penalties' traced scalars.

  metrics: the terms that `penalise` returned.
  """
  memories = {name: {k: metrics[f'{name}/{k}'] for k in dict(penalty.traced)}
              for name, penalty in penalties.items()
              if any(f'{name}/{k}' in metrics for k in dict(penalty.traced))}
  if not memories:
    return state
  return state.replace(extra=state.extra | {
      'penalties': state.extra.get('penalties', {}) | memories})


def inform(state, penalties):
  """Sets D's scheduled variables NAME_k to the penalties' traced scalars k.

  NAME: of the penalty. D's update and all after it have these values.
  """
  values = {f'{name}_{k}': value for name, penalty in penalties.items()
            for k, value in _memory(state, name, penalty).items()}
  return state.replace(disc=scheduled(state.disc, values)) if values else state


def update(player, penalties, state, z, rng, *, objective, tx, axis_name=None):
  """One update of a player for each penalty that is apart and due.

  The networks' statistics do not change in it.

  Args:
    player: 'disc' or 'gen'.
    penalties: {name: Penalty}, those apart.
    state: GanState after the player's own update.
    z: [b, latent]; as much noise is drawn anew.
    rng: a key.
    objective: (params, state, z, rng, loss, penalties) -> scalar, (..., ...,
      metrics, ...), as steps.disc_loss.
    tx: optax transformation of the player.
    axis_name: the device axis, None for the whole batch.

  Returns:
    The new state, and the terms of `penalise`, where a penalty that is not due
    is 0.
  """
  terms = {}
  for i, (name, penalty) in enumerate(penalties.items()):
    net = getattr(state, player)
    memory = _named(name, _memory(state, name, penalty))
    keys = jax.random.split(jax.random.fold_in(rng, i))

    def due(name=name, penalty=penalty, state=state, net=net, memory=memory,
            keys=keys):
      noise = collectives.draw(jax.random.normal, keys[0], z.shape, axis_name)

      def scaled(params):
        value, (_, _, terms, *_) = objective(
            params, state, noise, keys[1], NO_LOSS, {name: penalty})
        return penalty.apart * value, terms

      grads, terms = jax.grad(scaled, has_aux=True)(net.params)
      updates, opt = lazy.update(tx, collectives.mean(grads, axis_name),
                                 net.opt, net.params)
      return (net.replace(params=optax.apply_updates(net.params, updates),
                          opt=opt),
              {**{k: terms[k] for k in memory},
               name: penalty.apart * terms[name]})

    net, new = jax.lax.cond(
        state.step % penalty.apart == 0, due,
        lambda net=net, name=name, memory=memory: (
            net, {**memory, name: jnp.float32(0)}))
    state = remember(state.replace(**{player: net}), {name: penalty}, new)
    terms |= new
  return state, terms


def _memory(state, name, penalty):
  """The current values of a penalty's traced scalars: {name: scalar}."""
  return {**dict(penalty.traced),
          **state.extra.get('penalties', {}).get(name, {})}


def _named(name, memory):
  """The memory of the penalty `name` as terms of `penalise`."""
  return {f'{name}/{k}': v for k, v in memory.items()}
