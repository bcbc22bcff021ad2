"""The two official layouts of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009).

python: pickles of {b'data': [n, 3072] uint8, labels, file names};
binary: n rows of the label bytes and 3072 pixel bytes.
In both an image is 3 planes of 32 rows of 32 bytes.
"""
import numpy as np

from jgan.data import _official, _unpickle


def read(base, layouts, label_bytes):
  """Images of the first layout that is found below `base`, None without one.

  layouts: (folder, {file: checksum}) of the python, then the binary one.
  label_bytes: labels in front of an image in a binary file.

  Returns: [n, 32, 32, 3] uint8, in the official order.

  Raises:
    UserError: a file is missing or not the official one.
  """
  for folder, files in layouts:
    home = _official.find(base, [folder], next(iter(files)))
    if home:
      rows = [_rows(home / name, checksum, label_bytes)
              for name, checksum in files.items()]
      planes = np.concatenate(rows).reshape(-1, 3, 32, 32)
      return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
  return None


def _rows(path, checksum, label_bytes):
  """[n, 3072] uint8 of one file."""
  data = _official.read(path, checksum)
  if path.suffix == '.bin':
    width = label_bytes + 3072
    return np.frombuffer(data, np.uint8).reshape(-1, width)[:, label_bytes:]
  return _unpickle.unpickle(path, data)[b'data']
