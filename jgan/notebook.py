"""Training and commands in the process of a notebook, or of a program.

    from jgan import notebook

    notebook.train('experiments/digits/default.py', 'runs/digits')
    notebook.run('--mode=sample --workdir=runs/digits --n=64')

The kernel of a notebook holds the TPU, so that another process, as of a cell
that begins with `!`, cannot have it: these use the kernel's own.

Below the cell stand a bar and the newest grid of samples. The button that stops
a cell stops the run as Ctrl-C does: it is saved, one line says how to go on,
and the same cell goes on. Mistakes are one line too.
"""
import contextlib
import functools
import html
import importlib
import io
import logging
import os
import shlex
import sys
import time
import traceback

from ml_collections import ConfigDict

from jgan import cli, experiment, failures, paths, progress
from jgan import config as configs
from jgan.errors import Stopped, Told, UserError

_FRAME = 1.  # seconds between two pictures of the bar
_WIDTH = 100  # characters


def train(config, workdir, *, data_dir='', allow_config_change=False,
          on_samples=None, on_scores=None, on_checkpoint=None, lines=True):
  """Trains a config in `workdir`, or resumes there.

  The functions are called between steps, in the order of the steps. One that
  raises KeyboardInterrupt stops the run as the button does.

  Args:
    config: an experiment's config, or its file, as for --config; None: that of
      the run in the folder.
    workdir: the folder of the run.
    data_dir: folder of data sets.
    allow_config_change: resume from a checkpoint of a different config.
    on_samples: (step, grid uint8 [h, w, c]), of each sample grid; None: in a
      notebook the newest is shown.
    on_scores: (step, {'eval/LABEL': value}), of each evaluation.
    on_checkpoint: (step,), when its checkpoint is on the disk.
    lines: log lines too, beside the bar; warnings are there in any case.

  Returns:
    The final state.

  Raises:
    UserError: a mistake, reported before anything is compiled.
    Stopped: the run was interrupted, or cannot continue; the message says how
      to go on.
  """
  from jgan.run import heard, loop
  if config is None:
    config = _recorded(workdir)
  elif isinstance(config, str | os.PathLike):
    config = experiment.load(os.fspath(config))
  elif not isinstance(config, ConfigDict):
    raise UserError(f'config is {config!r}: the config of an experiment, its '
                    'file, or None for that of the run would be right')
  if on_samples is None and _in_kernel():
    on_samples = Picture()
  with _told('train', lines=lines):
    return loop.run(
        config, workdir, data_dir=data_dir,
        allow_config_change=allow_config_change,
        make_session=functools.partial(
            heard.Heard, on_samples=on_samples, on_scores=on_scores,
            on_checkpoint=on_checkpoint))


def run(line, *, tell=print):
  """Runs a command in this process, and tells what it would print.

  Args:
    line: what would stand behind `jgan`, as '--mode=sample --workdir=RUN'; or
      a list of arguments.
    tell: a function of the text that the command ends with, if it has one.

  Raises:
    UserError: any mistake in it.
    Stopped: as of the command.
  """
  argv = ['jgan', *(shlex.split(line) if isinstance(line, str) else line)]
  if any(x.lstrip('-').startswith('compilation_cache') for x in argv[1:]):
    raise UserError('--compilation_cache is for a process that begins: here '
                    "jax.config.update('jax_compilation_cache_dir', FOLDER) "
                    'before the first computation would be right')
  helps, mode = cli.wants_help(argv)
  if helps:
    tell(cli.usage(mode))
    return
  with failures.explained():
    paths.ensure_home()
    command = cli.parse(argv)
  verb = command.verb.__name__.split('.')[-1]
  with _told(verb, quiet=command.main.quiet, debug=command.main.debug):
    for note in command.notes:
      logging.getLogger('jgan').info('%s', note)
    text = command.verb.run(command.config, command.flags)
  if text:
    tell(text.rstrip())


class Picture:
  """A function (step, grid) that shows a grid where the last one stood."""

  def __init__(self):
    self._handle = None

  def __call__(self, step, grid):
    """Shows the grid of a step: uint8 [h, w, c]."""
    from PIL import Image
    data = io.BytesIO()
    Image.fromarray(grid).save(data, 'png')
    shown = {'image/png': data.getvalue(), 'text/plain': f'step {step}'}
    if self._handle:
      self._handle.update(shown, raw=True)
    else:
      self._handle = _display(shown)


class _Bar:
  """The bar below a cell, with the interface of rich's Live."""

  def __init__(self):
    from rich.console import Console
    # What other lines of the log are written by: plain text.
    self.console = Console(file=sys.stdout, force_jupyter=False, width=_WIDTH)
    self._handle, self._drawn = _display({'text/plain': ''}), 0.
    self._last = None

  def update(self, picture, *, refresh):
    """Draws a picture, if the last one was not just now."""
    del refresh
    self._last = picture
    if time.perf_counter() - self._drawn >= _FRAME:
      self._draw()

  def stop(self):
    """Draws the last picture, which stays."""
    if self._last is not None:
      self._draw()

  def _draw(self):
    from rich.console import Console
    console = Console(file=io.StringIO(), width=_WIDTH, force_jupyter=False)
    console.print(self._last)
    text = console.file.getvalue().rstrip()
    self._handle.update({
        'text/plain': text,
        'text/html': f'<pre style="margin:0">{html.escape(text)}</pre>'},
        raw=True)
    self._drawn = time.perf_counter()


def _recorded(workdir):
  """The config of the run in a folder."""
  record = configs.recorded(workdir)
  if record is None:
    raise UserError(f'no run in {workdir} that has a config: give one, as an '
                    'experiment or its file')
  return configs.from_record(record)


def _in_kernel():
  """Whether this is the process of a notebook."""
  ipython = sys.modules.get('IPython')
  return bool(ipython) and hasattr(ipython.get_ipython(), 'kernel')


def _display(data):
  """Shows data of MIME types below the cell: -> a handle to change it."""
  display = importlib.import_module('IPython.display').display
  return display(data, raw=True, display_id=True)


@contextlib.contextmanager
def _told(what, *, lines=True, quiet=False, debug=False):
  """Tells what goes on while the block runs, and leaves all as it was.

  Raises:
    Stopped: it was interrupted where nothing was to be saved.
  """
  logger, absl = logging.getLogger('jgan'), logging.getLogger('absl')
  earlier = logger.handlers, logger.level, logger.propagate, absl.level
  handler, live = progress.Lines(), None
  if _in_kernel():  # stderr has a background of alarm there
    handler.setStream(sys.stdout)
    live = _Bar
  handler.setFormatter(logging.Formatter('%(asctime)s %(message)s', '%H:%M:%S'))
  logger.handlers, logger.propagate = [handler], False
  logger.setLevel(logging.INFO if lines and not quiet else logging.WARNING)
  if not debug:
    absl.setLevel(logging.CRITICAL)  # Orbax logs what it also raises
  try:
    with progress.shown(handler, what, quiet=quiet, live=live), (
        failures.explained()):
      yield
  except KeyboardInterrupt as error:
    raise Stopped(f'{what} was interrupted. The same call begins it again, or '
                  'goes on from the last checkpoint') from error
  except Told:
    if debug:
      traceback.print_exc()
    raise
  finally:
    logger.handlers, level, logger.propagate, absl_level = earlier
    logger.setLevel(level)
    absl.setLevel(absl_level)
