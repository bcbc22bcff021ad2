"""Files that are written under temporary names, and never through links."""
import contextlib
import json
import os
import pathlib
import secrets


@contextlib.contextmanager
def replacing(path):
  """Yields the path of a new file that replaces `path` when the block ends.

  It lies beside `path`, so that the replacement is atomic. Its name is random:
  a link that somebody left in the folder is never written through. If the
  block fails, it is deleted and `path` stays as it was.
  """
  path = pathlib.Path(path)
  part = path.with_name(f'.{secrets.token_hex(4)}.{path.name}')
  try:
    yield part
    os.replace(part, path)
  finally:
    part.unlink(missing_ok=True)


def own(path):
  """Deletes `path` if it is a symbolic link to another file: -> path."""
  if path.is_symlink():
    path.unlink()
  return path


def parsed(text):
  """What JSON, text or bytes, stands for.

  Raises:
    ValueError: it is not JSON, or too deeply nested.
  """
  try:
    return json.loads(text)
  except RecursionError as error:
    raise ValueError('it is too deeply nested') from error
