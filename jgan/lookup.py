"""Names to code: a file's name in a folder of jgan is its name in configs."""
import difflib
import importlib
import pathlib

from jgan.errors import UserError

_ROOT = pathlib.Path(__file__).parent


def names(kind):
  """Lists what stands in jgan/<kind>/, sorted: 'losses' -> ['hinge', ...]."""
  files = (_ROOT / kind).glob('*.py')
  return sorted(f.stem for f in files if not f.stem.startswith('_'))


def nearest(name, known):
  """Says which of the `known` names was meant, for the end of an error."""
  known = [str(k) for k in known]
  close = difflib.get_close_matches(str(name), known, n=1, cutoff=.5)
  meant = f"did you mean '{close[0]}'? " if close else ''
  return f'{meant}known: {", ".join(known)}'


def find(kind, name):
  """Imports jgan/<kind>/<name>.py.

  Raises:
    UserError: there is no such file; names the nearest and all known ones.
  """
  known = names(kind)
  if name not in known:
    raise UserError(f"no '{name}' in {kind}: {nearest(name, known)}")
  return importlib.import_module(f'jgan.{kind}.{name}')


def member(module, name):
  """Takes the public function or class `name` of jgan.<module>.

  member('layers.norm', 'batch') is jgan.layers.norm.batch.
  """
  found = importlib.import_module(f'jgan.{module}')
  known = sorted(getattr(found, '__all__', ()))
  if name not in known:
    raise UserError(f"no '{name}' in {module}: {nearest(name, known)}")
  return getattr(found, name)
