"""Factorizes layers of the generator; writes a new run to --out to fine-tune.

The new run continues from the checkpoint: it has the discriminator, the
parameters that are not factorized, and the optimizer state of both. The
factors have a fresh optimizer state and their own learning rate.
"""
import contextlib
import dataclasses
import functools
import io
import json
import logging
import pathlib
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import rich.console
import rich.table
from flax.core import FrozenDict
from flax.traverse_util import flatten_dict, unflatten_dict

from jgan import arrays, build, forward, genotype
from jgan import config as configs
from jgan import flags as common
from jgan.compress import factorize, ranks, sensitivity, transfer
from jgan.errors import UserError
from jgan.files import parsed
from jgan.flags import Flag
from jgan.layers import factored
from jgan.layers.conv import Conv
from jgan.run import checkpoint, restore
from jgan.score import latency, record
from jgan.score.networks import Scoring
from jgan.types import Network
from jgan.verbs import _fit
from jgan.workdir import checkpoints, made, refuse_used, write_text

log = logging.getLogger(__name__)

_FACTORS = '|'.join(factored.FACTORS)


FLAGS = (
    common.CONFIG, common.WORKDIR, common.DATA_DIR,
    common.OUT._replace(help='Folder of the new run.'),
    common.STEP, common.BEST,
    Flag('last', False, 'The layers of config.compress.last.'),
)


def run(config, flags):
  """Compresses the generator of the checkpoint that the flags choose."""
  method, state = restore.chosen(config, flags)
  return write(config, method, state, flags.out, last=flags.last,
               data_dir=flags.data_dir)


def write(config, method, state, out, *, last=False, data_dir=''):
  """Compresses a generator and writes it as a new run.

  Args:
    config: completed; config.compress says which layers to factorize and how.
    method: Method of the config.
    state: GanState.
    out: folder of the new run; `train` with this workdir fine-tunes it.
    last: apply config.compress.last instead of .rules, for a network that is
      not fine-tuned afterwards: the new run is already at its last step.
    data_dir: folder of data sets and weights.

  Returns:
    Text: the size of each layer and the scores, before and after.

  Raises:
    UserError: the config has no rules, they do not fit the generator or are
      of another genotype, or `out` is not an empty folder.
  """
  plan = config.compress
  out = pathlib.Path(out)
  refuse_used(out)
  if not (last or plan.sensitivity or rules_fit(config)):
    raise UserError(
        'config.compress.rules name layers of genotype '
        f"'{plan.genotype}', and the generator has another: let "
        '--config.compress.sensitivity=FILE of --mode=sensitivity choose its '
        'layers, or apply the rules by --config.compress.genotype=')
  source = state.ema if plan.source == 'average' else state.gen
  layers = chosen(plan, source.params, last)
  # Before the work of minutes: it refuses scores that there will not be.
  scoring = Scoring(config, data_dir) if config.eval.metrics else None
  model = build.models(config, build.spec(config).shape).gen
  layers = quickest(model, source, layers)
  params, reports = factorize.factorize(
      jax.device_get(source.params), layers,
      **_fit.arguments(config, method, source, layers))

  tuning = tuned(config, layers, last)
  after = build.method(tuning)
  state = moved(config, tuning, state, params, layers, last)
  scores, notes = {}, {}
  if scoring:
    scores['before'], _ = scoring.score(scoring.sampler(method), source)
    step = int(state.step)
    scores['after'], stamp = scoring.score(scoring.sampler(after), state.ema,
                                           step)
  with made(out, tuning) as folder, contextlib.closing(
      checkpoint.Checkpoints(checkpoints(folder))) as saved:
    if scores:
      record.add(folder, step, scores['after'], stamp)
    if scores and config.checkpoint.best:
      notes = {'best': scoring.best(step, scores['after'], stamp)}
      saved.keep_best(step)
    saved.save(int(state.step), state, notes)
    saved.wait()
    write_text(folder / 'compression.json', json.dumps({
        'layers': [report._asdict() for report in reports],
        'scores': scores}, indent=2) + '\n')
  return table(reports, scores) + f'{out}\n'


def chosen(plan, params, last):
  """The layers to factorize: {path: {'form', 'rank'}}.

  They come from config.compress.sensitivity if it names a file and `last` is
  false, otherwise from the rules of config.compress.
  """
  name = 'last' if last else 'rules'
  if plan.sensitivity and not last:
    return ranks.resolve(params, [
        {'match': f'^{re.escape(path)}$', **options}
        for path, options in proposed(plan).items()])
  if not plan[name]:
    raise UserError(f'config.compress.{name} is empty: rules like '
                    "({'match': '.*conv', 'form': 'cp', 'rank': 64},) say "
                    'what to factor')
  return ranks.resolve(params, plan[name])


def rules_fit(config):
  """Whether config.compress.rules are for the config's generator.

  Rules for a certain genotype are not for the network of another one.
  """
  wanted, own = config.compress.genotype, config.generator.get('genotype')
  cells = lambda name: genotype.load(name)['generator']
  return not wanted or (bool(own) and cells(wanted) == cells(own))


def check(config):
  """Refuses a config.compress that does not fit the generator.

  Only shapes are computed, so that a mistake can be reported before the
  generator is trained.

  Raises:
    UserError: the rules, or those of `last`, select no layer, one that cannot
      be factored, or have a form or rank that a layer does not take; if `ranks`
      decide, none of them makes a layer smaller.
  """
  plan = config.compress
  params = build.abstract(config, build.method(config)).gen.params
  layers = {}
  if plan.rules and rules_fit(config):
    layers = chosen(plan, params, last=False)
  else:
    sensitivity.trials(_fit.layers(config, params), plan.ranks)
  if plan.last:
    rest = flatten_dict(params, sep='/')
    for path in layers:
      del rest[f'{path}/kernel']
    layers |= chosen(plan, unflatten_dict(rest, sep='/'), last=True)
  factored.module(build.models(config, build.spec(config).shape).gen, layers)


def proposed(plan):
  """The layers and ranks that config.compress.sensitivity selects."""
  file = pathlib.Path(plan.sensitivity)
  try:
    report = parsed(arrays.regular(file).read_bytes())
    base = float(report['base'])
    rows = [sensitivity.Row(**row) for row in report['rows']]
    rows = [row._replace(layer=str(row.layer), form=str(row.form),
                         params=int(row.params), removed=int(row.removed),
                         score=float(row.score)) for row in rows]
    better = report.get('better', 'lower')
    if better not in ('lower', 'higher'):
      raise ValueError(f"'better' is {better!r}, not 'lower' or 'higher'")
  except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
    raise UserError(f'cannot read config.compress.sensitivity={file}: {error}; '
                    'a sensitivity.json of --mode=sensitivity would be right'
                    ) from error
  if plan.penalty:
    layers = ranks.by_penalty(base, rows, penalty=plan.penalty, better=better)
  else:
    layers, _ = ranks.by_budget(base, rows, budget=plan.budget, better=better)
  if not layers:
    raise UserError(f'none of the {len(rows)} trials in {file} is good enough '
                    f'with penalty={plan.penalty:g}, budget={plan.budget:g}: a '
                    'larger penalty or budget would compress more')
  return layers


def tuned(config, layers, last):
  """The config of the new run, with factorized layers and fine-tuning."""
  config = config.copy_and_resolve_references().unlock()
  config.factored = {**config.factored.to_dict(), **layers}
  config.init.update({'generator': '', 'discriminator': ''})
  config.ema.update({'power': (), 'snapshots': 0})  # of other shapes
  # Biases are not matched: they stay in their parameter group and keep their
  # Adam moments.
  names = '|'.join(re.escape(path) for path in layers)
  config.optimizer.gen.groups = (
      {'match': f'^({names})/({_FACTORS})$', 'lr': config.compress.lr},
      *config.optimizer.gen.groups)
  if not last:
    config.steps = config.compress.steps
    if not config.compress.feedback:
      config.feedback = ()
  return configs.complete(config)


def moved(config, tuning, state, params, layers, last):
  """The state of the new run.

  With config.compress.source='average', the trained generator and the average
  both start from the factorized average. Otherwise they share the factors
  only, and each keeps its other layers, as in the published code.
  """
  if config.compress.source == 'average':
    averaged = params
  else:
    averaged = with_layers(jax.device_get(state.ema.params), params, layers)
  opt, fresh = transfer.carry(state.gen.opt,
                              build.optimizers(tuning).gen.init(params))
  log.info('%d arrays of the optimizer state are reset', len(fresh))
  extra = {k: v for k, v in state.extra.items()
           if k not in ('feedback', 'averages')}
  if not last:
    extra |= build.extra(tuning)
  elif 'feedback' in state.extra:
    extra['feedback'] = state.extra['feedback']
  stats = state.gen.stats
  if config.compress.source == 'average':
    stats = state.ema.stats
  # Copies: a training step donates its state, so no two arrays may share a
  # buffer.
  new = state.replace(
      step=jnp.int32(tuning.steps if last else 0),
      gen=Network(params, stats, opt),
      ema=Network(averaged, state.ema.stats), extra=extra)
  return jax.tree.map(np.array, new)


def with_layers(params, source, layers):
  """`params` with the factors of `layers` copied from `source`."""
  flat = flatten_dict(params, sep='/')
  for path in layers:
    del flat[f'{path}/kernel']
  for name, x in flatten_dict(source, sep='/').items():
    path, _, own = name.rpartition('/')
    if path in layers and own != 'bias':
      flat[name] = x
  return unflatten_dict(flat, sep='/')


def quickest(model, net, layers, batch=16):
  """Chooses the fastest way to compute each CP layer, by measuring latency.

  Layers whose options already name a way, and layers of other forms, are not
  changed.

  Returns:
    {path: {'form', 'rank', 'way'}}.
  """
  convs = {}

  def intercept(call, arguments, keywords, context):
    if isinstance(context.module, Conv) and context.method_name == '__call__':
      path = '/'.join(context.module.path)
      convs[path] = context.module, arguments[0].shape[1:]
    return call(*arguments, **keywords)

  with nn.intercept_methods(intercept):
    z = jax.ShapeDtypeStruct((1, model.latent), jnp.float32)
    jax.eval_shape(functools.partial(forward.sample, model), net,
                   *forward.inputs(model, z))
  settled, known = {}, {}
  for path, options in layers.items():
    settled[path] = dict(options)
    if options['form'] != 'cp' or 'way' in options:
      continue
    conv, shape = convs[path]
    kind = (shape, conv.features, conv.kernel, conv.dilation, conv.stride,
            options['rank'])
    if kind not in known:
      known[kind] = _fastest(conv, (batch, *shape), options)
      log.info('%s is fastest as %s', path, known[kind])
    settled[path]['way'] = known[kind]
  return settled


def _fastest(conv, shape, options):
  """The fastest way to compute one CP convolution on this device.

  shape: of the input, [b, h, w, c].
  """
  fields = {f.name: getattr(conv, f.name) for f in dataclasses.fields(Conv)
            if f.name not in ('parent', 'name')}
  x = np.ones(shape, np.float32)
  calls = {}
  for way in factored.WAYS:
    layer = factored.FactoredConv(**fields, layers=FrozenDict(
        {'': factored.checked('', {**options, 'way': way})}))
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x)
    weights = jax.tree.map(lambda a: np.ones(a.shape, a.dtype), shapes)
    calls[way] = layer.apply, (weights, x)
  times = latency.measure(calls, rounds=9, seconds=3.)
  return min(times, key=times.get)


def table(reports, scores):
  """Each layer and the scores, before and after compression, as text."""
  out = io.StringIO()
  console = rich.console.Console(file=out, width=100)
  layers = rich.table.Table()
  of_outputs = any(r.output_error is not None for r in reports)
  for name in ('layer', 'form', 'rank', 'parameters', 'after', 'error',
               *(['of outputs'] if of_outputs else []),
               'largest term', 'log sensitivity'):
    layers.add_column(name, justify='left' if name == 'layer' else 'right')
  number = lambda x: '' if x is None else f'{x:.3g}'
  for r in reports:
    layers.add_row(r.layer, r.form, str(r.rank), f'{r.before:,}',
                   f'{r.after:,}', f'{r.error:.4f}',
                   *([f'{r.output_error:.4f}'] if of_outputs else []),
                   number(r.largest_term), number(r.log_sensitivity))
  before, after = (sum(getattr(r, k) for r in reports)
                   for k in ('before', 'after'))
  layers.add_section()
  layers.add_row('total', '', '', f'{before:,}', f'{after:,}')
  console.print(layers)
  for label in scores.get('before', ()):
    console.print(f'{label}: {scores["before"][label]:.6g} -> '
                  f'{scores["after"][label]:.6g}, without fine-tuning')
  if not scores:
    console.print('not scored: config.eval.metrics is empty')
  return out.getvalue()
