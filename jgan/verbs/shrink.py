"""Takes pruned channels out of the generator; writes a run to --out.

What the masks of a run's optimizer prune is set to zero in both generators, as
in its last sparse phase, and channels that nothing takes any more are removed
with all that belongs to them: the images stay the same. The new run has the
discriminator and what the optimizers know, counts its steps from 0, so that
its cost is that of its own training, if any, and prunes no more.
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

from jgan import build, weights
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
  method = build.method(config)
  state = restore.state_of(config, method, flags.workdir, step=flags.step,
                           best=flags.best)
  return write(config, method, state, flags.out, params=flags.params,
               data_dir=flags.data_dir)


def write(config, method, state, out, *, params='', data_dir=''):
  """Removes channels from a generator and writes a run that has the rest.

  Args:
    config: completed.
    method: Method of it.
    state: GanState.
    out: folder of the new run, with generator.safetensors (the average) and
      shrink.json (all numbers) beside what a run has.
    params: an exported generator to take instead of the state's, as
      RUN/pair/sparse.safetensors; masks are not applied to it.
    data_dir: where data sets and weights are found.

  Returns:
    Text: channels, size, work, latency and scores before and after.

  Raises:
    UserError: the generator cannot lose channels or has none to lose, the
      run's method holds more of it than a state does, or `out` is in use.
  """
  out = pathlib.Path(out)
  refuse_used(out)
  groups = channels.groups(
      build.models(config, build.spec(config).shape).gen)
  state, whole = jax.device_get(state), state.ema
  if params:
    state = weights.warm_start(state, SimpleNamespace(generator=params,
                                                      discriminator=''))
    whole = state.ema
  else:
    state = pruned(state)
  kept = channels.alive(state.ema.params, groups)
  if all(k.all() for k in kept):
    raise UserError(
        f'all {sum(k.size for k in kept)} channels of the generator are in use:'
        ' a run trained with config.optimizer.gen.pruning.name='
        'prune_grow_channels beyond its warm-up has some to remove')
  small = shrunk(config, kept)
  after = build.method(small)
  smaller = narrowed(state, groups, kept)
  _refuse_another_shape(small, after, smaller)

  found = {'channels': {group.makers[0]: [k.size, int(k.sum())]
                        for group, k in zip(groups, kept)},
           **compared(config, small, (method.sample, whole),
                      (after.sample, smaller.ema), method.latent),
           'difference': difference(method.sample, state.ema, after.sample,
                                    smaller.ema, method.latent),
           'scores': {}}
  notes = {}
  if config.eval.metrics:
    scoring = Scoring(config, data_dir)
    scores = found['scores']
    scores['before'], _ = scoring.score(jax.jit(method.sample), whole,
                                        method.latent)
    scores['after'], stamp = scoring.score(jax.jit(after.sample), smaller.ema,
                                           method.latent)
    if config.checkpoint.best:
      notes = {'best': scoring.best(0, scores['after'], stamp)}
  with made(out, small) as folder, contextlib.closing(
      checkpoint.Checkpoints(checkpoints(folder))) as saved:
    if found['scores']:
      record.add(folder, 0, scores['after'], stamp)
    saved.keep_best(0 if notes else None)
    saved.save(0, smaller, notes)
    saved.wait()
    weights.save(smaller.ema, folder / 'generator.safetensors')
    write_text(folder / 'shrink.json', json.dumps(found, indent=2) + '\n')
  return table(found) + f'{out}\n'


def pruned(state):
  """The state with both generators zero at the optimizer's masks, if any."""
  masks = masked.masks_of(state.gen.opt)
  if masks is None:
    return state
  sparse = lambda net: net.replace(
      params=jax.device_get(masked.zero(net.params, masks)))
  return state.replace(gen=sparse(state.gen), ema=sparse(state.ema))


def shrunk(config, kept):
  """The config of the new run. kept: of each of `hidden`, bool [n]."""
  config = config.copy_and_resolve_references().unlock()
  config.generator.hidden = tuple(int(k.sum()) for k in kept)
  config.optimizer.gen.pruning = {'name': 'none'}
  config.init.update({'generator': '', 'discriminator': ''})
  return configs.complete(config)


def narrowed(state, groups, kept):
  """The state of the new run, with the optimizer inside of one that masks."""
  opt = state.gen.opt
  gen = state.gen.replace(
      opt=opt.inner if isinstance(opt, masked.Masked) else opt)
  return state.replace(step=np.int32(0),
                       gen=channels.narrow(gen, groups, kept),
                       ema=channels.narrow(state.ema, groups, kept))


def compared(before, after, old, new, latent):
  """Size, work and latency of two generators.

  Args:
    before, after: their configs, completed.
    old, new: (sample, Network).
    latent: the width of their noise.

  Returns:
    {'before': {...}, 'after': {...}}, each as `describe` counts ('params',
    'mb', 'macs', 'macs_thop') with 'latency', {batch: seconds}.
  """
  found = {}
  for name, config in (('before', before), ('after', after)):
    found[name] = {**size.generator(config), 'latency': {}}
  for batch in BATCHES:
    z = jax.random.normal(jax.random.key(0), (batch, latent))
    times = latency.measure({
        name: (sample, (net, z))
        for name, (sample, net) in (('before', old), ('after', new))})
    for name, seconds in times.items():
      found[name]['latency'][batch] = seconds
  return found


def difference(sample, net, other_sample, other, latent):
  """The largest difference of a pixel, in [-1, 1], of 16 images of two."""
  z = jax.random.normal(jax.random.key(1), (16, latent))
  a, b = jax.jit(sample)(net, z), jax.jit(other_sample)(other, z)
  return float(jnp.abs(a - b).max())


def table(found):
  """What was removed, and what it saves, as text."""
  out = io.StringIO()
  console = rich.console.Console(file=out, width=100)
  layers, sizes = rich.table.Table(), rich.table.Table()
  for shown, names in ((layers, ('channels of', 'before', 'after')),
                       (sizes, ('generator', 'before', 'after', 'ratio'))):
    for name in names:
      shown.add_column(name, justify='left' if name == names[0] else 'right')
  for name, counts in found['channels'].items():
    layers.add_row(name, *map(str, counts))
  console.print(layers)

  before, after = found['before'], found['after']

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
  console.print('FLOPs are twice the MACs. The two took turns on '
                f'{jax.devices()[0].device_kind}.')
  console.print('Largest difference of a pixel to the masked generator: '
                f'{found["difference"]:.1e}')
  scores = found['scores']
  for label in scores.get('before', ()):
    console.print(f'{label}: {scores["before"][label]:.6g} -> '
                  f'{scores["after"][label]:.6g}')
  if not scores:
    console.print('not scored: config.eval.metrics is empty')
  return out.getvalue()


def _refuse_another_shape(config, method, state):
  """Refuses a state that is not what the new run's method has."""
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
