"""What sample and export write, and leave alone."""
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jgan import config as configs
from jgan import flags as common
from jgan.errors import UserError
from jgan.score import latents
from jgan.score.samples import Sampler
from jgan.types import Method, Network
from jgan.verbs import export, sample

METHOD = Method(None, None, lambda net, z: jnp.tanh(
    (z @ net.params['w']).reshape(-1, 4, 4, 1)), 2)
NET = Network({'w': np.linspace(-1., 1., 32, dtype=np.float32).reshape(2, 16)},
              {})
SAMPLER = Sampler(METHOD.sample, METHOD.latent, 4)


def contents(path):
  """{name: bytes} of a file, or of those in a folder."""
  files = sorted(path.iterdir()) if path.is_dir() else [path]
  return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize('name', ['grid.png', 'fakes.npz', 'images'])
def test_samples_replace_earlier_ones_only_where_it_is_asked(name, tmp_path):
  out = tmp_path / name
  write = lambda **fields: sample.write(SAMPLER, NET, out, **fields)
  write(n=6)
  earlier = contents(out)
  with pytest.raises(UserError, match=f'--out={out} is there already.*'
                     '--overwrite'):
    write(n=6, seed=1)
  assert contents(out) == earlier
  write(n=4, seed=1, overwrite=True)
  assert len(contents(out)) == (4 if name == 'images' else 1)
  assert all(earlier[file] != data for file, data in contents(out).items())


def test_a_folder_with_something_else_is_left_alone(tmp_path):
  (tmp_path / 'notes.txt').write_text('mine')
  with pytest.raises(UserError, match='is there already'):
    sample.write(SAMPLER, NET, tmp_path, n=2)
  sample.write(SAMPLER, NET, tmp_path, n=2, overwrite=True)
  assert sorted(contents(tmp_path)) == ['000000.png', '000001.png', 'notes.txt']


def test_an_export_replaces_an_earlier_one_only_where_it_is_asked(tmp_path):
  out = tmp_path / 'g.npz'
  export.write(METHOD, NET, out)
  earlier = contents(out)
  other = Network({'w': NET.params['w'] + 1.}, {})
  with pytest.raises(UserError, match='is there already'):
    export.write(METHOD, other, out)
  assert contents(out) == earlier
  export.write(METHOD, other, out, overwrite=True)
  assert contents(out) != earlier


@pytest.mark.parametrize('suffix', ['npz', 'safetensors', 'jaxexport'])
def test_an_export_that_cannot_be_written_is_one_line(suffix, tmp_path):
  (tmp_path / f'g.{suffix}').mkdir()
  with pytest.raises(UserError, match=f'cannot write to --out=.*g.{suffix}'):
    export.write(METHOD, NET, tmp_path / f'g.{suffix}')


def test_a_walk_is_closed_and_has_the_frames_that_were_asked(tmp_path):
  z = np.array([[1., 0.], [0., 2.], [-1., 0.]])
  walk = np.asarray(latents.loop(z, 4))
  assert walk.shape == (12, 2)
  np.testing.assert_allclose(walk[::4], z, atol=1e-6)
  # Between (1, 0) and (0, 2): on the great circle, as slerp defines it.
  np.testing.assert_allclose(walk[2], [.5**.5, 2. * .5**.5], atol=1e-6)
  # Opposite latents have no circle: a straight line, as of equal ones.
  np.testing.assert_allclose(walk[8:], [[-1, 0], [-.5, 0], [0, 0], [.5, 0]],
                             atol=1e-6)
  out = tmp_path / 'walk.gif'
  sample.write(SAMPLER, NET, out, z=z.astype(np.float32), interpolate=4)
  with Image.open(out) as picture:
    assert picture.n_frames == 12
  with pytest.raises(UserError, match='is there already'):
    sample.write(SAMPLER, NET, out, n=3, interpolate=4)
  with pytest.raises(UserError, match='between 1 latent'):
    sample.write(SAMPLER, NET, out, n=1, interpolate=4, overwrite=True)


def test_rows_go_from_each_latent_of_a_file_to_the_next(tmp_path):
  np.save(tmp_path / 'z.npy', [[1, 0], [0, 1], [1, 1]])
  z = latents.of_file(tmp_path / 'z.npy', 2)
  assert z.dtype == np.float32
  images = np.load(sample.write(SAMPLER, NET, tmp_path / 'rows.npz', z=z,
                                interpolate=3))['images']
  ends = np.load(sample.write(SAMPLER, NET, tmp_path / 'ends.npz', z=z)
                 )['images']
  assert len(images) == 6 and len(ends) == 3
  np.testing.assert_array_equal(images[[0, 2, 3, 5]], ends[[0, 1, 1, 2]])


@pytest.mark.parametrize('array, says', [
    (np.zeros((2, 3)), r'float64 \[2, 3\]: real numbers \[n, 2\]'),
    (np.zeros(2), r'\[2\]'), (np.zeros((0, 2)), r'\[0, 2\]'),
    (np.full((1, 2), np.inf), 'not finite'), (np.zeros((1, 2), bool), 'bool'),
    (np.array([[{}, 1]], object), 'objects')])
def test_latents_of_another_kind_are_refused(array, says, tmp_path):
  np.save(tmp_path / 'z.npy', array, allow_pickle=True)
  np.savez(tmp_path / 'z.npz', z=array)
  for name in ('z.npy', 'z.npz'):
    with pytest.raises(UserError, match=f'{name}.*{says}'):
      latents.of_file(tmp_path / name, 2)


def test_damaged_latents_and_two_arrays_are_refused(tmp_path):
  np.save(tmp_path / 'z.npy', np.zeros((4, 2)))
  (tmp_path / 'cut.npy').write_bytes((tmp_path / 'z.npy').read_bytes()[:-1])
  (tmp_path / 'x.npy').write_bytes(b'no array')
  np.savez(tmp_path / 'two.npz', a=np.zeros((1, 2)), b=np.zeros((1, 2)))
  for name, says in (('cut.npy', 'and has 63'), ('x.npy', 'cannot read'),
                     ('two.npz', 'one would be right'), ('no.npy', 'No such'),
                     ('z.txt', 'No such')):
    with pytest.raises(UserError, match=says):
      latents.of_file(tmp_path / name, 2)


def test_a_table_has_the_latents_at_its_sides():
  z = np.array([[0.], [100.]])
  table = sample._table(lambda pairs: np.stack([
      np.full((1, 1, 1), a + b / 10, np.uint8) for a, b in pairs]), z)
  np.testing.assert_array_equal(table.reshape(3, 3), [
      [255, 0, 110], [0, 0, 10], [110, 100, 110]])


def run(**flags):
  return sample.run(None, common.values(sample.FLAGS, flags))


@pytest.mark.parametrize('flags, says', [
    ({}, '--workdir, or --out'), ({'out': 'a.png'}, 'neither --workdir'),
    ({'out': 'a.png', 'latents': 'z.npy', 'n': 3}, '--n is not read beside'),
    ({'out': 'a.png', 'latents': 'z.npy', 'seed': 3}, '--seed is not read'),
    ({'out': 'a.png', 'fps': 3.}, '--fps=3 is of a video'),
    ({'out': 'a.png', 'truncation': float('nan')}, '--truncation=nan'),
    ({'out': 'a.npz', 'mixing': 'fine'}, 'is no .png'),
    ({'out': 'a.png', 'mixing': 'fine', 'interpolate': 3},
     '--interpolate is not read beside --mixing'),
    ({'out': 'a.png', 'params': 'a.npz', 'best': True}, '--best is not read')])
def test_flags_that_do_not_go_together_are_refused(flags, says):
  with pytest.raises(UserError, match=says):
    run(**flags)


def test_noise_is_the_same_in_all_images_of_an_interpolation(tiny):
  plain = configs.complete(tiny)
  assert sample.with_equal_noise(plain) is plain
  tiny.generator = {'name': 'stylegan2', 'latent': 4}
  config = sample.with_equal_noise(configs.complete(tiny))
  assert config.generator.stored_noise
