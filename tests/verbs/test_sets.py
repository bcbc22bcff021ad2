"""What --a and --b may be."""
import jax
import numpy as np
import pytest

from jgan import about, build, weights
from jgan import config as configs
from jgan.errors import UserError
from jgan.score import networks
from jgan.score.statistics import Statistics
from jgan.verbs import _sets, evaluate


@pytest.fixture(scope='module')
def export(tmp_path_factory):
  """A file of a generator, and the images by which its run is scored."""
  c = configs.base()
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.eval.samples = 12
  c = configs.complete(c)
  method = build.method(c)
  rng = np.random.default_rng(0)
  net = jax.tree.map(
      lambda x: (rng.normal(0., .3, x.shape)**2 + .1).astype(x.dtype),
      build.abstract(c, method).ema)
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


def test_arrays_are_told_apart_by_their_names(tmp_path):
  np.savez(tmp_path / 'a.npz', mu=np.zeros(2), sigma=np.eye(2))
  np.savez(tmp_path / 'b.npz', np.zeros((2, 4, 4, 3), np.uint8))
  a, b = (_sets.of('a', str(tmp_path / f'{x}.npz'), 0, '') for x in 'ab')
  assert isinstance(a, Statistics) and _sets.side(a) == 0
  assert b.shape == (2, 4, 4, 3) and _sets.side(b) == 4
  with pytest.raises(UserError, match='--a is missing: a folder of images'):
    _sets.of('a', '', 0, '')
