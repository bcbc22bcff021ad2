"""Trains the runs that --seeds and --sweep ask for, and compares them.

Each combination of --sweep has a folder in the workdir, which is that of one
run, or with seeds that of run/seeds.py. sweep.json says what was asked for and
what became of it; another command with other values adds to it.
"""
import json
import logging
import pathlib
from typing import Any, NamedTuple

import jax

from jgan import build, failures, paths, progress, sweeps, workdir
from jgan.errors import NonFinite, SomeStopped, Stopped, UserError
from jgan.files import parsed
from jgan.run import loop, outcomes, parallel, seeds
from jgan.verbs import _ranking

log = logging.getLogger(__name__)


class Part(NamedTuple):
  """A combination and where it is trained.

  Attributes:
    name: of the folder; '' where that is the workdir.
    values: {key: value}.
    config: completed.
    folder: Path.
    seeds: of its runs; () for one run, which is that of the folder.
  """
  name: str
  values: dict[str, Any]
  config: Any
  folder: pathlib.Path
  seeds: tuple[int, ...]

  def runs(self):
    """{seed: folder of the run}."""
    if not self.seeds:
      return {self.config.seed: self.folder}
    return {seed: self.folder / f'seed_{seed}' for seed in self.seeds}


def run(config, flags):
  """Trains what is not finished yet: -> text, the table.

  Args:
    config: completed, without the values of --sweep.
    flags: of `train`; flags.combinations as jgan.cli makes them.

  Raises:
    UserError: a mistake in any of the combinations, before the first run.
    SomeStopped: runs stopped by themselves; the others are done.
    Stopped: a signal asked for it, or the machine fails.
  """
  root = pathlib.Path(paths.local(flags.workdir, '--workdir'))
  parts = parts_of(config, flags, root)
  record = recorded(root)
  refuse_unfit(root, parts, record, flags)
  news = entered(record, parts)
  if record['finished'] and news:
    log.info('added: %s', ', '.join(news))
  others = [name for name in record['combinations']
            if name not in {part.name for part in parts}]
  if others:
    log.info('not asked for now, and kept: %s', ', '.join(others))
  waiting = [part for part in parts if unfinished(part, record)]
  if len(parts) > len(waiting):
    log.info('finished before: %d of %d', len(parts) - len(waiting), len(parts))
  root.mkdir(parents=True, exist_ok=True)
  tell(root, record)
  for number, part in enumerate(waiting, 1):
    log.info('%d of %d: %s', number, len(waiting), part.name or part.folder)
    try:
      train(part, record, flags)
    finally:
      text = tell(root, record)
    glimpse(root, record)
    jax.clear_caches()  # programs of a combination, which no other has
  page = root / 'index.html'
  folders = [folder for folder in folders_of(root, record)
             if workdir.has_checkpoint(folder)]
  if folders and (waiting or not page.exists()):
    from jgan.verbs import _page  # loads matplotlib
    with progress.during('the page'):
      _page.write(folders, root, data_dir=flags.data_dir)
  text = tell(root, record)
  if stopped := {
      str(folder.relative_to(root)): why for part in parts
      for folder in part.runs().values()
      if (why := outcomes.why_stopped(folder))}:
    raise SomeStopped(
        f'{len(stopped)} of {sum(len(part.runs()) for part in parts)} runs '
        'stopped, the others are done: ' + '; '.join(
            f'{name}: {why}' for name, why in stopped.items())
        + f'. The table is {root / "sweep.md"}')
  return '\n'.join([text, f'table  {root / "sweep.md"}',
                    *([f'page   {page}'] if page.exists() else []), ''])


def parts_of(config, flags, root):
  """The Parts that the flags ask for.

  Raises:
    UserError: --seeds beside config.seeds, or no seeds.
  """
  numbers = sweeps.seeds(flags.seeds)
  parts = []
  for one in flags.combinations or [sweeps.Combination('', {}, config)]:
    if numbers and one.config.seeds != 1:
      raise UserError(f'config.seeds={one.config.seeds} is not read beside '
                      f'--seeds={",".join(map(str, numbers))}: leave one of '
                      'them out')
    own = numbers
    if one.config.seeds > 1:
      own = (*range(one.config.seed, one.config.seed + one.config.seeds),)
    parts.append(Part(one.name, one.values, one.config, root / one.name, own))
  return parts


def refuse_unfit(root, parts, record, flags):
  """Refuses what any combination could not begin or go on with.

  Raises:
    UserError: the workdir is of another kind, a folder has a run of another
      config, or the networks or the batch of a config cannot be.
  """
  swept = bool(parts[0].name)
  held = [name for name in record['combinations'] if bool(name) != swept]
  if swept and (root / 'config.json').exists():
    raise UserError(f'--workdir={root} holds a run, and --sweep makes a folder '
                    'of each combination: choose another folder')
  if held:
    raise UserError(f'--workdir={root} holds a sweep, of {held[0]} and others: '
                    '--sweep goes on with it; else choose another folder')
  for part in parts:
    try:
      workdir.refuse_other_kind(part.folder, part.config.seeds,
                                bool(part.seeds))
      for seed, folder in part.runs().items():
        own = seeds.of_seed(part.config, seed)
        workdir.settle_config(folder, own, flags.allow_config_change,
                              writer=False)
      if not part.folder.exists():
        parallel.layout(own)
        build.abstract(own, build.method(own))
    except UserError as error:
      if not part.name:
        raise
      raise UserError(f'{part.name} of --sweep: {error}') from error


def refuse_sweep(root):
  """Refuses the workdir of a sweep for one run.

  Raises:
    UserError: it is one.
  """
  names = [name for name in recorded(pathlib.Path(root))['combinations']
           if name]
  if names:
    raise UserError(f'--workdir={root} holds a sweep: --sweep goes on with '
                    'it, as in the command that began it; --workdir='
                    f'{pathlib.Path(root, names[0])} is one of its runs')


def train(part, record, flags):
  """Trains a Part, and notes in the record which of its runs are finished."""
  runs = part.runs()
  finished = [seed for seed, folder in runs.items()
              if is_finished(folder, part, record)]
  given = dict(data_dir=flags.data_dir, profiled=flags.profile,
               allow_config_change=flags.allow_config_change)
  try:
    if part.seeds:
      seeds.run(part.config, part.folder, chosen=part.seeds, finished=finished,
                **given)
    else:
      outcomes.forget(part.folder)
      loop.run(part.config, part.folder, **given)
  except SomeStopped as error:
    log.warning('%s: %s', part.name or part.folder, error)
  except Stopped as error:
    # Another combination may need less memory.
    apart = isinstance(error, NonFinite) or (
        error.__cause__ is not None and failures.is_memory(error.__cause__))
    if part.seeds or not apart:
      raise
    outcomes.note(part.folder, str(error))
    log.warning('%s stopped: %s', part.name, error)
  for folder in runs.values():
    if not outcomes.why_stopped(folder):
      record['finished'][key_of(folder, part)] = part.config.steps


def recorded(root):
  """What sweep.json says: {'combinations', 'finished'}, empty without it.

  'combinations' is {name: {'values', 'seeds', 'score'}}, and 'finished' is
  {folder of a run: its last step}.
  """
  file = root / 'sweep.json'
  record = {'combinations': {}, 'finished': {}}
  if not file.is_file():
    return record
  try:
    earlier = parsed(file.read_bytes())
    return {key: dict(earlier[key]) for key in record}
  except (ValueError, TypeError, KeyError):
    log.warning('%s is damaged: set aside as %s, and begun anew', file,
                workdir.set_aside(file))
    return record


def entered(record, parts):
  """Enters what is asked for in the record: -> names that are new there."""
  news = []
  for part in parts:
    earlier = record['combinations'].get(part.name)
    had = earlier['seeds'] if earlier else []
    news += [key_of(folder, part) for seed, folder in part.runs().items()
             if not earlier or (part.seeds and seed not in had)]
    record['combinations'][part.name] = {
        'values': part.values, 'seeds': [*dict.fromkeys([*had, *part.seeds])],
        'score': part.config.checkpoint.best.removeprefix('eval/')}
  return news


def key_of(folder, part):
  """The folder of a run below the workdir, as sweep.json names it."""
  return '/'.join(filter(None, [part.name, *(
      [folder.name] if part.seeds else [])]))


def is_finished(folder, part, record):
  """Whether a run is at its end, and has been left there."""
  steps = record['finished'].get(key_of(folder, part))
  return steps == part.config.steps and (
      workdir.checkpoints(folder) / str(steps)).is_dir()


def unfinished(part, record):
  """Whether a run of the Part is not finished."""
  return not all(is_finished(folder, part, record)
                 for folder in part.runs().values())


def folders_of(root, record):
  """The folders of all runs of a record."""
  return [folder for name, told in record['combinations'].items()
          for folder in runs_in(root / name, told['seeds'])]


def runs_in(folder, numbers):
  """The folders of the runs of a combination."""
  return [folder / f'seed_{seed}' for seed in numbers] or [folder]


def tell(root, record):
  """Writes sweep.md and sweep.json: -> text, the table."""
  told = {name: {**each, 'runs': {
      folder.name: {'stopped': outcomes.why_stopped(folder),
                    **outcomes.course(folder)}
      for folder in runs_in(root / name, each['seeds'])}}
          for name, each in record['combinations'].items()}
  told, text = _ranking.ranked(told)
  workdir.write_text(root / 'sweep.md', text)
  workdir.write_text(root / 'sweep.json', json.dumps(
      {'combinations': told, 'finished': record['finished']}, indent=2) + '\n')
  return text


def glimpse(root, record):
  """Writes the page as the files tell it, without measuring anything."""
  from jgan.report.page import render  # these load matplotlib
  from jgan.verbs import _compared, _page
  folders = [folder for folder in folders_of(root, record)
             if (folder / 'config.json').exists()]
  names = _compared.names(folders)
  runs = [_compared.glimpsed(*item) for item in zip(folders, names)]
  workdir.write_text(root / 'index.html', render.html(
      _page.title(names), names, _page.of_runs(runs, folders)))
