"""Scores the generator compressed by several forms, fits and sizes.

For each form (jgan/compress/forms), fit (jgan/compress/fits) and ratio, those
layers of config.compress.match that take the form become that much smaller, and
the generator is scored without fine-tuning. Several seeds, of decompositions,
of what fits measure and of scored images, tell what is noise. In --out:
trials.jsonl, from which a repeated call goes on, a table tradeoff.md and the
picture tradeoff.png.
"""
import json
import logging
import pathlib
import re

import jax
import numpy as np

from jgan import config as configs
from jgan import flags as common
from jgan import lookup, sections
from jgan.compress import factorize, ranks
from jgan.compress.fitting import fitting
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report import tradeoff
from jgan.run import restore
from jgan.score.networks import Scoring
from jgan.types import Network
from jgan.verbs import _fit
from jgan.workdir import append, is_numbers, write_text
from jgan.workdir import records as lines

log = logging.getLogger(__name__)

FLAGS = (
    common.CONFIG, common.WORKDIR, common.DATA_DIR,
    common.OUT._replace(required=False, help='The folder to write; else '
                        'tradeoff/ in --workdir.'),
    common.STEP, common.BEST,
    Flag('forms', (), 'Names, with commas; else all that layers take.'),
    Flag('fits', (), 'Names, with commas; else kernel,outputs.'),
    Flag('ratios', (), 'How many times smaller each layer becomes, with '
         'commas; else 2,4,8,16.'),
    Flag('seeds', 3, 'How many seeds, from config.seed on.'),
)
_NUMBERS = 'seed', 'ratio', 'params', 'score'


def run(config, flags):
  """Compresses the checkpoint that the flags choose, again and again."""
  ratios = [_ratio(text) for text in flags.ratios or ('2', '4', '8', '16')]
  if flags.seeds < 1:
    raise UserError(f'--seeds={flags.seeds}: at least 1 would be right')
  method, state = restore.chosen(config, flags)
  out = flags.out or pathlib.Path(flags.workdir) / 'tradeoff'
  return write(config, method, state, out, ratios=ratios, seeds=flags.seeds,
               forms=flags.forms,
               fits=flags.fits or ('kernel', 'outputs'),
               data_dir=flags.data_dir)


def write(config, method, state, out, *, forms, fits, ratios, seeds,
          data_dir=''):
  """Scores every form, fit and ratio with every seed.

  Args:
    config: completed; of config.compress, `match`, `source`, `restarts`,
      `iterations` and the arguments of `fit` are read.
    method: Method of the config.
    state: GanState.
    out: folder for what is written.
    forms: names; (): all that layers take.
    fits: names.
    ratios: above 1.
    seeds: how many.
    data_dir: folder of data sets and weights.

  Returns:
    Text: the table.

  Raises:
    UserError: an unknown name, no layer that a ratio makes smaller, a layer
      that a fit cannot measure, or `out` has trials of another checkpoint.
  """
  net = state.ema if config.compress.source == 'average' else state.gen
  params = jax.device_get(net.params)
  for name in forms:
    lookup.find('compress.forms', name)
  shapes = _fit.layers(config, params)
  forms = forms or sorted({name for x in shapes.values() for name in fitting(x)}
                          ) or lookup.names('compress.forms')
  plans = {(form, ratio): layers_of(params, shapes, form, ratio)
           for form in forms for ratio in ratios}
  for name in fits:
    lookup.find('compress.fits', name)
  folder = pathlib.Path(out)
  folder.mkdir(parents=True, exist_ok=True)
  file, rows = folder / 'trials.jsonl', []
  for seed in range(config.seed, config.seed + seeds):
    rows += _of_seed(_with(config, seed), method, Network(params, net.stats),
                     int(state.step), file, plans, fits, data_dir)
  header = lines(file, fits=_fits)[0]
  text = table(rows, header)
  write_text(folder / 'tradeoff.md', text)
  series, base = _series(rows)
  tradeoff.curves(folder / 'tradeoff.png', {
      name: [*points.values()] for name, points in series.items()}, base,
                  header['metric'])
  return f'{text}{folder / "tradeoff.png"}\n'


def layers_of(params, shapes, form, ratio):
  """The layers to factor: {path: {'form', 'rank'}}.

  A layer that takes another form, or that no rank makes that much smaller, is
  left as it is; the log says so of the latter.

  Args:
    params: of the generator.
    shapes: {path: kernel shape} of the layers that can be factored.
    form, ratio: of a trial.

  Raises:
    UserError: no layer takes the form, or becomes that much smaller.
  """
  layers = {}
  paths = [path for path, shape in shapes.items() if form in fitting(shape)]
  if not paths:
    raise UserError(f'none of the layers {", ".join(shapes)} takes form '
                    f"'{form}': another form, or another config.compress."
                    'match, would be right')
  for path in paths:
    try:
      layers |= ranks.resolve(params, [{
          'match': f'^{re.escape(path)}$', 'form': form, 'ratio': ratio}])
    except UserError as error:
      log.info('%s is left as it is: %s', path, error)
  if not layers:
    raise UserError(f"form '{form}' makes none of {', '.join(paths)} {ratio:g} "
                    'times smaller: a smaller ratio would be right')
  return layers


def _of_seed(config, method, net, step, file, plans, fits, data_dir):
  """The trials of one seed; those that the file has are not made again."""
  scoring = Scoring(config, data_dir)
  metric, better = scoring.decisive()
  about = {'step': step, 'source': config.compress.source,
           'match': config.compress.match,
           'restarts': config.compress.restarts,
           'iterations': config.compress.iterations,
           'fit': json.loads(json.dumps(config.compress.fit.to_dict())),
           **{key: value for key, value in scoring.about.items()
              if 'seed' not in key}, 'metric': metric, 'better': better}
  if not lines(file, fits=_fits):
    append(file, about)
  header, *known = lines(file, fits=_fits)
  for key, value in about.items():
    if header.get(key) != value:
      raise UserError(f'{file} has trials with {key}={header.get(key)}, not '
                      f'{value}: choose another --out')
  sampler = scoring.sampler(method)
  score = lambda params: float(scoring.score(
      sampler, Network(params, net.stats), step)[0][metric])
  rows = {_key(row): row for row in known}

  def trial(form, fit, ratio, params, size):
    row = {'seed': config.seed, 'form': form, 'fit': fit, 'ratio': ratio,
           'params': size, 'score': score(params)}
    append(file, row)
    rows[_key(row)] = row
    log.info('seed %d, %s fitted to %s, %g times smaller: %.5g', config.seed,
             form, fit, ratio, row['score'])

  if (config.seed, '', '', 1.) not in rows:
    trial('', '', 1., net.params, _size(net.params))
  paths = dict.fromkeys(path for layers in plans.values() for path in layers)
  wanted = [(config.seed, '', '', 1.)]
  for fit in fits:
    keys = {(config.seed, form, fit, ratio): (form, ratio)
            for form, ratio in plans}
    wanted += keys
    todo = [plan for key, plan in keys.items() if key not in rows]
    arguments = todo and _fit.arguments(_with(config, config.seed, fit), method,
                                        net, paths)
    for form, ratio in todo:
      changed, reports = factorize.reconstruct(
          net.params, plans[form, ratio], **arguments)
      trial(form, fit, ratio, changed, _size(net.params) - sum(
          r.before - r.after for r in reports))
  return [rows[key] for key in wanted]


def table(rows, header):
  """The mean scores as a table in GitHub Markdown."""
  series, (size, base) = _series(rows)
  show = lambda scores: (f'{np.mean(scores):.4g}' + (
      f' ± {np.std(scores, ddof=1):.2g}' if len(scores) > 1 else ''))
  text = [f'Step {header["step"]}, {header["metric"]} of {header["samples"]:,} '
          f'images, {len(base)} seeds (± standard deviation), without '
          f'fine-tuning; the generator as it is, {size:,} parameters: '
          f'{show(base)}.', '',
          f'| form, fitted to | ratio | parameters | {header["metric"]} |',
          '|---|--:|--:|--:|']
  text += [f'| {form}, {fit} | {ratio:g} | {params:,} | {show(scores)} |'
           for (form, fit), points in series.items()
           for ratio, (params, scores) in points.items()]
  return '\n'.join(text) + '\n'


def _series(rows):
  """{(form, fit): {ratio: (parameters, scores)}}, and those as it is."""
  series, base = {}, []
  for row in rows:
    if row['form']:
      points = series.setdefault((row['form'], row['fit']), {})
      points.setdefault(row['ratio'], (row['params'], []))[1].append(
          row['score'])
    else:
      base.append(row['score'])
      size = row['params']
  return series, (size, base)


def _key(row):
  return row['seed'], row['form'], row['fit'], row['ratio']


def _size(params):
  return sum(x.size for x in jax.tree.leaves(params))


def _with(config, seed, fit=''):
  """The config with another seed, and with another fit if it is named."""
  config = config.copy_and_resolve_references().unlock()
  config.seed = seed
  if fit and fit != config.compress.fit.name:
    sections.rename(config, 'compress.fit', fit)
  return configs.complete(config)


def _ratio(text):
  try:
    ratio = float(text)
  except ValueError:
    ratio = 0.
  if not 1. < ratio < float('inf'):
    raise UserError(f'--ratios has {text!r}: a number above 1, as 4, would be '
                    'right')
  return ratio


def _fits(line):
  """Whether a line is the header, or a trial."""
  return 'metric' in line or ({*_NUMBERS} <= {*line} and is_numbers(
      line[key] for key in _NUMBERS))
