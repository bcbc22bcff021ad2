"""The folder of one run: its config, its record and its files."""
import contextlib
import datetime
import errno
import json
import logging
import pathlib
import re
import shutil

import jax

from jgan import config as configs
from jgan import paths, provenance, words
from jgan.errors import UserError
from jgan.files import own, parsed, replacing

try:
  import fcntl
except ImportError:  # Windows
  fcntl = None

log = logging.getLogger(__name__)


def checkpoints(workdir):
  """Folder of the checkpoints."""
  return pathlib.Path(workdir) / 'checkpoints'


def has_checkpoint(workdir):
  """Whether a checkpoint was written, be it complete or not."""
  return any(checkpoints(workdir).glob('[0-9]*'))


def has_begun(workdir):
  """Whether a run, or one of many seeds, has got as far as its records."""
  return any((run / 'metrics.jsonl').exists() or has_checkpoint(run)
             for run in (pathlib.Path(workdir), *runs_of_seeds(workdir)))


@contextlib.contextmanager
def opened(workdir, config, *, allow_config_change=False, many=False):
  """Creates and locks a workdir, and writes config.json and run.json.

  That of many seeds (config.seeds) gets no folders of a run.

  many: it is the folder of any number of seeds, which may be others than
    before.

  Yields:
    The folder, a Path.

  Raises:
    UserError: the folder cannot be written, another run is writing to it, it
      has a run of another config and `allow_config_change` is not set, or it
      has one run and config.seeds is above 1, or the reverse.
  """
  folder = pathlib.Path(paths.local(workdir, '--workdir'))
  refuse_other_kind(folder, config.seeds, many)
  parts = () if many or config.seeds > 1 else (
      'samples', 'plots', 'checkpoints')
  writer = jax.process_index() == 0
  with contextlib.ExitStack() as stack:
    try:
      if writer:
        for part in ('', *parts):
          (folder / part).mkdir(parents=True, exist_ok=True)
        _lock(stack, folder)
      settle_config(folder, config, allow_config_change, writer, many)
      if writer:
        _record_run(folder, config)
    except OSError as error:
      raise UserError(f'cannot write to --workdir={folder}: '
                      f'{error.strerror or error}') from error
    yield folder


def runs_of_seeds(folder):
  """The folders of the runs of many seeds in a workdir; [] if it has none."""
  return sorted(file.parent for file in
                pathlib.Path(folder).glob('seed_*/config.json'))


def runs_of_sweep(folder):
  """The folders of a sweep's runs so far, by name; [] if it is no sweep."""
  folder = pathlib.Path(folder)
  if not (folder / 'sweep.json').is_file():
    return []
  by_number = lambda path: [
      float(part) if i % 2 else part for i, part in enumerate(
          re.split(r'(\d+(?:\.\d+)?(?:e[-+]?\d+)?)', path.name))]
  children = sorted((path for path in folder.iterdir() if path.is_dir()),
                    key=by_number)
  return [run for child in children for run in (
      runs_of_seeds(child) or [child]) if (run / 'config.json').is_file()]


def refuse_other_kind(folder, seeds, many=False):
  """Refuses the folder of one run for many seeds, and the reverse.

  many: --seeds gave them, which may also be one.
  """
  runs = runs_of_seeds(folder)
  if (many or seeds > 1) and checkpoints(folder).is_dir():
    asked = '--seeds asks for runs in' if many else (
        f'config.seeds={seeds} are several, in')
    raise UserError(f'--workdir={folder} holds one run, and {asked} folders of '
                    'their own: choose another folder')
  if seeds == 1 and runs and not many:
    raise UserError(f'--workdir={folder} holds the runs of {len(runs)} seeds, '
                    f'and config.seeds=1 is one: --workdir={runs[0]} or '
                    'another folder would be right')


def refuse_used(out):
  """Raises UserError unless a new run's folder is absent or empty."""
  if out.exists() and (not out.is_dir() or any(out.iterdir())):
    raise UserError(f'--out={out} is not an empty folder: choose another')


def refuse_present(out):
  """Raises UserError where a command would write over an earlier result.

  out: a file that must not exist, or a folder that must be absent or empty.
  """
  out = pathlib.Path(out)
  if out.is_file() or (out.is_dir() and any(out.iterdir())):
    raise UserError(f'--out={out} is there already: choose another, or pass '
                    '--overwrite to replace it')


@contextlib.contextmanager
def made(out, config):
  """Creates the folder of a new run atomically, and keeps others out.

  The folder gets its name when everything is written, because `train` would
  restart an incomplete run, which has no checkpoint yet. Until then it is
  inside a locked folder beside `out`.

  Yields:
    The folder under its temporary name, a Path.

  Raises:
    UserError: another command is making `out`, it is not empty, or it cannot
      be written.
  """
  place = own(out.with_name(f'.{out.name}.part'))
  with contextlib.ExitStack() as stack:
    try:
      place.mkdir(parents=True, exist_ok=True)
      _lock(stack, place, said=f'--out={out}')
    except OSError as error:
      raise UserError(f'cannot write to --out={out}: '
                      f'{error.strerror or error}') from error
    refuse_used(out)
    stack.callback(shutil.rmtree, place, ignore_errors=True)
    shutil.rmtree(place / out.name, ignore_errors=True)
    with opened(place / out.name, config) as folder:
      yield folder
    folder.rename(out)


@contextlib.contextmanager
def output(path, flag='--out'):
  """Raises UserError for an OSError: what a flag names cannot be written."""
  try:
    yield
  except OSError as error:
    raise UserError(f'cannot write to {flag}={path}: {error}') from error


def write_output(path, text, flag='--out'):
  """Writes a text file that a flag names, and the folder that it is in.

  Raises:
    UserError: it cannot be written.
  """
  with output(path, flag):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_text(pathlib.Path(path), text)


def write_text(path, text):
  """Replaces a text file atomically."""
  with replacing(path) as part:
    part.write_text(text, encoding='utf-8')


def records(file, *keys, fits=None, step=int):
  """The records of a file of JSON lines; [] without a file.

  An incomplete last line, which a killed run may leave, is ignored. Broken
  lines before it are left out with a warning.

  keys: those that every record has.
  fits: record -> whether their values are what they should be.
  step: the types that 'step' may have.
  """
  whole, broken = _parsed(pathlib.Path(file), keys, fits, step)
  if broken:
    log.warning('%s is damaged: not read: line %s', file,
                ', '.join(map(str, broken)))
  return whole


def cut(file, chosen, *keys, fits=None):
  """Drops the records that a resumed run writes again: -> the others.

  A file with broken lines is set aside first, and its whole records go on.

  Args:
    file: of JSON lines; created if there is none.
    chosen: record -> whether it stays.
    keys: those that every record has, 'step' if none are given.
    fits: as in `records`.
  """
  whole, broken = _parsed(pathlib.Path(file), keys or ('step',), fits)
  if broken:
    log.warning('%s is damaged in line %s: the other lines are used, the file '
                'is set aside as %s', file, ', '.join(map(str, broken)),
                set_aside(file))
  stay = [record for record in whole if chosen(record)]
  write_records(file, stay)
  return stay


def set_aside(path, folder=None):
  """Moves a damaged file or folder to damaged/ of a workdir: -> its new path.

  folder: the workdir; None for the folder that `path` is in.
  """
  path = pathlib.Path(path)
  aside = (folder or path.parent) / 'damaged'
  aside.mkdir(exist_ok=True)
  target, n = aside / path.name, 1
  while target.exists():
    n += 1
    target = aside / f'{path.name}.{n}'
  shutil.move(path, target)
  return target


def is_numbers(values):
  """Whether all values, as they came from JSON, are numbers."""
  return all(isinstance(x, int | float) for x in values)


def _parsed(file, keys, fits=None, step=int):
  """The records of a file that fit, and the numbers of its other lines."""
  whole, broken = [], []
  lines = file.read_bytes().split(b'\n')[:-1] if file.is_file() else []
  for number, line in enumerate(lines, 1):
    try:
      record = parsed(line)
    except ValueError:
      record = None
    if (isinstance(record, dict) and all(key in record for key in keys)
        and isinstance(record.get('step', 0), step)
        and (fits is None or fits(record))):
      whole.append(record)
    else:
      broken.append(number)
  return whole, broken


def write_records(file, records):
  """Replaces a file of JSON lines atomically."""
  write_text(file, ''.join(map(json_line, records)))


def append(file, record):
  """Appends a record to a file of JSON lines; drops an incomplete last line."""
  with own(pathlib.Path(file)).open('ab+') as lines:
    lines.seek(0)
    lines.truncate(lines.read().rfind(b'\n') + 1)
    lines.write(json_line(record).encode())


def json_line(record):
  """A record as one line of JSON."""
  return json.dumps(record) + '\n'


def _lock(stack, folder, said=''):
  """Locks the folder until the process ends or the stack is closed.

  Warns where files cannot be locked: on Windows, some network file systems.

  said: the flag that names it, for the message; '' for --workdir.
  """
  file = stack.enter_context(own(folder / '.lock').open('w'))
  try:
    if fcntl is None:
      raise OSError(errno.ENOTSUP, 'Windows has no flock')
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError as error:
    raise UserError(f'another run is writing to {said or f"--workdir={folder}"}'
                    '; wait for it or choose another folder') from error
  except OSError as error:
    log.warning('%s cannot be locked (%s): see to it that no other run writes '
                'to it', folder, error.strerror)


def settle_config(folder, config, allow_change, writer=True, many=False):
  """Compares the config with that of a run that has begun, then writes it.

  many: its seeds may be others than before.

  Raises:
    UserError: they differ, and `allow_change` is not set.
  """
  new = configs.plain(config)
  old = configs.recorded(folder)
  before = completed(old) if old else {}
  # What ended before it began may be corrected, another program's file not.
  ours = before is not old
  if many:
    before = before | {key: new[key] for key in ('seed', 'seeds')}
  changed = configs.differences(before, new) if old else []
  if changed and not allow_change and (has_begun(folder) or not ours):
    raise UserError(
        f'--workdir={folder} holds a run of another config '
        f'({"; ".join(changed[:8])}). {words.ways_on(folder)}')
  if writer and old != new:
    if changed:
      stamp = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
      write_text(folder / f'config.until-{stamp}.json', _json(old))
    write_text(folder / 'config.json', _json(new))


def completed(record):
  """A run's config.json, with the defaults of keys that jgan got since."""
  try:
    return configs.plain(configs.from_record(record))
  except UserError:
    return record  # of another jgan: what differs is said as it stands


def _record_run(folder, config):
  """Writes run.json; a resumed run adds an entry to it."""
  file, now = folder / 'run.json', provenance.of(config)
  run = {'seed': config.seed, **now}
  if file.exists():
    try:
      earlier = parsed(file.read_bytes()) if file.is_file() else None
      earlier.setdefault('resumed', []).append(now)
      run = earlier
    except (ValueError, AttributeError):  # no JSON, or another than ours
      log.warning('%s is damaged: set aside as %s, and begun anew', file,
                  set_aside(file))
  write_text(file, _json(run))


def _json(tree):
  return json.dumps(tree, indent=2, sort_keys=True) + '\n'
