"""Declarations of command-line flags, for verbs."""
import os
import types
from typing import Any, NamedTuple

from jgan import paths
from jgan.errors import UserError


class Flag(NamedTuple):
  """A flag of a verb; its type is that of its default.

  Attributes:
    name: without the dashes.
    default: a bool, int, float or str; None for an optional float; () for a
      comma-separated list; [] for a text that may be given several times.
    help: one line.
    required: the verb refuses to run without it.
    variable: an environment variable that is used if the flag is not set.
  """
  name: str
  default: Any
  help: str
  required: bool = False
  variable: str = ''


# Flags of several verbs.
CONFIG = Flag('config', '', 'An experiment, FILE[:ROW][:smoke]; else the '
              'config of --workdir. --config.KEY=VALUE overrides a key.',
              required=True)
WORKDIR = Flag('workdir', '', 'Folder of the run.', required=True)
DATA_DIR = Flag('data_dir', '', 'Folder of the data sets, and of the weights '
                'of feature networks; else $JGAN_DATA.', variable='JGAN_DATA')
OUT = Flag('out', '', 'What to write.', required=True)
STEP = Flag('step', -1, 'The checkpoint to use; -1: the newest.')
BEST = Flag('best', False, 'The best checkpoint by config.checkpoint.best.')
ONLINE = Flag('online', False, 'The trained generator, not its average.')
OVERWRITE = Flag('overwrite', False, 'Replace what --out holds already.')
ALLOW_CONFIG_CHANGE = Flag('allow_config_change', False,
                           'Resume from a checkpoint of another config.')
PARAMS = Flag('params', '', "An exported generator instead of a checkpoint's.")


def refuse_together(flags, declared, name, *others):
  """Refuses flags that would be ignored because another one is set.

  Args:
    flags: values of the declared flags.
    declared: FLAGS of a verb.
    name: the flag that is set.
    others: names of the flags that must then have their defaults.

  Raises:
    UserError: one of `others` is set too.
  """
  defaults = {flag.name: flag.default for flag in declared}
  for other in others:
    if getattr(flags, other) != defaults[other]:
      raise UserError(f'--{other} is not read beside --{name}: leave one of '
                      'them out')


def require_run(config, flags):
  """Refuses a verb without --params where there is no run to read.

  Raises:
    UserError: --workdir is not given, or has no config.
  """
  if not flags.workdir:
    raise UserError('neither --workdir=RUN nor --params=FILE is given: one of '
                    'them would be right')
  if not config:
    raise UserError(f'no --config=FILE given, and no run in --workdir='
                    f"'{flags.workdir}' that has a config")


def values(declared, given=None):
  """The values of declared flags, as passed to a verb.

  Args:
    declared: FLAGS of a verb.
    given: {name: value} of flags that are set; others have their defaults.

  Returns:
    A namespace with one attribute per flag.
  """
  chosen = {flag.name: flag.default for flag in declared} | dict(given or {})
  for flag in declared:
    if flag.variable and not chosen[flag.name]:
      chosen[flag.name] = paths.local(
          os.environ.get(flag.variable, flag.default), f'${flag.variable}')
  return types.SimpleNamespace(**chosen)
