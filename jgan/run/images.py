"""The images that a run was begun with: WORKDIR/images.json.

It has their fingerprint, number and shape, and the data directory. The order
of the images is a function of their number: with others a run would not go on,
but be another.
"""
import json
import logging

from jgan import batches
from jgan.errors import UserError
from jgan.files import parsed
from jgan.workdir import has_begun, write_text

log = logging.getLogger(__name__)


def settle(folder, source, data_dir, *, allow_change=False, writer=True):
  """Compares a run's images with those it was begun with, and records them.

  A run that has not begun, or has no record or a damaged one, gets the record
  of these.

  Args:
    folder: the workdir, a Path.
    source: the images that the run trains on.
    data_dir: where they come from, for messages.
    allow_change: go on with other images, with a warning.
    writer: whether this process writes the record.

  Raises:
    UserError: the images are others, and `allow_change` is not set.
  """
  file = folder / 'images.json'
  new = {'fingerprint': batches.fingerprint(source),
         'shape': list(source.shape), 'data_dir': str(data_dir)}
  old = _recorded(file)
  if old and old['fingerprint'] == new['fingerprint']:
    return
  if old and has_begun(folder):
    text = (f'--workdir={folder} was begun with other images: '
            f'{_described(old)}; these are {_described(new)}')
    if not allow_change:
      raise UserError(f'{text}. Give those, choose another folder, or pass '
                      '--allow_config_change to go on with these')
    log.warning('%s. It goes on with these', text)
  if writer:
    write_text(file, json.dumps(new, indent=2) + '\n')


def _recorded(file):
  """The record in a file; None if there is none, or a damaged one."""
  if not file.is_file():
    return None
  try:
    record = parsed(file.read_bytes())
    _described(record)
  except (ValueError, TypeError, KeyError, OSError) as error:
    log.warning('%s is damaged (%s): written anew', file, error)
    return None
  return record


def _described(record):
  count, *sides = record['shape']
  return (f'{count:,} of {" x ".join(map(str, sides))}, fingerprint '
          f'{record["fingerprint"]}, --data_dir={record["data_dir"]}')
