"""Devices: where a run lives, and how its step is compiled there.

The step is written once. It runs under
  pmap  one host or several: every device takes its rows of the batch under an
        axis name, and ops/collectives.py reduces over it;
  jit   one program over a mesh of all devices: the arrays are global, sharded
        by rows, and XLA inserts the communication;
  one   a single device: plain jit, which both of the above then equal.
The state is replicated and never stacked.

Since JAX 0.10 pmap is jit(shard_map) underneath, with check_vma off: with it
on, gradients of replicated parameters arrive already summed and a mean over
devices would leave them `devices` times too large. Outputs are declared
replicated (out_axes=None) and JAX returns the first device's value without
looking at the others: tests compare all of them.
"""
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jgan.errors import UserError
from jgan.ops import loop
from jgan.run import pair

AXIS = 'batch'
_NEVER = np.iinfo(np.int32).max
# Before JAX 0.8 each process calls its compiled pmap with its own rows alone.
_OWN_ROWS = jax.__version_info__ < (0, 8)


class Layout(NamedTuple):
  """Where a run lives.

  Attributes:
    kind: 'one', 'pmap' or 'jit'.
    mesh: Mesh over all devices of all processes, one axis, AXIS.
  """
  kind: str
  mesh: Mesh

  @property
  def axis_name(self):
    """The name under which a step sees the devices; None for none."""
    return AXIS if self.kind == 'pmap' else None

  @property
  def replicated(self):
    """Sharding of what every device holds whole."""
    return NamedSharding(self.mesh, PartitionSpec())


def layout(config):
  """Takes the devices for a config.

  Raises:
    UserError: the platform is not the one asked for, there are fewer devices
      than asked for, or a batch does not divide by them.
  """
  devices = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
  if config.devices > len(devices):
    raise UserError(f'config.devices={config.devices}, and JAX found '
                    f'{len(devices)}')
  if config.devices and jax.process_count() > 1:
    raise UserError(f'config.devices={config.devices} with '
                    f'{jax.process_count()} processes: they use all, 0')
  devices = devices[:config.devices or None]
  have, want = devices[0].platform, config.platform
  if want != 'any' and have != want and not (
      want == 'accelerator' and have != 'cpu'):
    raise UserError(
        f"config.platform asks for '{want}' and JAX found {len(devices)} x "
        f"'{have}'; install jax for that platform (requirements.txt says how) "
        'or set --config.platform=any to run here')
  batches = {'batch': config.batch, 'gen_batch': config.gen_batch,
             **{f'method.batches[{i}]': batch for i, batch in enumerate(
                 config.method.get('batches', ()))}}
  for key, batch in batches.items():
    if batch % len(devices):
      near = max(round(batch / len(devices)), 1) * len(devices)
      raise UserError(f'config.{key}={batch} does not divide by '
                      f'{len(devices)} devices; {near} would')
  kind = 'one' if len(devices) == 1 else config.parallel
  return Layout(kind, Mesh(np.array(devices), (AXIS,)))


def rows(batch):
  """Slice of a global batch of so many images that this process feeds."""
  share = batch // jax.process_count()
  first = jax.process_index() * share
  return slice(first, first + share)


def place(tree, where):
  """Puts arrays on all devices, whole, in buffers of their own."""
  return jax.device_put(tree, where.replicated)


def feed(x, where):
  """Hands a call its batch.

  x: numpy [k, critics, rows of this process, ...].
  Returns the same rows laid out for `compile_call`.
  """
  if where.kind == 'one':
    return x
  spec = PartitionSpec(None, None, AXIS)
  if where.kind == 'pmap':
    local = where.mesh.size // jax.process_count()
    k, critics, rows = x.shape[:3]
    x = x.reshape(k, critics, local, rows // local, *x.shape[3:])
    x, spec = np.moveaxis(x, 2, 0), PartitionSpec(AXIS)
    if _OWN_ROWS and jax.process_count() > 1:
      return x
  return jax.make_array_from_process_local_data(
      NamedSharding(where.mesh, spec), x)


def calls_of(config, platform):
  """Steps in one dispatch: as configured, else what suits the platform.

  XLA's CPU backend runs convolutions inside loops some 2.7 times slower, so
  there it is 1; elsewhere the largest divisor up to 10 of all intervals, so
  that whatever is periodic falls between two dispatches.
  """
  k = config.steps_per_call
  if not k:
    whole = period(config)
    return 1 if platform == 'cpu' else max(
        d for d in range(1, 11) if whole % d == 0)
  for key, value in _intervals(config).items():
    if value % k:
      raise UserError(f'config.{key}={value} does not divide by '
                      f'config.steps_per_call={k}')
  return k


def period(config):
  """The steps between two points where anything may be due: a divisor of all
  intervals.
  """
  return math.gcd(*_intervals(config).values())


def _intervals(config):
  """Whatever is periodic in a run: {key of the config: steps}."""
  found = {f'{name}.every': config[name].every
           for name in ('log', 'samples', 'eval', 'checkpoint')}
  # Between two phases of pruning the generator is kept.
  found['optimizer.gen.pruning (ends of phases)'] = math.gcd(*pair.ends(config))
  return found | {'steps': config.steps, 'profile.start': config.profile.start,
                  'profile.steps': config.profile.steps}


def advance(state, health, data, x, seed, *, step):
  """Takes as many steps as x has rows: the body of one dispatch.

  Args:
    state: the method's state.
    health: [2] int32: the first step at which a metric was not finite, and
      which of the sorted names it was.
    data: uint8 images [n, h, w, c] to gather from, or None.
    x: [k, critics, b] indices into data, or [k, critics, b, h, w, c] images.
    seed: uint32 scalar. Step s draws from the key of (seed, s), the same in
      an unbroken run and in a resumed one.
    step: (state, batch, rng) -> (state, metrics).

  Returns:
    The new state and health, and the metrics of the last step.
  """
  def one(carry, x):
    state, health = carry
    batch = {'image': x if data is None else data[x]}
    now = state.step
    state, metrics = step(state, batch, step_key(seed, now))
    fine = jnp.stack([jnp.isfinite(metrics[key]) for key in sorted(metrics)])
    seen = jnp.where(jnp.all(fine), _NEVER, now + 1)
    health = jnp.where(seen < health[0],
                       jnp.stack([seen, jnp.argmin(fine)]), health)
    return (state, health), metrics

  (state, health), metrics = loop.scan(one, (state, health), x, unroll=False)
  return state, health, jax.tree.map(lambda m: m[-1], metrics)


def step_key(seed, step):
  """The key from which step `step` of a run draws everything."""
  # One fold away from the key of the same seed that made the weights.
  return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 1), step)


def healthy():
  """The health of a run in which nothing was bad yet, for `advance`."""
  return jnp.array([_NEVER, 0], jnp.int32)


def first_bad(health, metrics):
  """The first non-finite metric: (name, step), or None. Waits for it."""
  step, index = jax.device_get(health)
  return None if step == _NEVER else (sorted(metrics)[index], int(step))


def compile_call(function, where, state, health, data, x, seed):
  """Compiles `advance` ahead of time, its state donated.

  The arguments are as the calls will have them; x comes from `feed`. Returns
  the executable.
  """
  if where.kind == 'pmap':
    # The executable takes the rows of all processes, tracing those of one.
    local = where.mesh.size // jax.process_count()
    x = np.empty((local, *x.shape[1:]), x.dtype)
    mapped = jax.pmap(
        function, axis_name=AXIS, in_axes=(None, None, None, 0, None),
        out_axes=None, donate_argnums=(0,),
        devices=list(where.mesh.devices.flat))
    return mapped.lower(state, health, data, x, seed).compile()
  with jax.set_mesh(where.mesh):
    whole = jax.jit(function, donate_argnums=(0,),
                    out_shardings=where.replicated)
    return whole.lower(state, health, data, x, seed).compile()


def local(tree):
  """One device's copy of replicated arrays, without copying."""
  return jax.tree.map(lambda x: x.addressable_data(0), tree)
