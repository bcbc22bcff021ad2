"""What a run is made by: the command, the code, the libraries, the devices."""
import datetime
import json
import pathlib
import platform
import subprocess
import sys
from importlib import metadata

import jax

import jgan
from jgan import precision

_LIBRARIES = ('jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy',
              'grain', 'ml-collections')


def of(config):
  """The entry of a session in run.json, as a dict; config: completed."""
  return {
      'command': ' '.join(sys.argv),
      'started': datetime.datetime.now().astimezone().isoformat('T', 'seconds'),
      'commit': commit(),
      'devices': [f'{d.platform}:{d.id} {d.device_kind}'
                  for d in jax.devices()],
      'dtype': precision.of(config),
      'processes': jax.process_count(),
      'host': platform.node(),
      'versions': {
          'jgan': jgan.__version__, 'python': platform.python_version(),
          **{name: version(name) for name in _LIBRARIES}},
  }


def version(library):
  """The version of an installed library, 'unknown' if it has none."""
  try:
    return metadata.version(library)
  except metadata.PackageNotFoundError:
    return 'unknown'


def commit():
  """Git commit of this code, with '-dirty' if there are later changes."""
  here = pathlib.Path(__file__)
  git = lambda *arguments: subprocess.run(
      ['git', *arguments], cwd=here.parent, capture_output=True, text=True,
      check=True).stdout.strip()
  try:
    # An installed jgan may be inside the checkout of another project.
    git('ls-files', '--error-unmatch', here.name)
    return git('describe', '--always', '--dirty', '--abbrev=40')
  except (OSError, subprocess.CalledProcessError):
    return _installed_commit() or 'unknown: not a git checkout'


def _installed_commit():
  """The commit that pip installed jgan from, '' if pip recorded none."""
  try:
    origin = metadata.distribution('jgan').read_text('direct_url.json')
    return json.loads(origin or '{}').get('vcs_info', {}).get('commit_id', '')
  except (metadata.PackageNotFoundError, ValueError):
    return ''
