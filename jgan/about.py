"""What a file of weights says about itself: a dict of strings.

  jgan_format   the version of these entries
  jgan          the version of jgan that wrote the file
  network       generator | discriminator
  weights       average | online | unknown: of a generator, what they are
  step          the training step, where it is known
  config        the completed config of the run, JSON (jgan/config.py)
  image         [height, width, channels] of one image, JSON
  latent        the width of z, for a generator
  classes       names of the classes, JSON, in the order of the labels that the
                network takes; absent without classes
  layout        NHWC: of images and of feature maps
  range         [-1, 1]: of the images that a network makes, or takes
  scores        JSON, of these weights: a list of {'values': {label: value},
                'protocol': stamp, 'identity'} (jgan/protocol.py)
  sha256        of the arrays: their names, types, shapes and bytes

Files have it as one JSON text, in which the order is always the same:
.safetensors as the entry `jgan` of their metadata, .npz as the array `ENTRY`.
ONNX files have each as a property.
"""
import hashlib
import json
from typing import NamedTuple

import numpy as np

import jgan
from jgan import config as configs
from jgan.errors import UserError
from jgan.files import parsed

FORMAT = 1
KEY, ENTRY = 'jgan', 'about.json'
"""Where they are in a .safetensors, and in an .npz: an array of uint8."""
_JSON = {'config': dict, 'image': list, 'scores': list}


class About(NamedTuple):
  """The entries of a file, read and checked.

  Attributes:
    jgan: the version that wrote it.
    network: 'generator' or 'discriminator'.
    weights: 'average', 'online' or 'unknown'.
    step: of training; None if it is not known.
    config: the record of the run's config, a dict; not completed.
    image: (h, w, c).
    scores: a list of dicts.
    sha256: of the arrays.
  """
  jgan: str
  network: str
  weights: str
  step: int | None
  config: dict
  image: tuple
  scores: list
  sha256: str = ''


def strings(config, *, network, weights, step, image, latent=0, scores=()):
  """The entries for one network of a run, all but 'sha256'.

  Args:
    config: completed.
    network: 'generator' or 'discriminator'.
    weights: 'average', 'online' or 'unknown'.
    step: of training; None if it is not known.
    image: (h, w, c).
    latent: the width of z; 0 for a discriminator.
    scores: records of score/record.py; of them what is said above.
  """
  keys = 'values', 'protocol', 'identity'
  return {
      'jgan_format': str(FORMAT), 'jgan': jgan.__version__, 'network': network,
      'weights': weights, **({} if step is None else {'step': str(step)}),
      'config': json.dumps(configs.plain(config), sort_keys=True),
      'image': json.dumps([*image]),
      **({'latent': str(latent)} if latent else {}),
      **({'classes': json.dumps([*config.classes.names])}
         if config.classes.names else {}),
      'layout': 'NHWC', 'range': '[-1, 1]',
      'scores': json.dumps([{k: score[k] for k in keys} for score in scores])}


def encoded(entries):
  """The JSON text of entries."""
  return json.dumps(entries, sort_keys=True)


def decoded(path, text):
  """The entries in a JSON text, str or bytes, of a file.

  Raises:
    UserError: it is damaged.
  """
  try:
    entries = parsed(text)
    if isinstance(entries, dict) and all(
        isinstance(x, str) for x in entries.values()):
      return entries
    reason = 'no dict of strings'
  except ValueError as error:
    reason = error
  raise UserError(f'{path} is damaged: what it says about itself is {reason}')


def digest(arrays):
  """SHA-256 of named arrays, in hexadecimal."""
  total = hashlib.sha256()
  for name in sorted(arrays):
    x = np.ascontiguousarray(arrays[name])
    total.update(f'{name} {x.dtype} {[*np.shape(arrays[name])]}\n'.encode())
    total.update(x.reshape(-1).view(np.uint8))
  return total.hexdigest()


def parse(path, entries):
  """The About of a file; None if jgan wrote nothing about it.

  Raises:
    UserError: the entries are of a newer jgan, or damaged.
  """
  if 'jgan_format' not in entries:
    return None
  try:
    newer = int(entries['jgan_format']) > FORMAT
    if not newer:
      values = {key: parsed(entries[key]) for key in _JSON}
      for key, kind in _JSON.items():
        if not isinstance(values[key], kind):
          raise ValueError(f"'{key}' is a {type(values[key]).__name__}")
      if not all(isinstance(score, dict) and isinstance(
          score.get('values'), dict) and isinstance(
              score.get('protocol'), dict) for score in values['scores']):
        raise ValueError("'scores' are not what jgan writes")
      step = int(entries['step']) if 'step' in entries else None
      return About(jgan=entries['jgan'], network=entries['network'],
                   weights=entries['weights'], step=step,
                   config=values['config'],
                   image=tuple(map(int, values['image'])),
                   scores=values['scores'], sha256=entries.get('sha256', ''))
  except (ValueError, KeyError, TypeError) as error:
    raise UserError(f'{path} is damaged: what it says about itself cannot be '
                    f'read, {type(error).__name__} {error}') from error
  raise UserError(
      f'{path} has format {entries["jgan_format"]}, written by jgan '
      f'{entries.get("jgan", "?")}; this jgan, {jgan.__version__}, reads up to '
      f'{FORMAT}: install a newer one')


def config_of(path, about):
  """The completed config that a file holds.

  Raises:
    UserError: this jgan does not understand it.
  """
  try:
    return configs.from_record(about.config)
  except UserError as error:
    by = ('' if about.jgan == jgan.__version__ else
          f' (it was written by jgan {about.jgan}, this is {jgan.__version__})')
    raise UserError(f'the config in {path} cannot be used{by}: {error}'
                    ) from error
