"""Trains the runs of claims, and reads what they measured.

The runs of an arm are in WORKDIR/ARM/seed_N; arms of the same name in several
claims are the same runs. WORKDIR/done.json says which are finished.
"""
import hashlib
import json
import logging
import os
import pathlib
import platform
from importlib import metadata

import jax

import jgan
from jgan import build, cli, failures, forward, workdir
from jgan import config as configs
from jgan.errors import NonFinite, SomeStopped, Stopped, UserError
from jgan.files import parsed
from jgan.run import logbook, outcomes, restore, seeds, timing
from jgan.score import latency, record, size

log = logging.getLogger(__name__)

SIZES = ('params', 'macs', 'ms')
_BATCH = 64  # images whose latency is measured, at a time
_DIGITS = 5  # of the numbers that are recorded


def train(claim, root, *, data_dir='', in_turn=False):
  """Runs the commands of a claim that have not been run.

  Args:
    claim: Claim.
    root: folder of the arms.
    data_dir: folder of the data sets.
    in_turn: one run after another in this process, not seeds side by side.

  Raises:
    UserError: a mistake in a command, or a folder has a run of another config.
    Stopped: a signal asked for it; the same call goes on.
  """
  root = pathlib.Path(root)
  root.mkdir(parents=True, exist_ok=True)
  done, digests = _done(root), {'': ''}
  for arm in claim.arms:
    made_by = _digest(arm, root, data_dir, digests[arm.needs])
    digests[arm.name] = made_by
    waiting = [seed for seed in range(claim.seeds)
               if done.get(f'{arm.name}/{seed}') != made_by]
    if not waiting:
      continue
    if not is_row(arm) and any(f'{arm.name}/{seed}' in done
                               for seed in waiting):
      raise UserError(f'{root / arm.name} was made by other commands than '
                      'those of the claim now: remove it to make it anew')
    log.info('%s: %s, seeds %s', claim.name, arm.name,
             ', '.join(map(str, waiting)))
    if is_row(arm) and not in_turn:
      _side_by_side(arm, root, range(claim.seeds), waiting, data_dir)
      _note(root, done, arm, waiting, made_by)
    else:
      for seed in waiting:
        _in_turn(arm, root, seed, data_dir)
        _note(root, done, arm, [seed], made_by)
    jax.clear_caches()  # programs that no other arm has


def gathered(claim, root):
  """What a claim's runs measured, as JSON types.

  Returns:
    {'seconds' (of all its runs), 'machine', 'arms': {arm: {seed: {'stopped',
    'steps', 'values': {label: one for each of the steps}}}}}.

  Raises:
    UserError: a run measured nothing of a label.
  """
  root = pathlib.Path(root)
  names, labels = compared(claim)
  arms, spent = {}, 0.
  for name in names:
    arms[name] = {}
    for seed in range(claim.seeds):
      folder = root / name / f'seed_{seed}'
      arms[name][str(seed)] = measured(folder, labels)
  if claim.sizes:
    for name, each in sizes(root, names).items():
      arms[name]['sizes'] = each
  for arm in claim.arms:
    for seed in range(claim.seeds):
      times = timing.read(root / arm.name / f'seed_{seed}')
      spent += sum(times[-1][key] for key in ('training', 'scoring')
                   ) if times else 0.
  return {'seconds': round(spent), 'machine': machine(), 'arms': arms}


def compared(claim):
  """The names of the arms that a claim compares, and the labels of courses.

  Returns:
    A list, and {label: what it is where it is absent, None if it must not be}.
  """
  names = dict.fromkeys(name for pair in claim.pairs
                        for name in (pair.baseline, pair.method))
  labels = {measure.label: measure.absent
            for measure in (claim.score, *claim.mechanism)
            if measure.label not in SIZES}
  if claim.fails:
    labels.setdefault(claim.fails['label'])
    if 'arm' in claim.fails:
      names[claim.fails['arm']] = None
  return [*names], labels


def sizes(root, names):
  """{arm: {'params', 'macs', 'ms'}} of the generators of the first seeds.

  Latencies are of 64 images, measured in turns.
  """
  counts, calls = {}, {}
  for name in names:
    folder = root / name / 'seed_0'
    config = configs.from_record(configs.recorded(folder))
    method = build.method(config)
    net = restore.state_of(config, method, folder, best=False).ema
    z = jax.random.normal(jax.random.key(0), (_BATCH, method.latent))
    counts[name] = size.generator(config)
    calls[name] = method.sample, (net, *forward.inputs(method, z))
  times = latency.measure(calls)
  return {name: {'params': counts[name]['params'], 'macs': counts[name]['macs'],
                 'ms': _rounded(1e3 * times[name])} for name in counts}


def machine():
  """What the runs were made on: a line."""
  try:
    lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
    kind = next(line.partition(': ')[2] for line in lines
                if line.startswith('model name'))
  except (OSError, StopIteration):
    kind = platform.machine()
  device = jax.devices()[0]
  where = (f'{os.cpu_count()} cores of {kind}' if device.platform == 'cpu'
           else device.device_kind)
  versions = ', '.join(f'{name} {metadata.version(name)}'
                       for name in ('jax', 'flax', 'optax', 'numpy', 'scipy'))
  return f'{where}; jgan {jgan.__version__}, Python ' \
         f'{platform.python_version()}, {versions}'


def filled(argument, arm, root, seed, data_dir):
  """An argument of a command, with the folders in it."""
  return argument.format(
      run=root / arm.name / f'seed_{seed}', seed=seed, data=data_dir,
      needs=root / arm.needs / f'seed_{seed}', runs=root)


def is_row(arm):
  """Whether an arm is one training, whose seeds can go side by side."""
  return len(arm.commands) == 1 and not any(
      argument.startswith('--mode=') for argument in arm.commands[0])


def _side_by_side(arm, root, numbers, waiting, data_dir):
  """Trains all seeds of a row, in one program or in processes."""
  command = understood(arm, arm.commands[0], root, 0, data_dir)
  try:
    seeds.run(command.config, root / arm.name, chosen=tuple(numbers),
              finished=[n for n in numbers if n not in waiting],
              data_dir=command.flags.data_dir)
  except SomeStopped as error:
    log.warning('%s: %s', arm.name, error)


def _in_turn(arm, root, seed, data_dir):
  """Runs the commands of one seed, but those whose --out is there."""
  folder = root / arm.name / f'seed_{seed}'
  for arguments in arm.commands:
    command = understood(arm, arguments, root, seed, data_dir)
    out = getattr(command.flags, 'out', '')
    if out and pathlib.Path(out).exists():
      continue
    try:
      command.verb.run(command.config, command.flags)
    except NonFinite as error:
      folder.mkdir(parents=True, exist_ok=True)
      outcomes.note(folder, str(error))
      log.warning('%s, seed %d: %s', arm.name, seed, error)
      return
    except Stopped as error:
      if error.__cause__ is None or not failures.is_memory(error.__cause__):
        raise
      raise UserError(f'{arm.name}: too little memory: {error}') from error


def understood(arm, arguments, root, seed, data_dir):
  """The Command, of jgan.cli, that arguments of an arm stand for."""
  return cli.parse(['jgan', *(filled(argument, arm, root, seed, data_dir)
                              for argument in arguments)])


def _digest(arm, root, data_dir, needs):
  """A hash of what an arm is made by.

  The commands, the config of a row, and `needs`, the digest of that arm.
  """
  config = understood(arm, arm.commands[0], root, 0, data_dir).config if is_row(
      arm) else None
  return hashlib.sha256(json.dumps(
      [needs, arm.commands, config and configs.plain(config)],
      sort_keys=True).encode()).hexdigest()[:16]


def _done(root):
  """{'ARM/SEED': digest of what it was made by} of finished runs."""
  file = root / 'done.json'
  if not file.is_file():
    return {}
  try:
    return dict(parsed(file.read_bytes()))
  except (ValueError, TypeError):
    log.warning('%s is damaged: set aside as %s, and every run is looked at '
                'again', file, workdir.set_aside(file))
    return {}


def _note(root, done, arm, numbers, made_by):
  done |= {f'{arm.name}/{seed}': made_by for seed in numbers}
  workdir.write_text(root / 'done.json', json.dumps(done, indent=1) + '\n')


def measured(folder, labels):
  """The course of the labels in one run: {'stopped', 'steps', 'values'}."""
  lines = logbook.read(folder)
  # What another verb measured afterwards, or without a log.
  others = [{'step': line['step'], **line['values']}
            for line in record.of_average(folder)]
  courses = {label: _course(lines, label) or _course(others, label)
             for label in labels}
  why = outcomes.why_stopped(folder)
  last = max((line['step'] for line in (*lines, *others)), default=0)
  for label, absent in labels.items():
    if not courses[label] and absent is not None:
      courses[label] = {last: absent}
  empty = [label for label, course in courses.items() if not course]
  if empty and not why:
    raise UserError(f'{folder} measured no {", ".join(empty)}: a label of its '
                    'scores or probes would be right')
  steps = sorted({step for course in courses.values() for step in course})
  return {'stopped': why, 'steps': steps, 'values': {
      label: [_rounded(course.get(step)) for step in steps]
      for label, course in courses.items()}}


def _course(lines, label):
  """{step: value} of a label, or of the difference of two, 'A - B'."""
  first, _, second = label.partition(' - ')
  value = lambda line, name: line.get(f'eval/{name}', line.get(name))
  course = {}
  for line in lines:
    both = [value(line, name) for name in filter(None, (first, second))]
    if None not in both:
      course[line['step']] = both[0] - sum(both[1:])
  return course


def _rounded(value):
  return None if value is None else float(f'{value:.{_DIGITS}g}')
