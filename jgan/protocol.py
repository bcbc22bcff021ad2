"""What a score depends on besides the generator, and how it is stamped.

Published scores of one model differ by the reference split, the number of
images, the resize before the network, the covariance's divisor. Every score
carries these as a dict, and its `identity`: scores are compared only where
that is the same.
"""
import hashlib
import json
from typing import NamedTuple

from jgan import lookup
from jgan.errors import UserError

VERSION = '0.1'


class Protocol(NamedTuple):
  """The choices that have a name.

  Attributes:
    resize: before Inception: 'tf1', 'torch' or 'clean'.
    ddof: covariances are divided by n - ddof.
    splits: of the inception score.
  """
  resize: str = 'tf1'
  ddof: int = 1
  splits: int = 10


NAMED = {
    'standard': Protocol(),                    # TTUR, torch-fidelity, mimicry
    'pytorch_fid': Protocol(resize='torch'),
    'clean_fid': Protocol(resize='clean'),
    'nvlabs': Protocol(ddof=0),
    'one_split': Protocol(splits=1),           # StudioGAN's inception score
}


_UNCOUNTED = {'jgan', 'step', 'seed', 'noise seed', 'file'}


def find(name):
  """The Protocol called `name`.

  Raises:
    UserError: there is none; names the nearest.
  """
  if name not in NAMED:
    raise UserError(f"no protocol '{name}': {lookup.nearest(name, NAMED)}")
  return NAMED[name]


def identity(stamp):
  """Eight hexadecimal digits that differ where two stamps do.

  The version of jgan, the step, the seeds and the file of an exported
  generator are in the stamp but do not count: they are there to be compared.
  """
  counted = {k: v for k, v in stamp.items() if k not in _UNCOUNTED}
  text = json.dumps(counted, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:8]


def differences(one, two):
  """Lists 'key: one -> two' where two stamps differ in what counts."""
  keys = sorted({*one, *two} - _UNCOUNTED)
  return [f'{k}: {one.get(k)} -> {two.get(k)}'
          for k in keys if one.get(k) != two.get(k)]
