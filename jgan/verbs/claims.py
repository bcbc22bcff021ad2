"""Trains baselines beside methods over seeds, and writes what is seen.

The claims are those of experiments/mini/claims.toml. With --workdir what is not
trained yet is trained, and what it measured is added to the record of --json,
claim by claim; --out and the plots are made from that record alone.

  jgan --mode=claims --claims=sdp --workdir=runs/claims --data_dir=DATA \\
    --json=docs/claims.json --out=docs/claims.md
"""
import json
import logging
import pathlib

import numpy as np

from jgan import flags as common
from jgan.errors import UserError
from jgan.files import parsed
from jgan.flags import Flag
from jgan.report import spread, tradeoff
from jgan.verbs import _claims, _claims_page, _claims_runs
from jgan.verbs import _claims_seen as seen
from jgan.workdir import output, write_output

log = logging.getLogger(__name__)

FLAGS = (
    Flag('claims', (), 'Names, with commas; else all.'),
    common.WORKDIR._replace(
        required=False, help='Folder of the runs, to train those that lack; '
        "'' trains none."),
    common.DATA_DIR,
    Flag('json', '', 'The record: read, and added to.', required=True),
    common.OUT._replace(required=False, help='The document to write, .md; '
                        'plots go to images/ beside it.'),
    Flag('file', _claims.FILE, 'Where the claims are, .toml.'),
    Flag('in_turn', False, 'Train one run after another in this process, not '
         'the seeds side by side.'),
)


def run(config, flags):
  """Trains, adds to --json, and writes --out."""
  del config
  claims = _claims.load(flags.file)
  chosen = _claims.chosen(claims, flags.claims)
  record = read(flags.json, claims)
  if flags.workdir:
    for claim in chosen:
      _claims_runs.train(claim, flags.workdir, data_dir=flags.data_dir,
                         in_turn=flags.in_turn)
      record[claim.name] = _claims_runs.gathered(claim, flags.workdir)
      write_json(flags.json, claims, record)
      if flags.out:
        write(flags.out, claims, record)
  elif flags.claims:
    raise UserError('--claims names what is trained, and there is no '
                    '--workdir: give both or neither')
  elif flags.out:
    write(flags.out, claims, record)
  return '\n'.join([*_claims_page.summary(claims, {
      claim.name: seen.outcomes(claim, record[claim.name]['arms'])
      for claim in claims if claim.name in record}), *filter(None, (
          flags.json, flags.out)), ''])


def read(file, claims):
  """The record of a file: {claim: as of _claims_runs.gathered}.

  A file that is not there gives none; claims that are no more are left out.

  Raises:
    UserError: it is another file.
  """
  path = pathlib.Path(file)
  if not path.exists():
    return {}
  try:
    content = parsed(path.read_bytes())
    for each in content.values():
      float(each['seconds']), str(each['machine'])
      for runs in each['arms'].values():
        for seed, one in runs.items():
          if seed != 'sizes':
            len(one['steps']), dict(one['values']), str(one['stopped'])
    record = {}
    for claim in claims:
      if claim.name in content and whole(claim, content[claim.name]['arms']):
        record[claim.name] = content[claim.name]
      elif claim.name in content:
        log.warning('%s has not all that claim %s compares now: it counts as '
                    'not run', path, claim.name)
    return record
  except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    raise UserError(f'cannot read --json={file}: {error!r}; what --mode=claims '
                    'writes would be right') from error


def whole(claim, arms):
  """Whether recorded arms have all runs and labels that a claim compares."""
  names, labels = _claims_runs.compared(claim)
  return all(
      str(seed) in arms.get(name, {}) and (
          arms[name][str(seed)]['stopped']
          or {*labels} <= {*arms[name][str(seed)]['values']})
      for name in names for seed in range(claim.seeds)) and (
          not claim.sizes or all('sizes' in arms[name] for name in names))


def write_json(file, claims, record):
  """Writes the record, a line for each run."""
  parts = []
  for claim in claims:
    if claim.name in record:
      each = record[claim.name]
      arms = ',\n'.join(f'  {json.dumps(arm)}: {{\n' + ',\n'.join(
          f'   {json.dumps(seed)}: {json.dumps(one)}'
          for seed, one in runs.items()) + '}'
          for arm, runs in each['arms'].items())
      parts.append(f' {json.dumps(claim.name)}: {{\n'
                   f'  "seconds": {json.dumps(each["seconds"])},\n'
                   f'  "machine": {json.dumps(each["machine"])},\n'
                   f'  "arms": {{\n{arms}}}}}')
  write_output(file, '{\n' + ',\n'.join(parts) + '\n}\n', '--json')


def write(out, claims, record):
  """Writes the document and a plot of each claim that was run."""
  path, pictures = pathlib.Path(out), {}
  for claim in claims:
    if claim.name not in record:
      continue
    pictures[claim.name] = f'images/claim_{claim.name}.png'
    with output(out):
      (path.parent / 'images').mkdir(parents=True, exist_ok=True)
      draw(path.parent / pictures[claim.name], claim,
           record[claim.name]['arms'])
  write_output(out, _claims_page.text(claims, record, pictures))


def draw(path, claim, arms):
  """The curves of the arms with their spread, or scores against size."""
  label = claim.score.label
  if claim.sizes:
    tradeoff.draw(path, {label: {
        arm: (runs['sizes']['params'], float(np.mean(
            [seen.number(run, label, claim.score.value, claim.score.better)
             for seed, run in runs.items() if seed != 'sizes'])), True)
        for arm, runs in arms.items()}})
    return
  names = dict.fromkeys(arm for pair in claim.pairs
                        for arm in (pair.baseline, pair.method))
  spread.draw(path, {name: [seen.curve(run, label)
                            for run in arms[name].values()] for name in names},
              label=label, axis='generator step')
