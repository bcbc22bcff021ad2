"""What sample and export write, and leave alone."""
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
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
  with pytest.raises(UserError, match=f'cannot write --out=.*g.{suffix}'):
    export.write(METHOD, NET, tmp_path / f'g.{suffix}')
