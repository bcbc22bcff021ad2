"""What a command without --config stands for, that names photos.

  jgan --data_dir=PHOTOS --size=64 --workdir=RUN

is EXPERIMENT with the row of the size, and with the data set that reads what
PHOTOS is: a folder of images, a zip file, Parquet files. Where RUN is a run,
it is that run, which goes on.
"""
import pathlib

from jgan import config as configs
from jgan import experiment, lookup, words
from jgan.errors import UserError
from jgan.flags import Flag

EXPERIMENT = 'experiments/photos/default.py'
SIZE = Flag('size', 0, 'Without --config: the side of the images to make of '
            'the photos in --data_dir.')

# Data sets that read photos, in the order in which they are asked.
_KINDS = {'image_folder': 'the images', 'image_parquet': 'the Parquet files',
          'image_zip': 'the zip file'}


def expanded(argv, value):
  """A command line with what it stands for: -> argv, lines to tell.

  Others are returned as they are.

  Args:
    argv: list of arguments; the first one is the program.
    value: (argv, name of a flag) -> its value on the command line, or None.

  Raises:
    UserError: --size beside --config, a size that no row has or that is not
      the run's, or nothing to read in --data_dir.
  """
  size, data_dir = value(argv, 'size'), value(argv, 'data_dir')
  rest = [argv[0], *words.without(argv[1:], 'size')]
  if value(argv, 'config'):
    if size:
      raise UserError(f'--size={size} is not read beside --config: '
                      f'--config.data.size={size} would be right')
    return argv, ()
  workdir = value(argv, 'workdir')
  record = configs.recorded(workdir) if workdir else None
  if record:
    had = record.get('data', {}).get('size')
    if size and size != str(had):
      raise UserError(f'--workdir={workdir} holds a run at data.size={had}, '
                      f'and --size={size} is another: choose another folder')
    return rest, ()
  if not data_dir:
    if size:
      raise UserError(f'--size={size} is of photos: give --data_dir too, their '
                      'folder, zip file or Parquet files')
    return argv, ()
  sizes = experiment.imported(experiment.file_of(EXPERIMENT)).ROWS
  row = size or next(iter(sizes))
  if row not in sizes:
    raise UserError(f'--size={size}: {", ".join(sizes)} would be right; other '
                    'sizes need an experiment, by --config')
  kind = kind_of(data_dir)
  named = [f'--config={EXPERIMENT}:{row}', f'--config.data.name={kind}']
  if kind == 'image_folder':
    named.pop()  # it is the experiment's own
  argv = [argv[0], *named, *rest[1:]]
  return argv, (
      f'no --config is given: {EXPERIMENT} trains on {_KINDS[kind]} in '
      f'{data_dir}, at {row} x {row}. In full: {words.command(*argv[1:])}',)


def kind_of(data_dir):
  """Name of the data set that reads what a path holds.

  Raises:
    UserError: nothing is there that can be read.
  """
  path = pathlib.Path(data_dir)
  for kind in _KINDS:
    if lookup.find('data', kind).holds(path):
      return kind
  state = ('holds no images, no Parquet files and no zip file' if path.exists()
           else 'does not exist')
  raise UserError(f'--data_dir={data_dir} {state}. Without --config it is a '
                  'folder of photos, a zip file or Parquet files of them; an '
                  'experiment with other data is named by --config')
