"""Scores the generator with each layer compressed alone.

As in figure 3 of the paper, the kernel of one layer is replaced by its
low-rank reconstruction and the generator is scored without fine-tuning. Layers
whose compression hardly changes the score are the ones to compress.
"""
import json
import logging
import pathlib

import jax

from jgan import flags as common
from jgan.compress import ranks, sensitivity
from jgan.errors import UserError
from jgan.report import bars
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
                        'sensitivity/ in --workdir.'),
    common.STEP, common.BEST,
)


def run(config, flags):
  """Measures the layers of the checkpoint that the flags choose."""
  method, state = restore.chosen(config, flags)
  out = flags.out or pathlib.Path(flags.workdir) / 'sensitivity'
  return write(config, method, state, out, data_dir=flags.data_dir)


def write(config, method, state, out, *, data_dir=''):
  """Tries every layer and rank; a repeated call resumes.

  Args:
    config: completed; config.compress has `ranks`, `match` and `budget`.
    method: Method of the config.
    state: GanState.
    out: folder for trials.jsonl, sensitivity.json, .md and .png.
    data_dir: folder of data sets and weights.

  Returns:
    Text: the table, and the layers to compress within the budget.

  Raises:
    UserError: no ranks, no metric, or `out` has trials of another checkpoint.
  """
  plan = config.compress
  if not plan.ranks:
    raise UserError('config.compress.ranks is empty: ranks to try on each '
                    'layer are needed, as in --config.compress.ranks="(64,)"')
  net = state.ema if plan.source == 'average' else state.gen
  scoring = Scoring(config, data_dir)
  metric, better = scoring.decisive()
  sampler = scoring.sampler(method)

  def score(params):
    values, _ = scoring.score(sampler, Network(params, net.stats))
    return values[metric]

  params = jax.device_get(net.params)
  pairs = sensitivity.trials(_fit.layers(config, params), plan.ranks)
  fit = _fit.arguments(config, method, net, dict.fromkeys(
      path for path, _ in pairs))
  folder = pathlib.Path(out)
  folder.mkdir(parents=True, exist_ok=True)
  file = folder / 'trials.jsonl'
  settings = {'step': int(state.step), 'source': plan.source,
              'restarts': plan.restarts, 'iterations': plan.iterations,
              'fit': json.loads(json.dumps(plan.fit.to_dict())),
              **scoring.about, 'metric': metric, 'better': better}
  if not lines(file, fits=_fits):
    append(file, {**settings, 'base': score(params)})
  header, rows = read(file, settings)
  for path, options in pairs:
    if (path, options['rank']) not in rows:
      row, = sensitivity.measure(params, [(path, options)], score, **fit)
      append(file, row._asdict())
      rows[path, options['rank']] = row
      log.info('%s at rank %s: %.5g (%.5g without)', path, row.rank, row.score,
               header['base'])
  return report(folder, header, [rows[path, options['rank']]
                                 for path, options in pairs], plan.budget)


def report(folder, header, rows, budget):
  """Writes the table, its numbers and a bar chart: -> text."""
  base, metric, better = (header[key] for key in ('base', 'metric', 'better'))
  proposal, harm = ranks.by_budget(base, rows, budget=budget, better=better)
  word, sign = {'lower': ('rise', 1.), 'higher': ('fall', -1.)}[better]
  text = table(base, rows, proposal, metric)
  text += (f'\nWithin a {word} of {budget:g}, compress {len(proposal)} of '
           f'these layers: predicted {metric} {base + sign * harm:.5g}, from '
           f'{base:.5g}.\n')
  write_text(folder / 'sensitivity.md', text)
  write_text(folder / 'sensitivity.json', json.dumps({
      **header, 'budget': budget, 'rows': [row._asdict() for row in rows],
      'proposal': proposal, f'predicted_{word}': harm}, indent=2) + '\n')
  bars.draw(folder / 'sensitivity.png',
            [(row.layer, row.rank, row.score) for row in rows], base=base,
            budget=base + sign * budget if budget else None, better=better,
            metric=metric)
  return f'{text}{folder / "sensitivity.png"}\n'


def table(base, rows, proposal, metric):
  """The trials as a table in GitHub Markdown."""
  lines = [f'| layer | form | rank | parameters | removed | kernel error | '
           f'{metric} | change | proposed |',
           '|---|---|--:|--:|--:|--:|--:|--:|---|']
  for row in rows:
    proposed = proposal.get(row.layer, {}).get('rank') == row.rank
    lines.append(
        f'| {row.layer} | {row.form} | {row.rank} | {row.params:,} | '
        f'{row.removed:,} | {row.error:.4f} | {row.score:.5g} | '
        f'{row.score - base:+.4g} | {"yes" if proposed else ""} |')
  return '\n'.join(lines) + '\n'


def read(file, settings):
  """The header of trials.jsonl and its trials: {(layer, rank): Row}.

  settings: what the header must contain.

  Raises:
    UserError: the trials are of another checkpoint or other settings.
  """
  header, *rows = lines(file, fits=_fits)
  header = {'fit': {'name': 'kernel'}, **header}  # earlier there was no other
  for key, value in settings.items():
    if header.get(key) != value:
      raise UserError(f'{file} has trials with {key}={header.get(key)}, not '
                      f'{value}: choose another --out')
  rank = lambda r: tuple(r) if isinstance(r, list) else r
  return header, {(row['layer'], rank(row['rank'])): sensitivity.Row(**row)
                  for row in rows}


def _fits(line):
  """Whether a line is a header of trials, or one trial."""
  if 'base' in line:
    return is_numbers([line['base']])
  return {*line} == {*sensitivity.Row._fields} and isinstance(
      line['layer'], str) and is_numbers(
          line[key] for key in ('params', 'removed', 'error', 'score'))
