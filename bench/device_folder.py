"""What bench.device takes to a machine that can download nothing.

  make device-folder DATA=DIR    DIR has CIFAR-10 and cifar10_classifiers/

It makes runs/device, 46 MB:
  images.webp          the first 20,000 training images of CIFAR-10, 100 in a
                       row, lossless
  cifar10_classifiers  the weights of resnet56, the network of the FD
  losses.json          what three steps of a small network gave on a CPU
  wheels               what jgan imports beside jax, flax, optax and orbax, for
                       Linux on x86-64
"""
import argparse
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

LIMIT = 50_000_000  # bytes
IMAGES = 20_000
_PER_ROW = 100
_PACKAGES = ('clu', 'ml-collections', 'packaging', 'pillow', 'safetensors',
             'tensorboardx')
_ROOT = pathlib.Path(__file__).resolve().parent.parent


def unpack(folder):
  """Makes those packages of folder/wheels importable that are not installed.

  Returns:
    Their names.
  """
  unpacked, place = [], ''
  for wheel in sorted((pathlib.Path(folder) / 'wheels').glob('*.whl')):
    with zipfile.ZipFile(wheel) as archive:
      tops = {name.partition('/')[0] for name in archive.namelist()}
      modules = [top.removesuffix('.py') for top in tops
                 if re.fullmatch(r'\w+(\.py)?', top)]
      if all(importlib.util.find_spec(module) for module in modules):
        continue
      place = place or tempfile.mkdtemp(prefix='jgan-wheels-')
      archive.extractall(place)
      unpacked.append(wheel.name.partition('-')[0])
  if place:
    sys.path.append(place)  # what is installed comes first
    importlib.invalidate_caches()
  return unpacked


def images(folder):
  """The images: [n, 32, 32, 3] uint8, or None if the folder has none."""
  import numpy as np
  from PIL import Image
  path = pathlib.Path(folder) / 'images.webp'
  if not path.is_file():
    return None
  with Image.open(path) as picture:
    tiles = np.asarray(picture.convert('RGB'))
  rows, columns = (side // 32 for side in tiles.shape[:2])
  tiles = tiles.reshape(rows, 32, columns, 32, 3).swapaxes(1, 2)
  return np.ascontiguousarray(tiles.reshape(-1, 32, 32, 3))


def losses(folder):
  """The losses of bench.device_rows.losses on a CPU; None without a file."""
  path = pathlib.Path(folder) / 'losses.json'
  return json.loads(path.read_text()) if path.is_file() else None


def make(folder, data_dir, *, count=IMAGES, python='3.12', wheels=True):
  """Makes the folder anew: -> its bytes.

  Raises:
    ValueError: it became larger than LIMIT.
  """
  from bench import device_rows
  from jgan.data import cifar10
  from jgan.features import resnet56
  folder, data_dir = pathlib.Path(folder), pathlib.Path(data_dir)
  shutil.rmtree(folder, ignore_errors=True)
  weights = pathlib.Path('cifar10_classifiers', resnet56.FILE)
  (folder / weights).parent.mkdir(parents=True)
  shutil.copy(data_dir / weights, folder / weights)
  save(folder / 'images.webp', cifar10.load(str(data_dir))[:count])
  (folder / 'losses.json').write_text(json.dumps(device_rows.losses()) + '\n')
  if wheels:
    _download(folder / 'wheels', python)
  size = sum(file.stat().st_size for file in folder.rglob('*')
             if file.is_file())
  if size > LIMIT:
    raise ValueError(f'{folder} has {size:,} bytes, more than {LIMIT:,}: '
                     f'fewer images than {count:,} would be right')
  return size


def save(path, images):
  """Writes images [n, 32, 32, 3], n a multiple of 100, as one picture."""
  from PIL import Image
  n, height, width, _ = images.shape
  tiles = images.reshape(-1, _PER_ROW, height, width, 3).swapaxes(1, 2)
  Image.fromarray(tiles.reshape(n // _PER_ROW * height, _PER_ROW * width, 3)
                  ).save(path, lossless=True, quality=60, method=4)


def _download(folder, python):
  """Fetches the wheels, of the versions in requirements.txt."""
  lines = (_ROOT / 'requirements.txt').read_text().splitlines()
  wanted = [line for line in lines if line.partition('==')[0] in _PACKAGES]
  if len(wanted) != len(_PACKAGES):
    raise ValueError(f'requirements.txt pins {wanted}, not all of {_PACKAGES}')
  platforms = [f'--platform=manylinux{name}_x86_64' for name in (
      '_2_28', '_2_27', '_2_17', '2014')]
  subprocess.run(
      [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps',
       '--only-binary=:all:', f'--python-version={python}',
       '--implementation=cp', *platforms, f'--dest={folder}', *wanted],
      check=True)


def main(arguments):
  """Makes the folder and says how large it is."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('folder', help='to make, and to replace if it is there')
  parser.add_argument('--data_dir', required=True,
                      help='a folder with CIFAR-10 and cifar10_classifiers/')
  parser.add_argument('--python', default='3.12',
                      help='that the machine has')
  options = parser.parse_args(arguments)
  size = make(options.folder, options.data_dir, python=options.python)
  sys.stdout.write(f'{options.folder}: {size / 1e6:.1f} MB\n')


if __name__ == '__main__':
  main(sys.argv[1:])
