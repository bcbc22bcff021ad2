"""Several runs that one command asks for, by --seeds and --sweep.

--sweep=config.KEY=A,B may be repeated: the product of all values is trained,
each combination in a folder that is named by its keys and values. A value of a
tuple stands in brackets, as in --sweep=config.eval.metrics=(fd,kid),(fd).
"""
import ast
import hashlib
import itertools
import re
from typing import Any, NamedTuple

from jgan.errors import UserError
from jgan.flags import Flag

SEEDS = Flag('seeds', (), 'Train a run of each of these seeds, as 0,1,2.')
SWEEP = Flag('sweep', [], 'Train a run of each value, as config.batch=32,64; '
             'repeated, of each combination.')
_LONGEST = 150  # of a name, in bytes; file systems take 255
_OPENING, _CLOSING = '([{', ')]}'


class Combination(NamedTuple):
  """One run, or the runs of several seeds, of a sweep.

  Attributes:
    name: of its folder.
    values: {key: value}, without 'config.'.
    config: completed.
  """
  name: str
  values: dict[str, Any]
  config: Any


def seeds(words):
  """The numbers of --seeds.

  Raises:
    UserError: no whole numbers from 0, or one of them twice.
  """
  shown = ','.join(words)
  if not all(re.fullmatch(r'[0-9]+', word) for word in words):
    raise UserError(f'--seeds={shown}: whole numbers from 0 with commas, as '
                    '0,1,2, would be right')
  numbers = tuple(map(int, words))
  _refuse_twice(numbers, f'--seeds={shown}')
  return numbers


def words(assignments):
  """The values of --sweep: {key: list of words}, keys without 'config.'.

  Raises:
    UserError: something else than config.KEY=A,B, a key twice, or a value
      twice.
  """
  values = {}
  for text in assignments:
    match = re.fullmatch(r'config\.([^=]+)=(.*)', text, re.DOTALL)
    parts = split(match[2]) if match else []
    if not match or not all(parts):
      raise UserError(f'--sweep={text}: a key of the config and its values '
                      'with commas, as --sweep=config.batch=32,64, would be '
                      'right')
    key = match[1]
    if key in ('seed', 'seeds'):
      raise UserError(f'--sweep={text}: seeds are given by --seeds, as '
                      '--seeds=0,1,2')
    if key in values:
      raise UserError(f'--sweep gives config.{key} twice: all of its values '
                      'stand in one, with commas')
    _refuse_twice(parts, f'--sweep={text}')
    values[key] = parts
  return values


def products(values):
  """All combinations of {key: words}, the last key fastest: dicts."""
  return [dict(zip(values, chosen))
          for chosen in itertools.product(*values.values())]


def split(text):
  """Splits a text at commas that are in no brackets and no quotes."""
  parts, depth, quote = [''], 0, ''
  for letter in text:
    if quote or letter in '\'"':
      quote = '' if letter == quote else quote or letter
    depth += not quote and (letter in _OPENING) - (letter in _CLOSING)
    if letter == ',' and not quote and depth == 0:
      parts.append('')
    else:
      parts[-1] += letter
  return [part.strip() for part in parts]


def override(key, word):
  """The flag of the config that sets a key to a word of --sweep.

  Brackets around words, as in (fd,kid), are taken off: the flag has none.
  """
  if word[0] in '([' and word[-1] in ')]':
    try:
      ast.literal_eval(word)
    except (ValueError, SyntaxError):
      word = word[1:-1]
  return f'--config.{key}={word}'


def name(values):
  """The name of the folder of a combination.

  It depends on the keys and values of the combination alone: 1e-4 and 0.0001
  are one. Letters that are not of a file name are replaced, and a digest tells
  such names apart.

  values: {key: value}.
  """
  whole = '__'.join(f'{key}={shown(value)}' for key, value in values.items())
  safe = re.sub(r'[^A-Za-z0-9.=_+-]+', '-', whole)
  if safe != whole or len(safe) > _LONGEST:
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    safe = f'{safe[:_LONGEST].rstrip("-.")}-{digest}'
  return safe


def shown(value):
  """A value in names and tables."""
  return (','.join(map(shown, value)) if isinstance(value, tuple | list)
          else str(value))


def _refuse_twice(items, where):
  for item in items:
    if items.count(item) > 1:
      raise UserError(f'{where} has {item} twice: once would be right')
