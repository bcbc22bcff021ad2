"""Experiments: config files that come with jgan, and files of the user.

Those of jgan are in experiments/, which is beside jgan/ in a checkout and
inside jgan/ in an installed package. The path `experiments/FAMILY/FILE.py`
works in both cases.
"""
import contextlib
import difflib
import importlib.util
import pathlib
import sys
import traceback
import types

from ml_collections import ConfigDict

from jgan.errors import UserError

_HERE = pathlib.Path(__file__).resolve().parent
FOLDER = next((folder for folder in (_HERE / 'experiments',
                                     _HERE.parent / 'experiments')
               if folder.is_dir()), _HERE / 'experiments')


def files():
  """The files of the experiments that come with jgan, sorted."""
  return sorted(file for file in FOLDER.rglob('*.py')
                if not file.name.startswith('_'))


def shown(file):
  """The path of a file as --config accepts it in any working directory."""
  return file.relative_to(FOLDER.parent).as_posix()


def load(location):
  """Runs get_config of a config file: 'PATH' or 'PATH:FORM'.

  PATH is taken from the working directory, else from where the experiments
  that come with jgan are.

  Raises:
    UserError: there is no such file, or it does not make a config.
  """
  path, form = split(location)
  module = imported(file_of(path))
  if not hasattr(module, 'get_config'):
    raise UserError(f'{path} defines no get_config(), which every experiment '
                    'has')
  with _explained(path):
    config = module.get_config(form) if form else module.get_config()
  if not isinstance(config, ConfigDict):
    raise UserError(f'get_config() of {path} returned a '
                    f'{type(config).__name__}; a ConfigDict that starts from '
                    'jgan.config.base() would be right')
  return config


def split(location):
  """'PATH.py:FORM' -> PATH.py, and FORM or ''; folders may have colons too."""
  path, colon, form = location.partition('.py:')
  return (f'{path}.py', form) if colon else (location, '')


def imported(file):
  """Runs an experiment's file: -> module.

  It may inherit from others, by `from experiments.FAMILY import FILE`: from
  those of jgan, and from folders `experiments` in the working directory, on
  Python's path or above the file.

  Raises:
    UserError: it is no Python file, or cannot be run.
  """
  file = pathlib.Path(file)
  if file.suffix != '.py':
    raise UserError(f'--config={file}: an experiment is a Python file, .py')
  _make_importable(file)
  spec = importlib.util.spec_from_file_location('experiment', file)
  module = importlib.util.module_from_spec(spec)
  with _explained(file):
    spec.loader.exec_module(module)
  return module


@contextlib.contextmanager
def _explained(path):
  """Turns an error of an experiment's own code into one line."""
  try:
    yield
  except UserError:
    raise
  except SyntaxError as error:
    raise UserError(f'{error.filename}, line {error.lineno}: {error.msg}'
                    ) from error
  except Exception as error:
    *_, last = traceback.extract_tb(error.__traceback__)
    raise UserError(
        f'{path} failed: {type(error).__name__}: {error} ({last.filename}, '
        f'line {last.lineno}); --debug shows the traceback') from error


def file_of(path):
  """The file for a path on the command line."""
  file = pathlib.Path(path)
  if not file.is_file() and file.parts[:1] == (FOLDER.name,):
    file = FOLDER.parent / path
  if not file.is_file():
    close = difflib.get_close_matches(str(path), map(shown, files()), n=1)
    meant = f" did you mean '{close[0]}'?" if close else ''
    raise UserError(f'no config file {path}:{meant} --mode=list '
                    '--what=experiments lists those that come with jgan')
  return file


def _make_importable(file):
  """Makes `experiments` a package of jgan's folder and the user's own."""
  package = sys.modules.setdefault('experiments',
                                   types.ModuleType('experiments'))
  above = [folder for folder in file.absolute().parents
           if folder.name == 'experiments']
  beside = [folder.absolute() for entry in ('', *sys.path)
            if (folder := pathlib.Path(entry, 'experiments')).is_dir()]
  package.__path__ = list(dict.fromkeys(map(str, [*above, *beside, FOLDER])))
