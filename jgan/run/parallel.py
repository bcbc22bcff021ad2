"""Devices: placement of a run, and compilation of its step for them.

The same step function runs in one of three layouts:
  pmap  on one host or several: every device gets its rows of the batch under
        an axis name, and ops/collectives.py reduces over this axis;
  jit   one program over a mesh of all devices: arrays are global, sharded by
        rows, and XLA inserts the communication;
  one   plain jit on a single device, which both of the above equal there.
The state is replicated on all devices, without a device axis.

A fourth layout trains several runs, which differ in their seeds:
  runs  every device has its share of the runs and maps the step over them, by
        vmap. State, batches and metrics have the runs as their first axis; the
        images are shared.

Since JAX 0.10, pmap is implemented by jit(shard_map), with check_vma off. With
check_vma on, gradients of replicated parameters would already be summed over
devices, and a mean would leave them `devices` times too large. Outputs are
declared replicated (out_axes=None), so JAX returns the value of the first
device without checking the others; tests compare all of them.
"""
import collections
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jgan.errors import UserError
from jgan.ops import loop, spread
from jgan.run import several

AXIS = 'batch'
_MEETINGS = itertools.count()
_NEVER = np.iinfo(np.int32).max
# Before JAX 0.8 each process calls its compiled pmap with its own rows alone,
# and arrays that are sharded otherwise than by pmap are copied at each call.
_OLD_PMAP = jax.__version_info__ < (0, 8)


class Layout(NamedTuple):
  """The placement of a run on devices.

  Attributes:
    kind: 'one', 'pmap', 'jit' or 'runs'.
    mesh: Mesh over all devices of all processes, one axis, AXIS.
    seeds: of the runs, if the kind is 'runs'.
  """
  kind: str
  mesh: Mesh
  seeds: tuple[int, ...] = ()

  @property
  def axis_name(self):
    """Name of the device axis inside a step; None without one."""
    return AXIS if self.kind == 'pmap' else None

  @property
  def replicated(self):
    """Sharding of arrays that every device has a full copy of."""
    return NamedSharding(self.mesh, PartitionSpec())

  @property
  def carried(self):
    """Sharding of the state and of all that a dispatch returns."""
    return NamedSharding(self.mesh, PartitionSpec(AXIS) if self.kind == 'runs'
                         else PartitionSpec())


def chosen_devices(config):
  """The devices that a config asks for, a list.

  Raises:
    UserError: JAX has another platform or fewer devices.
  """
  devices = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
  if config.devices > len(devices):
    raise UserError(f'config.devices={config.devices}, and JAX found '
                    f'{len(devices)}')
  if config.devices and jax.process_count() > 1:
    raise UserError(f'config.devices={config.devices} with '
                    f'{jax.process_count()} processes, which use all devices: '
                    '0 would be right')
  devices = devices[:config.devices or None]
  have, want = devices[0].platform, config.platform
  if want != 'any' and have != want and not (
      want == 'accelerator' and have != 'cpu'):
    raise UserError(
        f"config.platform asks for '{want}' and JAX found {len(devices)} x "
        f"'{have}'; install jax for that platform (requirements.txt says how) "
        'or set --config.platform=any to run here')
  return devices


def layout(config):
  """Chooses the devices for a config: -> Layout.

  Raises:
    UserError: as `chosen_devices`, or a batch size is not divisible by the
      number of devices, or processes have more devices than others.
  """
  devices = chosen_devices(config)
  counts = collections.Counter(d.process_index for d in devices)
  if len({*counts.values()}) > 1:
    raise UserError(
        f'processes have {", ".join(map(str, counts.values()))} devices, and '
        'each feeds as many rows of a batch: as many devices for each would be '
        'right')
  shards = config.pipeline.shards
  if shards > 1 and shards % len(devices):
    raise UserError(f'config.pipeline.shards={shards} does not divide by '
                    f'{len(devices)} devices; {_near(shards, len(devices))} '
                    'would')
  if shards > 1 and _OLD_PMAP and config.parallel == 'pmap' and (
      len(devices) > 1):
    raise UserError(f'config.pipeline.shards={shards} with config.parallel='
                    f"'pmap' needs JAX 0.8, this is {jax.__version__}: 'jit' "
                    'would be right')
  for key, batch in _batches(config).items():
    if batch % len(devices):
      raise UserError(_undivided(config, key, batch, len(devices)))
  kind = 'one' if len(devices) == 1 else config.parallel
  return Layout(kind, Mesh(np.array(devices), (AXIS,)))


def layout_of_runs(config, seeds):
  """Layout of runs with these seeds, of which each device has as many.

  Raises:
    UserError: as `chosen_devices`.
  """
  if config.pipeline.shards > 1:
    raise UserError(f'config.pipeline.shards={config.pipeline.shards} and '
                    f'config.seeds={config.seeds}: runs of one program share '
                    'the images of a device, and 1 would be right')
  devices = chosen_devices(config)
  count = max(n for n in range(1, len(devices) + 1) if len(seeds) % n == 0)
  return Layout('runs', Mesh(np.array(devices[:count]), (AXIS,)), (*seeds,))


def own(value, config, where):
  """value(seed) of the run; of several runs a pytree of stacked arrays."""
  if where.kind != 'runs':
    return value(config.seed)
  return several.stacked([value(seed) for seed in where.seeds])


def place_own(value, config, where):
  """Copies value(seed) of the run, or of each run, to where it is trained."""
  return jax.tree.map(lambda x: spread.put(np.asarray(x), where.carried),
                      own(value, config, where))


def _batches(config):
  """All batch sizes of a run: {config key: images}."""
  return {'batch': config.batch, 'gen_batch': config.gen_batch,
          **{f'method.batches[{i}]': batch for i, batch in enumerate(
              config.method.get('batches', ()))}}


def _near(number, divisor):
  """The multiple of a divisor that is nearest to a number, above 0."""
  return max(round(number / divisor), 1) * divisor


def _undivided(config, key, batch, devices):
  """What to say of a batch that does not divide by the devices."""
  message = (f'config.{key}={batch} does not divide by {devices} devices; '
             f'{_near(batch, devices)} would')
  if jax.process_count() > 1:
    return message
  common = math.gcd(*_batches(config).values())
  count = max(n for n in range(1, devices) if common % n == 0)
  return f'{message}, or --config.devices={count} for the batches as they are'


def rows(batch):
  """The slice of a global batch of `batch` images that this process feeds."""
  share = batch // jax.process_count()
  first = jax.process_index() * share
  return slice(first, first + share)


def place(tree, where):
  """Copies arrays that all processes have to all devices, replicated."""
  # Between processes jax.device_put would gather all copies to compare them.
  return spread.copies(tree, where.mesh)


def shares(config, where):
  """Number of devices that images on the devices are divided among."""
  apart = config.pipeline.shards > 1 and where.kind in ('pmap', 'jit')
  return where.mesh.size if apart else 1


def place_apart(x, where):
  """Copies to each device images of its own.

  x: numpy [n, ...], those of this process's devices, one after another.

  Returns:
    [devices, n / devices of this process, ...], as `compile_call` expects it.
  """
  local = where.mesh.size // jax.process_count()
  return _by_device(x.reshape(local, len(x) // local, *x.shape[1:]), where)


def feed(x, where):
  """Prepares the batches of one dispatch for the executable.

  x: numpy [k, critics, rows of this process, ...], or a Batch of such arrays.

  Returns:
    The same rows, sharded as `compile_call` expects them.
  """
  if isinstance(x, dict):
    return {name: feed(value, where) for name, value in x.items()}
  if where.kind == 'one':
    return x
  if where.kind == 'runs':  # [k, runs, critics, ...]
    return jax.device_put(np.moveaxis(x, 1, 0), where.carried)
  if where.kind == 'pmap':
    local = where.mesh.size // jax.process_count()
    k, critics, rows = x.shape[:3]
    x = x.reshape(k, critics, local, rows // local, *x.shape[3:])
    return _by_device(np.moveaxis(x, 2, 0), where)
  return jax.make_array_from_process_local_data(
      NamedSharding(where.mesh, PartitionSpec(None, None, AXIS)), x)


def _by_device(x, where):
  """Shards numpy [devices of this process, ...] over them."""
  if where.kind == 'pmap' and _OLD_PMAP and jax.process_count() > 1:
    return x
  return jax.make_array_from_process_local_data(
      NamedSharding(where.mesh, PartitionSpec(AXIS)), x)


def abstract_feed(shape, dtype, where):
  """What `feed` returns in a single process, as a shape with its sharding.

  shape: [k, critics, rows, ...].
  """
  spec = PartitionSpec(None, None, AXIS)
  if where.kind == 'one':
    spec = PartitionSpec()
  elif where.kind == 'pmap':
    k, critics, rows, *tail = shape
    shape = where.mesh.size, k, critics, rows // where.mesh.size, *tail
    spec = PartitionSpec(AXIS)
  return jax.ShapeDtypeStruct(shape, dtype,
                              sharding=NamedSharding(where.mesh, spec))


def calls_of(config, platform):
  """Most steps in one dispatch: as configured, else 1 on a CPU, 10 elsewhere.

  XLA runs convolutions inside loops about 2.7 times slower on a CPU.
  """
  return config.steps_per_call or (1 if platform == 'cpu' else 10)


def advance(state, health, data, x, seed, *, step):
  """Takes k training steps, one for each row of x: the body of one dispatch.

  Args:
    state: the method's state.
    health: [2] int32: the first step at which a metric was not finite, and
      the index of this metric among the sorted names.
    data: Rows (jgan/rows.py), the images to gather from, or None.
    x: [k, critics, b] indices into data, or [k, critics, b, h, w, c] images, or
      with labels a Batch of both.
    seed: uint32 scalar. The random key of step s depends on (seed, s) only, so
      a resumed run repeats an uninterrupted one.
    step: (state, batch, rng) -> (state, metrics).

  Returns:
    The new state and health, and the metrics of the last step.
  """
  def single(carry, x):
    state, health = carry
    if data is not None:
      batch = data.batch(x)
    else:
      batch = x if isinstance(x, dict) else {'image': x}
    before = state.step
    state, metrics = step(state, batch, step_key(seed, before))
    finite = jnp.stack([jnp.isfinite(metrics[key]) for key in sorted(metrics)])
    bad_step = jnp.where(jnp.all(finite), _NEVER, before + 1)
    health = jnp.where(bad_step < health[0],
                       jnp.stack([bad_step, jnp.argmin(finite)]), health)
    return (state, health), metrics

  (state, health), metrics = loop.scan(single, (state, health), x, unroll=False)
  return state, health, jax.tree.map(lambda m: m[-1], metrics)


def step_key(seed, step):
  """The random key of step `step` of a run."""
  # The extra fold keeps it apart from the key that initializes the weights.
  return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 1), step)


def healthy():
  """The initial `health` of `advance`: all metrics were finite so far."""
  return jnp.array([_NEVER, 0], jnp.int32)


def first_bad(health, metrics):
  """The first non-finite metric: (name, step), or None. Waits for `health`."""
  step, index = jax.device_get(health)
  return None if step == _NEVER else (sorted(metrics)[index], int(step))


def compile_call(function, where, state, health, data, x, seed):
  """Compiles `advance` ahead of time; its state is donated.

  The arguments must have the shapes of later calls; x comes from `feed`.

  Returns:
    The executable.
  """
  compiled = lower_call(function, where, state, health, data, x, seed).compile()
  _meet()
  return compiled


def lower_call(function, where, state, health, data, x, seed):
  """The program that `compile_call` compiles; of its arguments shapes do."""
  if where.kind == 'pmap':
    # Tracing needs the rows of one process, the executable those of all.
    local = where.mesh.size // jax.process_count()
    # With several processes, pmap takes arrays only.
    own = lambda x: np.broadcast_to(np.zeros((), x.dtype),
                                    (local, *x.shape[1:]))
    apart = data is not None and data.apart
    x = jax.tree.map(own, x)
    data = jax.tree.map(own, data) if apart else data
    # An axis for each array of x: by a single one JAX 0.10 takes another for
    # them if the arguments happen to be as many as their arrays.
    mapped = jax.pmap(
        function, axis_name=AXIS,
        in_axes=(None, None, 0 if apart else None,
                 jax.tree.map(lambda _: 0, x), None),
        out_axes=None, donate_argnums=(0,),
        devices=list(where.mesh.devices.flat))
    return mapped.lower(state, health, data, x, seed)
  if where.kind == 'runs':
    function = several.over_runs(function, where.mesh)
  with jax.set_mesh(where.mesh):
    jitted = jax.jit(function, donate_argnums=(0,),
                     out_shardings=where.carried)
    return jitted.lower(state, health, data, x, seed)


def memory(call):
  """Bytes of each device that a call of an executable takes."""
  sizes = call.memory_analysis()
  return (sizes.argument_size_in_bytes + sizes.output_size_in_bytes
          - sizes.alias_size_in_bytes + sizes.temp_size_in_bytes)


def limit(where):
  """Bytes of memory that JAX may use on each device; None if it is unknown."""
  return (where.mesh.local_devices[0].memory_stats() or {}).get('bytes_limit')


def _meet():
  """Waits for the other processes, at most an hour.

  One of them may compile what another has in its cache, and collectives wait
  for 30 seconds only on CPUs.
  """
  ocp.multihost.sync_global_processes(
      f'jgan: compiled {next(_MEETINGS)}', timeout=3600,
      processes={*range(jax.process_count())})


def local(tree):
  """One device's copy of replicated arrays, without copying."""
  return jax.tree.map(lambda x: x.addressable_data(0), tree)
