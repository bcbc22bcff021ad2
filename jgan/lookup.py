"""Names to code: a file's name in a folder of jgan is its name in configs."""
import difflib
import functools
import importlib
import pathlib

from jgan import contracts
from jgan.errors import UserError

_ROOT = pathlib.Path(__file__).parent


def names(kind):
  """Lists what stands in jgan/<kind>/, sorted: 'losses' -> ['hinge', ...]."""
  return [file.stem for file in files(kind)]


def files(kind):
  """The files of jgan/<kind>/, sorted, without those that begin with '_'."""
  folder = _ROOT / kind.replace('.', '/')
  return sorted(f for f in folder.glob('*.py') if not f.stem.startswith('_'))


def nearest(name, known):
  """Says which of the `known` names was meant, for the end of an error."""
  known = [str(k) for k in known]
  close = difflib.get_close_matches(str(name), known, n=1, cutoff=.5)
  meant = f"did you mean '{close[0]}'? " if close else ''
  return f'{meant}known: {", ".join(known)}'


def choice(owner, key, name, choices):
  """choices[name], of a key whose values are the words in a dict.

  owner, key: for the message, as 'progan' and 'pixel_norm'.

  Raises:
    UserError: another word.
  """
  if name not in choices:
    raise UserError(f"{owner}: no {key} '{name}': {nearest(name, choices)}")
  return choices[name]


def find(kind, name):
  """Imports jgan/<kind>/<name>.py.

  Raises:
    UserError: there is no such file (names the nearest and all known ones), or
      it lacks what the files of that folder must define (jgan/contracts.py).
  """
  known = names(kind)
  if name not in known:
    raise UserError(f"no '{name}' in {kind}: {nearest(name, known)}")
  return _loaded(kind, name)


@functools.cache
def _loaded(kind, name):
  """A file that fulfils its contract, held against it once."""
  module = _imported(f'jgan.{kind}.{name}')
  contracts.check(kind, module)
  return module


def _imported(path):
  """Imports a module of jgan, or says what is wrong with its file."""
  try:
    return importlib.import_module(path)
  except SyntaxError as error:
    raise UserError(f'{error.filename}, line {error.lineno}: {error.msg}'
                    ) from error
  except ImportError as error:
    raise UserError(f'{path.replace(".", "/")}.py cannot be imported: {error}'
                    ) from error


def members(place):
  """Lists what `member` finds in jgan.<place>, sorted.

  In a folder these are its files, in a file the names in its __all__.
  """
  if (_ROOT / place.replace('.', '/')).is_dir():
    return names(place.replace('.', '/'))
  module = importlib.import_module(f'jgan.{place}')
  return sorted(getattr(module, '__all__', ()))


def member(place, name):
  """Takes the function or class `name` of jgan.<place>, a file or a folder.

  member('layers.conv', 'plain') is jgan.layers.conv.plain; in a folder it is
  of the file of that name: member('layers.norm', 'batch') is
  jgan.layers.norm.batch.batch.

  Raises:
    UserError: there is none; names the nearest and all known ones.
  """
  known = members(place)
  if name not in known:
    raise UserError(f"no '{name}' in {place}: {nearest(name, known)}")
  folder = (_ROOT / place.replace('.', '/')).is_dir()
  module = _imported(f'jgan.{place}.{name}' if folder else f'jgan.{place}')
  if not callable(getattr(module, name, None)):
    raise UserError(
        f"jgan/{place.replace('.', '/')}/{name}.py defines no function or "
        f"class '{name}': a file of this folder has one of its own name")
  return getattr(module, name)


def name_of(place, part):
  """The name by which `member` finds a part that jgan's own code imports."""
  package = importlib.import_module(f'jgan.{place}')
  # Of a folder only what is imported already: other files may be broken.
  return next(name for name in members(place)
              if getattr(package, name, None) is part
              or getattr(getattr(package, name, None), name, None) is part)
