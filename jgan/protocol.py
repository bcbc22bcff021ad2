"""Evaluation protocols: the settings that a score depends on.

Published scores of the same model differ by the reference split, the number
of images, the resize before the feature network and the divisor of the
covariance. Every score is stored with a dict of these settings (its stamp) and
a hash of it, its `identity`: only scores with the same identity are compared.
"""
import hashlib
import json
from typing import NamedTuple

from jgan import lookup
from jgan.errors import UserError

VERSION = '0.2'


class Protocol(NamedTuple):
  """The settings of a named protocol.

  Attributes:
    resize: resize before Inception: 'tf1', 'torch' or 'clean'.
    ddof: covariances are divided by n - ddof.
    splits: number of splits of the inception score.
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


# Entries of a stamp that do not affect its identity.
_IGNORED = {'jgan', 'step', 'seed', 'noise seed', 'file', 'reference',
            'dtype'}


def find(name):
  """The Protocol called `name`.

  Raises:
    UserError: an unknown name; suggests the nearest.
  """
  if name not in NAMED:
    raise UserError(f"no protocol '{name}': {lookup.nearest(name, NAMED)}")
  return NAMED[name]


def identity(stamp):
  """Hash of a stamp: eight hexadecimal digits.

  The version of jgan, the step, the seeds, the file that was scored and the
  type that the generator computed in are in the stamp, but not in the hash:
  scores that differ in these are meant to be compared. Nor is the name of the
  reference: its fingerprint is, so that other images under the same name are
  told apart, and the same under another are not.
  """
  settings = {k: v for k, v in stamp.items() if k not in _IGNORED}
  text = json.dumps(settings, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:8]


def differences(old, new):
  """Lists 'key: old -> new' of the settings in which two stamps differ."""
  keys = sorted({*old, *new} - _IGNORED)
  return [f'{k}: {old.get(k)} -> {new.get(k)}'
          for k in keys if old.get(k) != new.get(k)]
