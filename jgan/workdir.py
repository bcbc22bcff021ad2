"""The folder of one run: its config, its record and its files."""
import contextlib
import datetime
import fcntl
import json
import pathlib
import platform
import shutil
import subprocess
import sys
from importlib import metadata

import jax

import jgan
from jgan import config as configs
from jgan.errors import UserError
from jgan.files import own, replacing

_LIBRARIES = ('jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy',
              'grain', 'ml-collections')


def checkpoints(workdir):
  """Folder of the checkpoints."""
  return pathlib.Path(workdir) / 'checkpoints'


@contextlib.contextmanager
def opened(workdir, config, *, allow_config_change=False):
  """Creates and locks a workdir, and writes config.json and run.json.

  Yields:
    The folder, a Path.

  Raises:
    UserError: the folder cannot be written, another run is writing to it, or
      it has a run of another config and `allow_config_change` is not set.
  """
  folder = pathlib.Path(workdir)
  writer = jax.process_index() == 0
  with contextlib.ExitStack() as stack:
    try:
      if writer:
        for name in ('samples', 'plots', 'checkpoints'):
          (folder / name).mkdir(parents=True, exist_ok=True)
        _lock(stack, folder)
      _settle_config(folder, config, allow_config_change, writer)
      if writer:
        _record_run(folder, config)
    except OSError as error:
      raise UserError(f'cannot write to --workdir={folder}: '
                      f'{error.strerror or error}') from error
    yield folder


def refuse_used(out):
  """Raises UserError unless a new run's folder is absent or empty."""
  if out.exists() and (not out.is_dir() or any(out.iterdir())):
    raise UserError(f'--out={out} is not an empty folder: choose another')


@contextlib.contextmanager
def made(out, config):
  """Creates the folder of a new run atomically, and locks it.

  The folder gets its name when everything is written, because `train` would
  restart an incomplete run, which has no checkpoint yet.

  Yields:
    The folder under its temporary name, a Path.
  """
  part = own(out.with_name(f'.{out.name}.part'))
  shutil.rmtree(part, ignore_errors=True)
  with opened(part, config) as folder:
    yield folder
  part.rename(out)


def write_text(path, text):
  """Replaces a text file atomically."""
  with replacing(path) as part:
    part.write_text(text, encoding='utf-8')


def records(file):
  """The records of a file of JSON lines; [] without a file.

  An incomplete last line, which a killed run may leave, is ignored.
  """
  file = pathlib.Path(file)
  if not file.exists():
    return []
  lines = file.read_text().splitlines(keepends=True)
  return [json.loads(line) for line in lines if line.endswith('\n')]


def write_records(file, records):
  """Replaces a file of JSON lines atomically."""
  write_text(file, ''.join(map(json_line, records)))


def append(file, record):
  """Appends a record to a file of JSON lines; drops an incomplete last line."""
  with pathlib.Path(file).open('ab+') as lines:
    lines.seek(0)
    lines.truncate(lines.read().rfind(b'\n') + 1)
    lines.write(json_line(record).encode())


def json_line(record):
  """A record as one line of JSON."""
  return json.dumps(record) + '\n'


def _lock(stack, folder):
  """Locks the folder until the process ends or the stack is closed."""
  file = stack.enter_context(own(folder / '.lock').open('w'))
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError as error:
    raise UserError(f'another run is writing to --workdir={folder}; wait for '
                    'it or choose another folder') from error


def _settle_config(folder, config, allow_change, writer):
  """Compares the config with that of an existing run, then writes it."""
  new = configs.plain(config)
  old = configs.recorded(folder)
  changed = configs.differences(_with_new_keys(old), new) if old else []
  if changed and not allow_change:
    raise UserError(
        f'--workdir={folder} holds a run of another config '
        f'({"; ".join(changed[:8])}); choose another folder, or pass '
        '--allow_config_change to resume from its checkpoint with this config')
  if writer and old != new:
    if changed:
      stamp = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
      write_text(folder / f'config.until-{stamp}.json', _json(old))
    write_text(folder / 'config.json', _json(new))


def _with_new_keys(record):
  """A run's record, with the defaults of keys that jgan got since."""
  try:
    return configs.plain(configs.from_record(record))
  except UserError:
    return record  # of another jgan: what differs is said as it stands


def _record_run(folder, config):
  """Writes run.json; a resumed run adds an entry to it."""
  file = folder / 'run.json'
  now = {
      'command': ' '.join(sys.argv),
      'started': datetime.datetime.now().astimezone().isoformat('T', 'seconds'),
      'commit': _commit(),
      'devices': [f'{d.platform}:{d.id} {d.device_kind}'
                  for d in jax.devices()],
      'processes': jax.process_count(),
      'host': platform.node(),
      'versions': {
          'jgan': jgan.__version__, 'python': platform.python_version(),
          **{name: metadata.version(name) for name in _LIBRARIES}},
  }
  run = {'seed': config.seed, **now}
  if file.exists():
    run = json.loads(file.read_text())
    run.setdefault('resumed', []).append(now)
  write_text(file, _json(run))


def _commit():
  """Git commit of this code, with '-dirty' if there are later changes."""
  here = pathlib.Path(__file__)
  git = lambda *arguments: subprocess.run(
      ['git', *arguments], cwd=here.parent, capture_output=True, text=True,
      check=True).stdout.strip()
  try:
    # An installed jgan may be inside the checkout of another project.
    git('ls-files', '--error-unmatch', here.name)
    return git('describe', '--always', '--dirty', '--abbrev=40')
  except (OSError, subprocess.CalledProcessError):
    return _installed_commit() or 'unknown: not a git checkout'


def _installed_commit():
  """The commit that pip installed jgan from, '' if pip recorded none."""
  try:
    origin = metadata.distribution('jgan').read_text('direct_url.json')
  except metadata.PackageNotFoundError:
    return ''
  return json.loads(origin or '{}').get('vcs_info', {}).get('commit_id', '')


def _json(tree):
  return json.dumps(tree, indent=2, sort_keys=True) + '\n'
