"""A run's folder as one file, for places that lose what a machine has.

Google Drive uploads file by file, so that of a folder a part may be there when
a runtime ends. One archive is there or is not: it gets its name when it is
written, in the place of the one before.
"""
import pathlib
import shutil
import tarfile
import tempfile

from jgan.errors import UserError
from jgan.files import replacing


def pack(workdir, file):
  """Writes the folder of a run to FILE.tar, atomically.

  While the run trains, call it where a checkpoint is complete: from
  on_checkpoint of notebook.train.

  Raises:
    UserError: there is no run, or the file cannot be written.
  """
  workdir, file = pathlib.Path(workdir), _named(file)
  if not (workdir / 'config.json').is_file():
    raise UserError(f'no run in {workdir} to pack')
  try:
    with tempfile.TemporaryDirectory(
        prefix='.pack-', dir=workdir.absolute().parent) as beside:
      # Beside the run, as Drive would upload what is not yet whole.
      made = shutil.make_archive(str(pathlib.Path(beside, 'run')), 'tar',
                                 workdir)
      file.parent.mkdir(parents=True, exist_ok=True)
      with replacing(file) as part:
        shutil.copyfile(made, part)
  except OSError as error:
    raise UserError(f'cannot write {file}: {error}') from error


def unpack(file, workdir):
  """Makes the folder of a run from FILE.tar: -> whether it did.

  It does nothing where there is no such file, or the folder is there: what it
  has is newer, or as new.

  Raises:
    UserError: the file is damaged, or the folder cannot be written.
  """
  file, workdir = _named(file), pathlib.Path(workdir).absolute()
  if workdir.exists() or not file.is_file():
    return False
  try:
    if not _is_whole(file):
      raise UserError(f'{file} is damaged: it ends too early')
    workdir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix='.unpack-', dir=workdir.parent) as beside:
      whole = pathlib.Path(beside, workdir.name)
      shutil.unpack_archive(file, whole, 'tar', filter='data')
      whole.rename(workdir)
  except (shutil.ReadError, tarfile.TarError, EOFError) as error:
    raise UserError(f'{file} is damaged: {error}') from error
  except OSError as error:
    raise UserError(f'cannot make {workdir}: {error.strerror or error}'
                    ) from error
  return True


def _named(file):
  """The path of an archive, whose name ends in .tar."""
  file = pathlib.Path(file)
  if file.suffix != '.tar':
    raise UserError(f'{file}: the name of an archive ends in .tar')
  return file


def _is_whole(file):
  """Whether an archive ends as one does, in two blocks of zeros.

  What was cut off between two files is unpacked without a word otherwise.
  """
  with file.open('rb') as archive:
    size = archive.seek(0, 2)
    archive.seek(max(size - 2 * tarfile.BLOCKSIZE, 0))
    return not size % tarfile.BLOCKSIZE and not any(archive.read())
