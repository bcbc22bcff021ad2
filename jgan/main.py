"""jgan --mode=VERB --config=FILE --workdir=DIR; see --help.

The command `jgan` and `python -m jgan.main` are the same.
"""
import contextlib
import logging
import os
import pathlib
import platform
import sys
import threading
import traceback
import zlib

from jgan import cli, failures, heap, paths, progress, signals
from jgan.errors import Stopped, UserError

# Settings of JAX, from the environment, with which jgan does not compute.
_SETTINGS = {'jax_enable_x64': False, 'jax_disable_jit': False,
             'jax_numpy_rank_promotion': 'allow',
             'jax_numpy_dtype_promotion': 'standard',
             'jax_transfer_guard': 'allow'}


def main(argv):
  """Runs one command: -> exit code, 0 done, 2 user error, 3 run stopped."""
  debug = bool({'--debug', '-debug', '--debug=true'} & {*argv})
  try:
    helps, mode = cli.wants_help(argv)
    if helps:
      _say(cli.usage(mode))
      return 0
    with failures.explained():
      paths.ensure_home()
      command = cli.parse(argv)
      handler = _start(command.main, debug)
      for line in command.notes:
        logging.getLogger('jgan').info('%s', line)
      with progress.shown(handler, command.verb.__name__.split('.')[-1],
                          quiet=command.main.quiet):
        text = command.verb.run(command.config, command.flags)
      _say(text or '')
    return 0
  except (UserError, Stopped) as error:
    if debug:
      traceback.print_exc()
    sys.stderr.write(f'jgan: error: {" ".join(str(error).split())}\n')
    return 2 if isinstance(error, UserError) else 3


def command():
  """The command `jgan`: runs `main` and ends the process."""
  heap.retain()
  _open_streams()
  for stream in sys.stdout, sys.stderr:
    stream.reconfigure(errors='replace')  # of a terminal that is not UTF-8
  signals.end_at_once()
  try:
    code = main(sys.argv)
  except Exception:
    traceback.print_exc()
    code = 1
  if code:  # neither threads nor other processes are waited for
    with contextlib.suppress(OSError):
      sys.stdout.flush()
    os._exit(code)


def _say(text):
  """Writes to stdout; a reader that has enough, like head, may have ended."""
  try:
    sys.stdout.write(text)
    sys.stdout.flush()
  except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_streams():
  """Opens those of stdin, stdout and stderr that the caller has closed.

  Otherwise files of the run would get their numbers, and what libraries print.
  """
  for number, name in enumerate(('stdin', 'stdout', 'stderr')):
    try:
      os.fstat(number)
    except OSError:
      os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
      stream = open(number, 'w' if number else 'r')  # noqa: SIM115
      setattr(sys, name, stream)


def _start(flags, debug):
  """Sets up logging, and makes libraries independent of the surroundings.

  Returns: the handler of jgan's log.
  """
  handler = progress.Lines()
  handler.setFormatter(logging.Formatter('%(asctime)s %(message)s', '%H:%M:%S'))
  logger = logging.getLogger('jgan')
  logger.handlers = [handler]
  logger.setLevel(logging.WARNING if flags.quiet else logging.INFO)
  logger.propagate = False  # the root logger belongs to other libraries
  if not debug:
    _quieten(logger)
  os.environ.pop('MPLBACKEND', None)  # plots are files; a notebook's may lack
  if 'jax' in sys.modules:
    settings = sys.modules['jax'].config
    for name, needed in _SETTINGS.items():
      if getattr(settings, name) not in (needed, None):
        logger.warning('%s is set and has no effect: jgan needs %s',
                       name.upper(), needed)
        settings.update(name, needed)
    if flags.compilation_cache:
      settings.update('jax_compilation_cache_dir',
                      str(pathlib.Path(flags.compilation_cache, _machine())))
  return handler


def _quieten(logger):
  """One line for an error: no tracebacks of threads, who pass it on to us."""
  for library in 'absl', 'asyncio':  # Orbax logs what it also raises
    logging.getLogger(library).setLevel(logging.CRITICAL)
  threading.excepthook = lambda error: logger.warning(
      'a thread failed: %s', failures.brief(error.exc_value))
  sys.unraisablehook = lambda error: logger.debug(
      'ignored: %s', failures.brief(error.exc_value))


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
