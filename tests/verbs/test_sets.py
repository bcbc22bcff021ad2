"""What --a and --b may be."""
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jgan import about, weights
from jgan.errors import UserError
from jgan.report import grid
from jgan.score import networks
from jgan.score.statistics import Statistics
from jgan.verbs import _sets, evaluate


@pytest.fixture(scope='module')
def export(generator, tmp_path_factory):
  """A file of a generator, and the images by which its run is scored."""
  c, method, net = generator
  said = about.strings(c, network='generator', weights='average', step=4,
                       image=(16, 16, 1), latent=8)
  folder = tmp_path_factory.mktemp('export')
  files = [weights.save(net, folder / f'g.{suffix}', said)
           for suffix in ('npz', 'safetensors')]
  return files, networks.sampler_of(c, method).array(net, 12, c.seed + 2)


def test_an_exported_generator_makes_the_images_of_its_runs_scores(export):
  files, images = export
  for file in files:
    np.testing.assert_array_equal(_sets.of('b', str(file), 16, ''), images)
    some = _sets.of('b', str(file), 16, '', count=5)
    np.testing.assert_array_equal(some, images[:5])
    with pytest.raises(UserError, match='16 x 16, and 8 are needed'):
      _sets.of('b', str(file), 8, '', count=5)


def test_its_score_is_that_of_the_array_of_its_images(export, tmp_path):
  files, images = export
  np.savez(tmp_path / 'fakes.npz', images=images)
  def value(b):
    table = evaluate.sets('digits', str(b), metrics=('fd_pixels',), size=16)
    row = next(x for x in table.splitlines() if 'fd_pixels' in x)
    return row.replace('│', ' ').split()[-1]
  assert value(files[0]) == value(tmp_path / 'fakes.npz')


@pytest.mark.parametrize('value, words', [
    (1., 'from 0 to 1: uint8, or floats'), (255., 'from 0 to 255: uint8'),
    (np.nan, 'from nan to nan')])
def test_floats_whose_black_is_not_at_minus_one_are_refused(
    value, words, tmp_path):
  """They would be scored, silently, as images of the upper half of grey."""
  images = np.zeros((4, 8, 8, 3), np.float32)
  images[0, 0, 0, 0] = value
  np.savez(tmp_path / 'x.npz', images=images)
  with pytest.raises(UserError, match=words):
    _sets.of('b', str(tmp_path / 'x.npz'), 0, '')
  np.savez(tmp_path / 'x.npz', images=2. * np.nan_to_num(images) - 1.)
  _sets.of('b', str(tmp_path / 'x.npz'), 0, '')
  np.savez(tmp_path / 'x.npz', images=np.ones((4, 1, 1, 2)))  # points
  _sets.of('b', str(tmp_path / 'x.npz'), 0, '')


def test_zip_and_parquet_files_are_the_images_of_the_folder(tmp_path):
  rng = np.random.default_rng(0)
  photos, stored = tmp_path / 'photos', []
  photos.mkdir()
  with zipfile.ZipFile(tmp_path / 'photos.zip', 'w') as archive:
    for name in ('a.png', 'b.png', 'c.png'):
      grid.save_png(photos / name, rng.integers(0, 256, (8, 8, 3), np.uint8))
      archive.write(photos / name, name)
      stored.append({'image': {'bytes': (photos / name).read_bytes()}})
  pq.write_table(pa.Table.from_pylist(stored), tmp_path / 'photos.parquet')
  whole = [_sets.of('a', str(tmp_path / name), 0, '') for name in (
      'photos', 'photos.zip', 'photos.parquet')]
  for images in whole:
    assert _sets.side(images) == 8
    np.testing.assert_array_equal([images[i] for i in range(len(images))],
                                  [whole[0][i] for i in range(3)])
  small = _sets.of('b', str(tmp_path / 'photos.zip'), 4, '')
  assert small[2].shape == (4, 4, 3)
  (tmp_path / 'only').mkdir()
  (tmp_path / 'photos.zip').rename(tmp_path / 'only' / 'photos.zip')
  assert len(_sets.of('a', str(tmp_path / 'only'), 0, '')) == 3


def test_arrays_are_told_apart_by_their_names(tmp_path):
  np.savez(tmp_path / 'a.npz', mu=np.zeros(2), sigma=np.eye(2))
  np.savez(tmp_path / 'b.npz', np.zeros((2, 4, 4, 3), np.uint8))
  a, b = (_sets.of('a', str(tmp_path / f'{x}.npz'), 0, '') for x in 'ab')
  assert isinstance(a, Statistics) and _sets.side(a) == 0
  assert b.shape == (2, 4, 4, 3) and _sets.side(b) == 4
  with pytest.raises(UserError, match='--a is missing: a folder, a zip'):
    _sets.of('a', '', 0, '')


@pytest.mark.parametrize('suffix', ['jaxexport', 'onnx'])
def test_a_program_is_refused_with_what_is_scored_in_its_place(suffix):
  with pytest.raises(UserError, match=r'is a program.* a \.safetensors or'):
    _sets.of('b', f'g.{suffix}', 16, '')


def test_of_three_real_images_the_nearest_are_all_three(tmp_path):
  images = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 1), np.uint8)
  path, = evaluate.pictures(tmp_path, ('memorisation',),
                            lambda n: images[:3][:n], lambda n: images[3:][:n])
  width, height = Image.open(path).size
  assert 1.9 < height / width < 2.1  # 8 rows of an image and its neighbours
