"""The folder of one run: what it was asked, where its files stand."""
import contextlib
import datetime
import fcntl
import json
import os
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

_LIBRARIES = ('jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy',
              'grain', 'ml-collections')


def checkpoints(workdir):
  """Folder of the checkpoints."""
  return pathlib.Path(workdir) / 'checkpoints'


@contextlib.contextmanager
def opened(workdir, config, *, allow_config_change=False):
  """Makes the workdir ready to write a run into, and keeps others out.

  Writes config.json and run.json before anything else is done.

  Yields:
    The folder, a Path.

  Raises:
    UserError: it cannot be written, another run is writing there, or it holds
      a run of another config and `allow_config_change` is not set.
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
    raise UserError(f'--out={out} is not an empty folder: take another')


@contextlib.contextmanager
def made(out, config):
  """Makes a run's folder, whole or not at all, and keeps others out.

  `train` would begin a run without a checkpoint anew, so the folder has its
  name only once all is written. Yields the folder, a Path.
  """
  half = out.with_name(f'.{out.name}.part')
  shutil.rmtree(half, ignore_errors=True)
  with opened(half, config) as folder:
    yield folder
  half.rename(out)


def write_text(path, text):
  """Replaces a text file in one move: a reader never sees half of it."""
  half = path.with_name(f'.{path.name}.part')
  half.write_text(text)
  os.replace(half, path)


def records(file):
  """The records of a file of JSON lines, [] where there is none.

  Half a line at its end, which a killed run leaves, is passed over.
  """
  file = pathlib.Path(file)
  if not file.exists():
    return []
  lines = file.read_text().splitlines(keepends=True)
  return [json.loads(line) for line in lines if line.endswith('\n')]


def write_records(file, several):
  """Replaces a file of JSON lines in one move."""
  write_text(file, ''.join(map(json_line, several)))


def append(file, record):
  """Adds a record to a file of JSON lines, after its last whole line."""
  with pathlib.Path(file).open('ab+') as lines:
    lines.seek(0)
    lines.truncate(lines.read().rfind(b'\n') + 1)
    lines.write(json_line(record).encode())


def json_line(record):
  """A record as a line of such a file."""
  return json.dumps(record) + '\n'


def _lock(stack, folder):
  """Holds the folder until the run ends, however it ends."""
  file = stack.enter_context((folder / '.lock').open('w'))
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError as error:
    raise UserError(f'another run is writing to --workdir={folder}; wait for '
                    'it or take another folder') from error


def _settle_config(folder, config, allow_change, writer):
  """Compares with the config of the run that is here, then records."""
  new = configs.plain(config)
  old = configs.recorded(folder)
  changed = configs.differences(old, new) if old else []
  if changed and not allow_change:
    raise UserError(
        f'--workdir={folder} holds a run of another config '
        f'({"; ".join(changed[:8])}); take another folder, or pass '
        '--allow_config_change to go on from its checkpoint with this one')
  if writer and old != new:
    if old:
      stamp = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
      write_text(folder / f'config.until-{stamp}.json', _json(old))
    write_text(folder / 'config.json', _json(new))


def _record_run(folder, config):
  """Writes run.json; a resumed run adds its command to the first one's."""
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
  """Git commit of the code that runs, '-dirty' if it was changed since."""
  here = pathlib.Path(__file__)
  git = lambda *arguments: subprocess.run(
      ['git', *arguments], cwd=here.parent, capture_output=True, text=True,
      check=True).stdout.strip()
  try:
    # An installed jgan may lie inside of somebody else's checkout.
    git('ls-files', '--error-unmatch', here.name)
    return git('describe', '--always', '--dirty', '--abbrev=40')
  except (OSError, subprocess.CalledProcessError):
    return _installed_commit() or 'unknown: not a git checkout'


def _installed_commit():
  """The commit that pip installed jgan from, '' where it does not say."""
  try:
    origin = metadata.distribution('jgan').read_text('direct_url.json')
  except metadata.PackageNotFoundError:
    return ''
  return json.loads(origin or '{}').get('vcs_info', {}).get('commit_id', '')


def _json(tree):
  return json.dumps(tree, indent=2, sort_keys=True) + '\n'
