"""Goes back to a healthy checkpoint when a run turns out to be sick.

config.rollback names the symptoms to go back for, and what to change then: the
same steps would be sick again. Feedback rules set a scalar of the loss that the
compiled step takes as an argument; this changes any key, so the step is built
and compiled again, and it is not one of them.

RUN/rollbacks.jsonl has a record of each, and run.json a copy. A checkpoint is
healthy if a later look of the doctor had no finding, `_LAG` looks before the
one that had. Later checkpoints are deleted first, and then the record is
written: a run that is killed in between finds the same again, and a resumed one
goes on with the changes in the records.
"""
import json
import logging
import math
import pathlib

from jgan import build, lookup, paths
from jgan import config as configs
from jgan.errors import NonFinite, Stopped, UserError
from jgan.files import parsed
from jgan.run import checkpoint, doctor, processes
from jgan.sections import typed
from jgan.workdir import append, checkpoints, records, write_text

log = logging.getLogger(__name__)

NON_FINITE = 'non_finite'
_LAG = 2  # looks: symptoms are found when they have lasted for two


class Sick(Exception):
  """The doctor has found a symptom for which the run goes back."""

  def __init__(self, step, symptom, evidence):
    super().__init__(f'{symptom} at step {step:,}: {evidence}')
    self.step, self.symptom, self.evidence = step, symptom, evidence


def read(workdir):
  """The records of a run: list of {'step', 'to', 'symptom', 'evidence',
  'changes'}; 'step' is where it was found, 'to' where the run went on from."""
  return records(pathlib.Path(workdir) / 'rollbacks.jsonl', 'step', 'to',
                 'symptom', 'evidence', 'changes', fits=_fits)


def check(config):
  """Refuses a config.rollback that cannot be done.

  Raises:
    UserError: an unknown symptom or key, one that is not looked for, a change
      that changes nothing, or after which the state would not fit.
  """
  on, times, changes = (config.rollback[key] for key in (
      'on', 'times', 'changes'))
  if not on:
    return
  known = [NON_FINITE, *lookup.names('doctor')]
  for name in on:
    if name not in known:
      raise UserError(f"config.rollback.on has '{name}': "
                      f'{lookup.nearest(name, known)}')
    if name != NON_FINITE and (name in config.doctor.without
                               or not config.doctor.every):
      raise UserError(f"config.rollback.on has '{name}', and config.doctor "
                      f'(every={config.doctor.every}, without='
                      f'{config.doctor.without}) does not look for it')
    if name == 'collapse' and config.samples.count < 2:
      raise UserError("config.rollback.on has 'collapse', and config.samples."
                      'count=1: one image has no other one to be compared '
                      'with, and 64 would be right')
  if times < 1:
    raise UserError(f'config.rollback.times={times}; at least 1, or on=() for '
                    'none, would be right')
  if not changes:
    raise UserError('config.rollback.changes is empty, and the same steps '
                    "would go wrong again: ({'key': 'optimizer.disc.lr', "
                    "'factor': .1},) would be right")
  for i, change in enumerate(changes):
    _check_change(config, f'config.rollback.changes[{i}]', change)
  after = configs.complete(changed(config, changes, times))
  shapes = [build.abstract(c, build.method(c)) for c in (config, after)]
  if str(shapes[0]) != str(shapes[1]):
    keys = ', '.join(change['key'] for change in changes)
    raise UserError(f'config.rollback.changes sets {keys}, after which the '
                    'state of a checkpoint would not fit: a rate, a weight, a '
                    'batch or dtype would be right')


def _check_change(config, path, change):
  """Refuses one entry of config.rollback.changes."""
  if not (hasattr(change, 'keys') and {*change} in (
      {'key', 'factor'}, {'key', 'value'}) and isinstance(change['key'], str)):
    shown = dict(change) if hasattr(change, 'keys') else change
    raise UserError(f"{path} is {shown!r}; {{'key': 'optimizer.gen.lr', "
                    "'factor': .1}, or 'value' in place of 'factor', would be "
                    'right')
  place, key = _place(config, change['key'], path)
  now = place[key]
  if hasattr(now, 'keys'):
    raise UserError(f'{path} changes config.{change["key"]}, which is a '
                    'section: one of its keys would be right, '
                    f'{", ".join(sorted(now))}')
  factor = change.get('factor', 2)
  if isinstance(factor, bool) or not (
      isinstance(factor, int | float) and 0 < factor != 1
      and math.isfinite(factor)):
    raise UserError(f'{path} has factor={factor!r}; a number above 0 but 1 '
                    'would be right')
  if 'factor' in change and type(now) is not float:
    raise UserError(f'{path} multiplies config.{change["key"]}, which is '
                    f"{now!r}: 'value' would be right")
  if 'value' in change and typed(f'{path[7:]}.value', change['value'],
                                 now) == now:
    raise UserError(f'{path} sets config.{change["key"]} to {now!r}, which it '
                    'is already')


def _place(config, key, path):
  """The section that a dotted key of a config is in, and its last part."""
  *parents, last = key.split('.')
  section = config
  for i, part in enumerate([*parents, last]):
    if not hasattr(section, 'keys') or part not in section:
      known = ['.'.join([*parents[:i], k]) for k in
               (section.keys() if hasattr(section, 'keys') else ())]
      raise UserError(f'{path} names config.{key}, which there is not: '
                      f'{lookup.nearest(key, known)}')
    if i < len(parents):
      section = section[part]
  return section, last


def changed(config, changes, times=1):
  """The config after `times` rollbacks with these changes."""
  config = config.copy_and_resolve_references().unlock()
  for change in changes:
    section, key = _place(config, change['key'], 'config.rollback.changes')
    section[key] = (section[key] * change['factor']**times
                    if 'factor' in change else change['value'])
  return config


def applied(config, workdir):
  """The config of a run with the changes of its rollbacks so far.

  Raises:
    UserError: a record is damaged, and what it changed is not known.
  """
  earlier = _whole(pathlib.Path(paths.local(workdir, '--workdir')))
  for record in earlier:
    config = changed(config, record['changes'])
  if earlier:
    config = configs.complete(config)
    log.info('%d rollback(s) so far: %s', len(earlier), _said(config, earlier))
  return config


def act(config, step, new):
  """Goes back, by raising Sick, if a new finding asks for it.

  new: records of findings, in process 0.
  """
  if not config.rollback.on:
    return
  reasons = [[record['symptom'], record['evidence']] for record in new
             if record['symptom'] in config.rollback.on]
  reasons = processes.group().said(reasons)
  if reasons:
    raise Sick(step, *reasons[0])


def go_back(config, workdir, error):
  """Makes a healthy checkpoint the newest, and records why.

  Args:
    config: completed, without the changes of earlier rollbacks.
    workdir: of the run, which is closed.
    error: Sick or NonFinite.

  Raises:
    NonFinite: `error`, if config.rollback does not ask for it.
    Stopped: config.rollback.times is reached, or the same steps would follow.
  """
  folder = pathlib.Path(paths.local(workdir, '--workdir'))
  if isinstance(error, NonFinite):
    if NON_FINITE not in config.rollback.on:
      raise error
    step, symptom, evidence = error.step, NON_FINITE, error.evidence
  else:
    step, symptom, evidence = error.step, error.symptom, error.evidence
  earlier = _whole(folder)
  if len(earlier) >= config.rollback.times:
    raise Stopped(
        f'{symptom} at step {step:,}: {evidence}, after {len(earlier)} '
        f'rollback(s), and config.rollback.times={config.rollback.times}. It '
        f'did not help to change {_said(applied(config, folder), earlier)}: '
        'begin again with another config') from error
  changes = [dict(change) for change in config.rollback.changes]
  with checkpoint.Checkpoints(checkpoints(folder),
                              keep=config.checkpoint.keep) as saved:
    looks = doctor.looks(applied(config, folder), step - 1, _LAG)
    last = looks[0] if len(looks) == _LAG else 0
    if symptom == NON_FINITE and not looks:
      last = step  # all that was saved is finite
    healthy = [s for s in saved.steps() if s <= last]
    to = processes.group().said(max(healthy, default=0))
    if to in [record['to'] for record in earlier] and all(
        'value' in change for change in changes):
      now = _said(applied(config, folder), earlier)
      raise Stopped(
          f'{symptom} at step {step:,}: {evidence}. A rollback has gone to '
          f'step {to:,} before, and all that config.rollback.changes sets is '
          f'set now, {now}: the same steps would go wrong again. Another '
          "config, or a change with a 'factor', would be right") from error
    saved.go_back(to, {})
  record = {'step': step, 'to': to, 'symptom': symptom, 'evidence': evidence,
            'changes': changes}
  if not processes.group().index:
    append(folder / 'rollbacks.jsonl', record)
    _copy(folder)
  log.warning('step %s  %s: %s. Back to step %s, with %s; rollback %d of %d',
              f'{step:,}', doctor.words(symptom), evidence, f'{to:,}',
              ', '.join(f'{c["key"]} {verb(c)}' for c in changes),
              len(earlier) + 1, config.rollback.times)


def _whole(folder):
  """`read`, of a file that must be whole, since training goes on by it."""
  file, earlier = folder / 'rollbacks.jsonl', read(folder)
  count = file.read_bytes().count(b'\n') if file.is_file() else 0
  if len(earlier) != count:
    raise UserError(
        f'{file} is damaged: {len(earlier)} of its {count} lines can be read, '
        'and the others say what this run trains with since. A copy of all is '
        f"in {folder / 'run.json'}, under 'rollbacks': one line of each record "
        'would be right')
  return earlier


def _fits(record):
  return type(record['to']) is int and isinstance(record['changes'], list) and (
      all(isinstance(change, dict) and isinstance(change.get('key'), str)
          and ('factor' in change or 'value' in change)
          for change in record['changes']))


def verb(change):
  """'times 0.1' or 'set to 3', of an entry of the changes."""
  return (f'times {change["factor"]:g}' if 'factor' in change
          else f'set to {change["value"]!r}')


def _said(config, earlier):
  """'optimizer.disc.lr 0.001' of all that rollbacks changed."""
  values = {}
  for change in (c for record in earlier for c in record['changes']):
    section, key = _place(config, change['key'], 'rollbacks.jsonl')
    values[change['key']] = section[key]
  return ', '.join(f'{key} {value}' for key, value in values.items())


def _copy(folder):
  """Adds the records to run.json."""
  file = folder / 'run.json'
  run = parsed(file.read_bytes())
  run['rollbacks'] = read(folder)
  write_text(file, json.dumps(run, indent=2, sort_keys=True) + '\n')
