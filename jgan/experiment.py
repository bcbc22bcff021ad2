"""Experiments: the config files that come with jgan, and a user's own.

They stand in experiments/ beside a checkout's jgan/, and inside jgan/ where it
is installed as a package; `experiments/FAMILY/FILE.py` means either.
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
  """A file's path as --config takes it from anywhere."""
  return file.relative_to(FOLDER.parent).as_posix()


def load(location):
  """Runs get_config of a config file: 'PATH' or 'PATH:FORM'.

  PATH is taken from the working directory, else from where the experiments
  that come with jgan stand.

  Raises:
    UserError: there is no such file, or it is no experiment.
  """
  path, _, form = location.partition(':')
  module = imported(_found(path))
  if not hasattr(module, 'get_config'):
    raise UserError(f'{path} defines no get_config(), which makes an '
                    'experiment of a file')
  return module.get_config(form) if form else module.get_config()


def imported(file):
  """Runs an experiment's file: -> module.

  It may inherit from others, by `from experiments.FAMILY import FILE`.
  """
  _make_importable()
  spec = importlib.util.spec_from_file_location('experiment', file)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _found(path):
  """The file that a path on the command line means."""
  file = pathlib.Path(path)
  if not file.is_file() and file.parts[:1] == (FOLDER.name,):
    file = FOLDER.parent / path
  if not file.is_file():
    raise UserError(f'no config file {path}: '
                    f'{lookup.nearest(path, map(shown, files()))}')
  return file


def _make_importable():
  """Makes `experiments` a package of jgan's folder and the user's own."""
  package = sys.modules.setdefault('experiments',
                                   types.ModuleType('experiments'))
  own = [str(folder.absolute()) for entry in sys.path
         if (folder := pathlib.Path(entry, 'experiments')).is_dir()]
  package.__path__ = list(dict.fromkeys([*own, str(FOLDER)]))
