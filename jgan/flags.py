"""Flags of the command line: what a verb declares to take."""
import os
import types
from typing import Any, NamedTuple

from jgan.errors import UserError


class Flag(NamedTuple):
  """A flag of a verb; its type is that of its default.

  Attributes:
    name: without the dashes.
    default: a bool, int, float or str; None for a float that may be absent; ()
      for a list that is given with commas.
    help: one line.
    required: the verb does nothing without it.
    variable: an environment variable that stands for a flag left out.
  """
  name: str
  default: Any
  help: str
  required: bool = False
  variable: str = ''


# What several verbs take.
CONFIG = Flag('config', '', 'An experiment, FILE[:ROW][:smoke], whose keys '
              '--config.KEY=VALUE changes; else that of --workdir.',
              required=True)
WORKDIR = Flag('workdir', '', 'Folder of the run.', required=True)
DATA_DIR = Flag('data_dir', '', 'Folder of the data sets, and of the weights '
                'of feature networks; else $JGAN_DATA.', variable='JGAN_DATA')
OUT = Flag('out', '', 'What to write.', required=True)
STEP = Flag('step', -1, 'The checkpoint to use; -1: the newest.')
BEST = Flag('best', False, 'The best checkpoint by config.checkpoint.best.')
ONLINE = Flag('online', False, 'The trained generator, not its average.')
PARAMS = Flag('params', '', "An exported generator instead of a checkpoint's.")


def refuse_together(flags, declared, name, *others):
  """Refuses flags that would be ignored beside another one.

  Args:
    flags: values of `declared`.
    name: the flag that is given.
    others: names of those that must then be at their defaults.

  Raises:
    UserError: one of them is not.
  """
  defaults = {flag.name: flag.default for flag in declared}
  for other in others:
    if getattr(flags, other) != defaults[other]:
      raise UserError(f'--{other} is not read beside --{name}: leave one of '
                      'both out')


def values(declared, given=None):
  """The values of declared flags, as a verb takes them.

  Args:
    declared: FLAGS of a verb.
    given: {name: value} of those that are not left at their defaults.

  Returns:
    A namespace with an attribute per flag.
  """
  chosen = {flag.name: flag.default for flag in declared} | dict(given or {})
  for flag in declared:
    if flag.variable and not chosen[flag.name]:
      chosen[flag.name] = os.environ.get(flag.variable, flag.default)
  return types.SimpleNamespace(**chosen)
