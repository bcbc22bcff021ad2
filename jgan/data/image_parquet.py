"""Photos in Parquet files, as Hugging Face's data sets have them, in place.

A row has an image file in a column of structs {bytes, path}, or of bytes. An
image is read with its row group: those that the library `datasets` writes have
100 rows.
"""
import bisect
import collections
import contextlib
import functools
import io
import itertools
import json
import logging
import pathlib
import re
import threading

import numpy as np

from jgan.data import (
    _decode,
    _images,
    _official,
    _require,
    _resize,
    _usable,
)
from jgan.errors import UserError
from jgan.types import ImageSpec

log = logging.getLogger(__name__)

_PUBLISHED = _official.Published('Parquet files of images',
                                 'https://huggingface.co/datasets')
_SPLITS = {'train': ('train', 'training'),
           'validation': ('validation', 'valid', 'val', 'dev'),
           'test': ('test', 'testing', 'eval', 'evaluation')}
_HELD = 4  # row groups of a set that are in memory
_MOST = 2**30  # bytes of the images of a row group
_SLOW = 2**26  # from so many bytes on it is said


def info(*, split='train', column='image', label='label', size=64, channels=3,
         skip_bad=False, upscale=False, alpha='white', depth=16):
  """ImageSpec of the images, without their count: the files are not read."""
  del column, label, skip_bad, upscale
  _require.one_of('split', split, _SPLITS)
  _usable.check(size=size, channels=channels, alpha=alpha, depth=depth)
  return ImageSpec((size, size, channels))


def holds(path):
  """Whether a path is a Parquet file, or a folder that has some."""
  return bool(_files(path))


def load(data_dir, *, split='train', column='image', label='label', size=64,
         channels=3, skip_bad=False, upscale=False, alpha='white', depth=16):
  """Lists and checks the images in Parquet files.

  They come in the order of the files' paths, and are resized as by
  image_folder.

  data_dir: a Parquet file, or a folder that has some, at any depth.
  split: train | validation | test, as the names of files or folders have it,
    train-00000-of-00002.parquet or train/0000.parquet; files of which none has
    the name of a split are taken all.
  column: of the images.
  label: column of their classes, which may be missing.
  size, channels, skip_bad, upscale, alpha, depth: as of image_folder.load.

  Returns: a source of [size, size, channels] uint8 that decodes on access. Its
    labels() are those of the column.

  Raises:
    UserError: no such file, split or column, a damaged file, no usable image
      in it, or a bad one.
  """
  info(split=split, size=size, channels=channels, alpha=alpha, depth=depth)
  base = pathlib.Path(data_dir).expanduser()
  if not data_dir or not (base.is_file() and holds(base)):
    base = _official.root(data_dir, _PUBLISHED)
  tables = [_Table(base, path, column, label)
            for path in _of_split(base, _files(base), split)]
  groups = _Groups(tables)
  good = _usable.chosen(groups.files(), base, size, channels,
                        skip_bad=skip_bad, upscale=upscale, alpha=alpha,
                        depth=depth)
  return _Parquet(
      groups, good, size, channels,
      functools.partial(_resize.square, resample=_resize.LANCZOS),
      replace_bad=skip_bad, alpha=alpha, depth=depth)


def labels(data_dir, **arguments):
  """The class of each image of `load`, [n] int32; None if it has none.

  Raises:
    UserError: as `load`, or a label is not a class, a number from 0 on.
  """
  return load(data_dir, **arguments).labels()


def classes_in(data_dir, **arguments):
  """The names of the classes.

  Those that the library `datasets` wrote into the files, else numbers.

  Raises:
    UserError: as `labels`, or there are none.
  """
  source = load(data_dir, **arguments)
  if source.classes():
    return source.classes()
  numbers = source.labels()
  if numbers is None:
    label = arguments.get('label', 'label')
    raise UserError(f"the Parquet files in {data_dir} have no column '{label}':"
                    ' --config.data.label=NAME names that of the classes')
  return tuple(map(str, range(int(numbers.max()) + 1)))


class _Table:
  """One Parquet file: its images and labels, read when they are asked for."""

  def __init__(self, base, path, column, label):
    """Reads the file's footer."""
    import pyarrow.parquet as pq
    self.path, self._column, self._label = path, column, label
    self.name = (path.relative_to(base) if path != base else
                 pathlib.Path(path.name)).as_posix()
    self._lock = threading.Lock()
    with _explained(path):
      self._file = pq.ParquetFile(path, memory_map=True)
      schema = self._file.schema_arrow
      self.bytes = path.stat().st_size
    self._leaf = _leaf(path, schema, column)
    self.has_labels = label in schema.names
    self.classes = _names(schema, label)
    footer = self._file.metadata
    sizes = [footer.row_group(g) for g in range(footer.num_row_groups)]
    self.rows = [group.num_rows for group in sizes]
    largest = max((_weight(group, column) for group in sizes), default=0)
    if largest > _MOST:
      raise UserError(f'{path} has row groups with {largest:,} bytes of '
                      f'images, and at most {_MOST:,} are read at a time: '
                      'write it again with fewer rows in each')
    if largest > _SLOW:
      log.warning('%s has row groups with %s bytes of images, which are read '
                  'whole for each image: 100 rows in each would be faster',
                  path, f'{largest:,}')

  def group(self, g):
    """The image files of a row group, an Arrow array of bytes."""
    with self._lock, _explained(self.path):
      column = self._file.read_row_group(g, columns=[self._leaf]).column(0)
    whole = column.combine_chunks()
    return whole.field('bytes') if self._leaf != self._column else whole

  def labels(self):
    """[rows] of what the column of labels has."""
    with self._lock, _explained(self.path):
      return self._file.read(columns=[self._label]).column(0).to_pylist()


class _Groups:
  """All row groups of some tables; the last ones that were read are held."""

  def __init__(self, tables):
    self.tables = tables
    self._places = [(table, g) for table in tables
                    for g in range(len(table.rows))]
    self._starts = [0, *itertools.accumulate(
        table.rows[g] for table, g in self._places)]
    self._held, self._lock = collections.OrderedDict(), threading.Lock()

  def files(self):
    """The image of each row of all tables, as _decode takes them."""
    return [_decode.Stored(f'{table.path}: row {row}', functools.partial(
        self.open, start + row), 0)
            for table, start in self.starts()
            for row in range(sum(table.rows))]

  def starts(self):
    """Yields each table and the number of rows before it."""
    start = 0
    for table in self.tables:
      yield table, start
      start += sum(table.rows)

  def open(self, row):
    """The image file of a row, counted over all tables."""
    i = bisect.bisect(self._starts, row) - 1
    with self._lock:
      group = self._held.get(i)
    if group is None:
      table, g = self._places[i]
      group = table.group(g)
    with self._lock:
      self._held[i] = group
      self._held.move_to_end(i)
      while len(self._held) > _HELD:
        self._held.popitem(last=False)
    content = group[row - self._starts[i]].as_buffer()
    if content is None:
      raise ValueError('it has no bytes: if it is a path to a file, give the '
                       'folder of these files')
    return io.BytesIO(content)


class _Parquet(_images.Images):
  """source[i] -> [size, size, channels] uint8, of the i-th image."""

  def __init__(self, groups, files, *rest, **options):
    super().__init__(files, *rest, **options)
    self._groups = groups
    self._rows = [file.open.args[0] for file in files]

  def _of_rows(self, of_table):
    """What of_table(table), a list, has for each image."""
    every = [x for table in self._groups.tables for x in of_table(table)]
    return [every[row] for row in self._rows]

  def names(self):
    """'file row size' of each image, with the size of the Parquet file."""
    return self._of_rows(lambda table: [
        f'{table.name} {row} {table.bytes}' for row in range(sum(table.rows))])

  def groups(self):
    """The class of each image, or its file where there are no classes."""
    return self._of_rows(lambda table: table.labels() if table.has_labels
                         else [table.name] * sum(table.rows))

  def classes(self):
    """The names of the classes; () where the files have none."""
    return self._groups.tables[0].classes

  def labels(self):
    """[n] int32 from the column of labels; None without it."""
    if not all(table.has_labels for table in self._groups.tables):
      return None
    values = self._of_rows(lambda table: table.labels())
    for value in values:
      if type(value) is not int or not 0 <= value < 2**31:
        raise UserError(f'{self._groups.tables[0].path} has the label '
                        f'{value!r}: classes, numbers from 0 on, are read')
    return np.array(values, np.int32)


def _files(path):
  """The Parquet files that a path stands for, sorted."""
  if path.is_dir():
    return sorted(file for file in path.rglob('*.parquet')
                  if file.is_file() and not any(
                      part.startswith('.')
                      for part in file.relative_to(path).parts))
  return [path] if path.is_file() and path.suffix.lower() == '.parquet' else []


def _of_split(base, files, split):
  """Those of the files that are of a split by their names."""
  if not files:
    raise UserError(f'no Parquet file in {base}; it should hold '
                    f'{_PUBLISHED}')
  splits = {file: _split(file.relative_to(base.parent if file == base else base)
                         ) for file in files}
  known = sorted(filter(None, {*splits.values()}))
  if not known:
    return files
  if split not in known:
    raise UserError(f"no '{split}' for data.split in {base}: its files are of "
                    f'{", ".join(known)}')
  return [file for file in files if splits[file] == split]


def _split(path):
  """The split in the name of a file or of a folder that has it; '' if none."""
  for part in (path.stem, *reversed(path.parts[:-1])):
    for word in re.split('[^a-z]+', part.lower()):
      for name, words in _SPLITS.items():
        if word in words:
          return name
  return ''


def _names(schema, label):
  """The names of a column of classes, as `datasets` has them, or ()."""
  try:
    written = json.loads((schema.metadata or {})[b'huggingface'])
    names = written['info']['features'][label]['names']
  except (KeyError, TypeError, ValueError):
    return ()
  return tuple(map(str, names)) if isinstance(names, list) else ()


def _leaf(path, schema, column):
  """The name of the column that has the bytes of the images.

  Raises:
    UserError: there is none.
  """
  import pyarrow as pa
  is_bytes = lambda kind: (pa.types.is_binary(kind)
                           or pa.types.is_large_binary(kind))
  leaves = {}
  for field in schema:
    if is_bytes(field.type):
      leaves[field.name] = field.name
    elif pa.types.is_struct(field.type) and any(
        inner.name == 'bytes' and is_bytes(inner.type)
        for inner in field.type):
      leaves[field.name] = f'{field.name}.bytes'
  if column not in leaves:
    others = ', '.join(leaves) or 'none with bytes'
    raise UserError(f"{path} has no column of images '{column}'; it has "
                    f'{others}: --config.data.column=NAME takes another, of '
                    'structs {bytes, path} or of bytes')
  return leaves[column]


def _weight(group, column):
  """Bytes of the images of a row group, not compressed."""
  chunks = (group.column(i) for i in range(group.num_columns))
  return sum(chunk.total_uncompressed_size for chunk in chunks
             if chunk.path_in_schema.split('.')[0] == column)


@contextlib.contextmanager
def _explained(path):
  """Turns errors of the reader into one line."""
  import pyarrow as pa
  try:
    yield
  except (pa.ArrowException, OSError) as error:
    if isinstance(error, MemoryError):
      raise
    raise UserError(f'{path} is not a whole Parquet file that can be read: '
                    f'{error}') from error
