"""jgan --mode=VERB --config=FILE --workdir=DIR; see --help.

The command `jgan` and `python -m jgan.main` are the same.
"""
import logging
import os
import pathlib
import platform
import sys
import traceback
import zlib

from jgan import cli
from jgan.errors import Stopped, UserError


def main(argv):
  """Runs one command: -> exit code, 0 done, 2 user error, 3 run stopped."""
  debug = bool({'--debug', '-debug', '--debug=true'} & {*argv})
  try:
    helps, mode = cli.wants_help(argv)
    if helps:
      sys.stdout.write(cli.usage(mode))
      return 0
    command = cli.parse(argv)
    _start(command.main.compilation_cache)
    sys.stdout.write(command.verb.run(command.config, command.flags) or '')
    return 0
  except (UserError, Stopped) as error:
    if debug:
      traceback.print_exc()
    sys.stderr.write(f'jgan: error: {" ".join(str(error).split())}\n')
    return 2 if isinstance(error, UserError) else 3


def command():
  """The command `jgan`: runs `main` and ends the process."""
  try:
    _leave(main(sys.argv))
  except Exception:
    traceback.print_exc()
    _leave(1)


def _leave(code):
  """Ends the process.

  After a failure, one of several processes must not wait for the others.
  """
  jax = sys.modules.get('jax')
  if code and jax and jax.distributed.is_initialized():
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
  sys.exit(code)


def _start(compilation_cache):
  """Sets up logging and the cache of compiled programs."""
  handler = logging.StreamHandler()
  handler.setFormatter(logging.Formatter('%(asctime)s %(message)s', '%H:%M:%S'))
  logger = logging.getLogger('jgan')
  logger.handlers = [handler]
  logger.setLevel(logging.INFO)
  logger.propagate = False  # the root logger belongs to other libraries
  logging.getLogger('absl').setLevel(logging.ERROR)  # Orbax logs a lot
  if compilation_cache and 'jax' in sys.modules:
    folder = pathlib.Path(compilation_cache).expanduser()
    sys.modules['jax'].config.update('jax_compilation_cache_dir',
                                     str(folder / _machine()))


def _machine():
  """Name of this kind of CPU: programs compiled for another may fail."""
  try:
    lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
    flags = next(line for line in lines if line.startswith('flags'))
  except (OSError, StopIteration):
    flags = platform.processor()
  return f'{platform.machine()}-{zlib.crc32(flags.encode()):08x}'


if __name__ == '__main__':
  command()
