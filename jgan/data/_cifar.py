"""The two official layouts of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009).

python: pickles of {b'data': [n, 3072] uint8, labels, file names};
binary: n rows of the label bytes and 3072 pixel bytes.
In both an image is 3 planes of 32 rows of 32 bytes.
"""
import numpy as np

from jgan.data import _official, _unpickle, tfds_source
from jgan.errors import UserError


def read(base, layouts, label_bytes):
  """Images of the first layout that exists below `base`; None if none does.

  layouts: (folder, {file: checksum}) of the python, then the binary layout.
  label_bytes: number of label bytes before an image in a binary file.

  Returns: [n, 32, 32, 3] uint8, in the official order.

  Raises:
    UserError: a file is missing or not the official one.
  """
  rows = [data[b'data'] if isinstance(data, dict) else data[:, label_bytes:]
          for data in _contents(base, layouts, label_bytes)]
  if not rows:
    return None
  planes = np.concatenate(rows).reshape(-1, 3, 32, 32)
  return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def labels(base, layouts, published, *, key, label_bytes):
  """Labels in the order of `read`.

  key: of the labels in a python file; in a binary file the label is the last
    of the label bytes.

  Returns: [n] int32.

  Raises:
    UserError: no layout exists, or a file is missing or not the official one.
  """
  parts = [data[key] if isinstance(data, dict) else data[:, label_bytes - 1]
           for data in _contents(base, layouts, label_bytes)]
  if not parts:
    raise UserError(f'{missing(base, layouts, published)}; the labels would be '
                    'there')
  return np.concatenate(parts).astype(np.int32)


def missing(base, layouts, published):
  """The UserError of a data directory that has neither layout."""
  markers = [next(iter(files)) for _, files in layouts]
  return _official.missing(base, markers, published, published.layout)


def prepared(base, layouts, published, *, name, split, size):
  """The data set `name` as tensorflow-datasets has it: a source of images.

  Raises:
    UserError: it has none, or there is an archive of the official files.
  """
  error = missing(base, layouts, published)
  if (_official.unpacking(base, published.archives)
      and not (base / name).is_dir()):
    raise error
  try:
    return tfds_source.load(str(base), dataset=name, split=split, size=size)
  except UserError as other:
    raise UserError(f'{error}. Nor has tensorflow-datasets: {other}'
                    ) from other


def _contents(base, layouts, label_bytes):
  """Yields the contents of each file of the first layout that exists.

  A python file is a dict, a binary one [n, label_bytes + 3072] uint8.
  """
  for folder, files in layouts:
    home = _official.find(base, [folder], next(iter(files)))
    if home:
      for name, checksum in files.items():
        data = _official.read(home / name, checksum)
        if name.endswith('.bin'):
          yield np.frombuffer(data, np.uint8).reshape(-1, label_bytes + 3072)
        else:
          yield _unpickle.unpickle(home / name, data)
      return
