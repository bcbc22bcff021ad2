"""Removes pruned channels from the generator; writes a new run to --out.

First, weights that the masks of the run's optimizer prune are set to zero in
the generator and its average, as in a sparse phase of training. Then channels
with no remaining connection to the next layer are removed with all their
parameters, which does not change the images. The new run keeps the
discriminator and the optimizer states, and no longer prunes. It counts its
steps from 0, so its cost is the cost of its own training.
"""
import contextlib
import io
import json
import pathlib
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import rich.console
import rich.table

from jgan import about, build, forward, weights
from jgan import config as configs
from jgan import flags as common
from jgan.compress import channels
from jgan.errors import UserError
from jgan.optim import masked
from jgan.run import checkpoint, restore
from jgan.score import latency, record, size
from jgan.score.networks import Scoring
from jgan.workdir import checkpoints, made, refuse_used, write_text

BATCHES = 1, 64  # images made by one measured call


FLAGS = (
    common.CONFIG, common.WORKDIR, common.DATA_DIR,
    common.OUT._replace(help='Folder of the new run.'),
    common.STEP, common.BEST,
    common.PARAMS._replace(help="An exported generator instead of the "
                           "checkpoint's, as RUN/pair/sparse.safetensors."),
)


def run(config, flags):
  """Shrinks the generator of the checkpoint that the flags choose."""
  method, state = restore.chosen(config, flags)
  return write(config, method, state, flags.out, params=flags.params,
               data_dir=flags.data_dir)


def write(config, method, state, out, *, params='', data_dir=''):
  """Removes unused channels from a generator and writes it as a new run.

  Args:
    config: completed.
    method: Method of the config.
    state: GanState.
    out: folder of the new run; it also gets generator.safetensors (the
      average) and shrink.json (all numbers of the returned text).
    params: file of an exported generator that replaces both generators of the
      state, as RUN/pair/sparse.safetensors; masks are not applied to it.
    data_dir: folder of data sets and weights.

  Returns:
    Text: channels, size, MACs, latency and scores, before and after.

  Raises:
    UserError: channels of this generator cannot be removed, all of them are
      in use, the state of the run's method does not have the shape of the
      smaller generator, or `out` is not an empty folder.
  """
  out = pathlib.Path(out)
  refuse_used(out)
  groups = channels.groups(
      build.models(config, build.spec(config).shape).gen)
  state, average = jax.device_get(state), state.ema
  if params:
    state = weights.warm_start(state, SimpleNamespace(generator=params,
                                                      discriminator=''))
    average = state.ema
  else:
    state = pruned(state)
  alive = channels.alive(state.ema.params, groups)
  if all(mask.all() for mask in alive):
    total = sum(mask.size for mask in alive)
    raise UserError(
        f'all {total} channels of the generator are in use: a run trained with '
        'config.optimizer.gen.pruning.name=prune_grow_channels beyond its '
        'warm-up has some to remove')
  new_config = shrunk(config, alive)
  new_method = build.method(new_config)
  new_state = narrowed(state, groups, alive)
  _refuse_another_shape(new_config, new_method, new_state)

  numbers = {
      'channels': {group.makers[0]: [mask.size, int(mask.sum())]
                   for group, mask in zip(groups, alive)},
      **compared(config, new_config, (method, average),
                 (new_method, new_state.ema)),
      'difference': difference((method, state.ema),
                               (new_method, new_state.ema)),
      'scores': {}}
  notes = {}
  if config.eval.metrics:
    scoring = Scoring(config, data_dir)
    scores = numbers['scores']
    scores['before'], _ = scoring.score(scoring.sampler(method), average)
    scores['after'], stamp = scoring.score(scoring.sampler(new_method),
                                           new_state.ema)
    if config.checkpoint.best:
      notes = {'best': scoring.best(0, scores['after'], stamp)}
  with made(out, new_config) as folder, contextlib.closing(
      checkpoint.Checkpoints(checkpoints(folder))) as saved:
    if numbers['scores']:
      record.add(folder, 0, scores['after'], stamp)
    saved.keep_best(0 if notes else None)
    saved.save(0, new_state, notes)
    saved.wait()
    weights.save(new_state.ema, folder / 'generator.safetensors', about.strings(
        new_config, network='generator', weights='average', step=0,
        image=build.spec(new_config).shape, latent=new_method.latent))
    write_text(folder / 'shrink.json', json.dumps(numbers, indent=2) + '\n')
  return table(numbers) + f'{out}\n'


def pruned(state):
  """The state with masked weights of both generators set to zero.

  A state whose optimizer has no masks is returned unchanged.
  """
  masks = masked.masks_of(state.gen.opt)
  if masks is None:
    return state
  sparse = lambda net: net.replace(
      params=jax.device_get(masked.zero(net.params, masks)))
  return state.replace(gen=sparse(state.gen), ema=sparse(state.ema))


def shrunk(config, alive):
  """The config of the new run.

  alive: for each entry of config.generator.hidden, bool [channels].
  """
  config = config.copy_and_resolve_references().unlock()
  config.generator.hidden = tuple(int(mask.sum()) for mask in alive)
  config.optimizer.gen.pruning = {'name': 'none'}
  config.init.update({'generator': '', 'discriminator': ''})
  config.ema.update({'power': (), 'snapshots': 0})  # of other shapes
  return configs.complete(config)


def narrowed(state, groups, alive):
  """The state of the new run, with the optimizer state without masks."""
  opt = state.gen.opt
  gen = state.gen.replace(
      opt=opt.inner if isinstance(opt, masked.Masked) else opt)
  extra = {k: v for k, v in state.extra.items() if k != 'averages'}
  return state.replace(step=np.int32(0), extra=extra,
                       gen=channels.narrow(gen, groups, alive),
                       ema=channels.narrow(state.ema, groups, alive))


def compared(before, after, old, new):
  """Size, MACs and latency of two generators.

  Args:
    before, after: their configs, completed.
    old, new: (Method, Network) of each.

  Returns:
    {'before': {...}, 'after': {...}}, each with 'params', 'mb', 'macs' and
    'macs_thop' as in `describe`, and 'latency', {batch: seconds}.
  """
  measured = {}
  for name, config in (('before', before), ('after', after)):
    measured[name] = {**size.generator(config), 'latency': {}}
  for batch in BATCHES:
    z = jax.random.normal(jax.random.key(0), (batch, old[0].latent))
    times = latency.measure({
        name: (method.sample, (net, *forward.inputs(method, z)))
        for name, (method, net) in (('before', old), ('after', new))})
    for name, seconds in times.items():
      measured[name]['latency'][batch] = seconds
  return measured


def difference(old, new):
  """The largest absolute pixel difference of two generators' 16 images.

  Pixels are in [-1, 1].

  old, new: (Method, Network) of each.
  """
  z = jax.random.normal(jax.random.key(1), (16, old[0].latent))
  a, b = (jax.jit(method.sample)(net, *forward.inputs(method, z))
          for method, net in (old, new))
  return float(jnp.abs(a - b).max())


def table(numbers):
  """The numbers of `write` as text: channels removed, and savings."""
  out = io.StringIO()
  console = rich.console.Console(file=out, width=100)
  layers, sizes = rich.table.Table(), rich.table.Table()
  for columns, names in ((layers, ('channels of', 'before', 'after')),
                         (sizes, ('generator', 'before', 'after', 'ratio'))):
    for name in names:
      columns.add_column(name, justify='left' if name == names[0] else 'right')
  for name, counts in numbers['channels'].items():
    layers.add_row(name, *map(str, counts))
  console.print(layers)

  before, after = numbers['before'], numbers['after']

  def row(name, show, pick):
    a, b = pick(before), pick(after)
    sizes.add_row(name, show(a), show(b), f'{a / b:.2f}x')

  row('parameters', '{:,}'.format, lambda x: x['params'])
  row('MB', '{:.2f}'.format, lambda x: x['mb'])
  row('MACs per image', '{:,}'.format, lambda x: x['macs'])
  for batch in BATCHES:
    row(f'ms, batch {batch}', '{:.2f}'.format,
        lambda x, batch=batch: 1e3 * x['latency'][batch])
  console.print(sizes)
  console.print('FLOPs are twice the MACs. Latencies were measured in turns on '
                f'{jax.devices()[0].device_kind}.')
  console.print('Largest pixel difference to the masked generator: '
                f'{numbers["difference"]:.1e}')
  scores = numbers['scores']
  for label in scores.get('before', ()):
    console.print(f'{label}: {scores["before"][label]:.6g} -> '
                  f'{scores["after"][label]:.6g}')
  if not scores:
    console.print('not scored: config.eval.metrics is empty')
  return out.getvalue()


def _refuse_another_shape(config, method, state):
  """Refuses a state whose arrays differ from those of the new run's method."""
  shapes = lambda tree: {
      jax.tree_util.keystr(path, simple=True, separator='/'): np.shape(x)
      for path, x in jax.tree_util.tree_leaves_with_path(tree)}
  have, want = shapes(state), shapes(build.abstract(config, method))
  for name in sorted({*have, *want}):
    if have.get(name) != want.get(name):
      raise UserError(
          f"a run of method '{config.method.name}' cannot lose channels: {name}"
          f' is {have.get(name, "absent")} in its state, and would have to be '
          f'{want.get(name, "absent")}')
