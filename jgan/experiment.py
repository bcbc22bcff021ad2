"""Experiments: config files that come with jgan, and files of the user.

Those of jgan are in experiments/, which is beside jgan/ in a checkout and
inside jgan/ in an installed package. The path `experiments/FAMILY/FILE.py`
works in both cases.
"""
import importlib.util
import pathlib
import sys
import types

from jgan import lookup
from jgan.errors import UserError

_HERE = pathlib.Path(__file__).resolve().parent
FOLDER = next((folder for folder in (_HERE / 'experiments',
                                     _HERE.parent / 'experiments')
               if folder.is_dir()), _HERE / 'experiments')


def files():
  """The files of the experiments that come with jgan, sorted."""
  return sorted(FOLDER.glob('*/[!_]*.py'))


def shown(file):
  """The path of a file as --config accepts it in any working directory."""
  return file.relative_to(FOLDER.parent).as_posix()


def load(location):
  """Runs get_config of a config file: 'PATH' or 'PATH:FORM'.

  PATH is searched in the working directory first, then among the experiments
  that come with jgan.

  Raises:
    UserError: there is no such file, or it defines no get_config.
  """
  path, _, form = location.partition(':')
  module = imported(_file_of(path))
  if not hasattr(module, 'get_config'):
    raise UserError(f'{path} defines no get_config(): every experiment needs '
                    'this function')
  return module.get_config(form) if form else module.get_config()


def imported(file):
  """Imports the file of an experiment: -> module.

  The file may import others, by `from experiments.FAMILY import FILE`.
  """
  _make_importable()
  spec = importlib.util.spec_from_file_location('experiment', file)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _file_of(path):
  """The file for a path on the command line."""
  file = pathlib.Path(path)
  if not file.is_file() and file.parts[:1] == (FOLDER.name,):
    file = FOLDER.parent / path
  if not file.is_file():
    raise UserError(f'no config file {path}: '
                    f'{lookup.nearest(path, map(shown, files()))}')
  return file


def _make_importable():
  """Makes `experiments` a package of jgan's folder and the user's folders."""
  package = sys.modules.setdefault('experiments',
                                   types.ModuleType('experiments'))
  own = [str(folder.absolute()) for entry in sys.path
         if (folder := pathlib.Path(entry, 'experiments')).is_dir()]
  package.__path__ = list(dict.fromkeys([*own, str(FOLDER)]))
