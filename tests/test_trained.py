"""Generators from files and runs: jgan.load."""
import json
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
import safetensors.numpy

import jgan
from jgan import about, trained, weights
from jgan import config as configs
from jgan.errors import UserError
from jgan.score import networks

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCORE = {'step': 4, 'values': {'fd_pixels': 1.5}, 'identity': '0123abcd',
         'protocol': {'protocol': 'standard', 'generator': 'average'}}


def entries(c, **changes):
  return about.strings(c, network='generator', weights='average', step=4,
                       image=(16, 16, 1), latent=8, scores=[SCORE]) | changes


@pytest.mark.parametrize('suffix', ['npz', 'safetensors'])
def test_a_file_is_a_generator_with_all_that_is_known_of_it(
    generator, suffix, tmp_path):
  c, method, net = generator
  g = jgan.load(weights.save(net, tmp_path / f'g.{suffix}', entries(c)))
  assert configs.plain(g.config) == configs.plain(c)
  assert (g.step, g.weights, g.latent, g.image) == (4, 'average', 8,
                                                    (16, 16, 1))
  assert g.scores == [{k: SCORE[k] for k in ('values', 'protocol', 'identity')}]
  for a, b in zip(jax.tree.leaves(g.params), jax.tree.leaves(net.params)):
    np.testing.assert_array_equal(a, b)
  images = g.sample(3, n=5)
  assert images.shape == (5, 16, 16, 1) and images.dtype == np.uint8
  sampler = networks.sampler_of(c, method, most=64)
  np.testing.assert_array_equal(images, sampler.array(net, 5, 3))
  z = np.random.default_rng(1).normal(size=(2, 8))
  assert g.sample(z).shape == (2, 16, 16, 1)
  np.testing.assert_allclose(g.sample(z) / 127.5 - 1.,
                             jax.jit(g)(z.astype(np.float32)), atol=.01)
  assert '8] -> [b, 16, 16, 1]' in repr(g)


def test_what_is_no_seed_and_no_latents_is_refused(generator):
  c, method, net = generator
  g = trained.Trained(c, net, method=method)
  for source, says in ((-1, 'a seed'), (1.5, 'a seed'), (True, 'a seed'),
                       (np.zeros((2, 7)), r'\[n, 8\] would be right'),
                       (np.zeros(8), r'\[n, 8\]'),
                       (np.full((1, 8), np.nan), 'not finite'),
                       (np.array([['a'] * 8]), 'real numbers')):
    with pytest.raises(UserError, match=says):
      g.sample(source)
  with pytest.raises(UserError, match='n=0'):
    g.sample(0, n=0)


def test_the_file_has_the_permissions_of_the_umask(generator, tmp_path):
  c, _, net = generator
  before = os.umask(0o027)
  try:
    for suffix in ('npz', 'safetensors'):
      file = weights.save(net, tmp_path / f'g.{suffix}', entries(c))
      assert file.stat().st_mode & 0o777 == 0o640
  finally:
    os.umask(before)


def test_the_same_weights_are_the_same_bytes(generator, tmp_path):
  c, _, net = generator
  a, b = (weights.save(net, tmp_path / name, entries(c)).read_bytes()
          for name in ('a.safetensors', 'b.safetensors'))
  assert a == b


def test_another_program_reads_what_the_file_says(generator, tmp_path):
  """By safetensors alone: layout, range, version, config."""
  c, _, net = generator
  file = weights.save(net, tmp_path / 'g.safetensors', entries(c))
  with safetensors.safe_open(file, framework='np') as opened:
    said = json.loads(opened.metadata()['jgan'])
  assert said['layout'] == 'NHWC' and said['range'] == '[-1, 1]'
  assert said['jgan'] == jgan.__version__
  assert json.loads(said['config'])['generator']['name'] == 'dcgan'
  assert json.loads(said['scores'])[0]['values'] == {'fd_pixels': 1.5}


@pytest.mark.parametrize('change, says', [
    ({'jgan_format': '2', 'jgan': '9.1'},
     'has format 2, written by jgan 9.1; this jgan, .*: install a newer one'),
    ({'jgan_format': 'x'}, 'is damaged: what it says about itself'),
    ({'config': '{'}, 'is damaged'), ({'config': '[]'}, 'is damaged'),
    ({'scores': '[1]'}, 'is damaged'), ({'step': 'x'}, 'is damaged'),
    ({'config': '{"batch": 1, "new": 2}', 'jgan': '9.1'},
     r'written by jgan 9.1, this is .*new'),
    ({'network': 'discriminator'}, 'is a discriminator')])
@pytest.mark.parametrize('suffix', ['npz', 'safetensors'])
def test_what_cannot_be_used_is_said(generator, change, says, suffix, tmp_path):
  c, _, net = generator
  file = weights.save(net, tmp_path / f'g.{suffix}', entries(c, **change))
  with pytest.raises(UserError, match=rf'g.{suffix}.*{says}'):
    jgan.load(file)


def test_changed_numbers_are_noticed(generator, tmp_path):
  c, _, net = generator
  file = weights.save(net, tmp_path / 'g.safetensors', entries(c))
  data = bytearray(file.read_bytes())
  data[-1] ^= 1
  file.write_bytes(data)
  with pytest.raises(UserError, match='is damaged: its arrays are not those'):
    jgan.load(file)


def test_a_file_that_says_nothing_needs_a_config(generator, tmp_path):
  c, _, net = generator
  for suffix in ('npz', 'safetensors'):
    file = weights.save(net, tmp_path / f'g.{suffix}')
    with pytest.raises(UserError, match='does not say which network.*config='):
      jgan.load(file)
    g = jgan.load(file, config=c)
    assert g.step is None and g.weights == 'unknown' and not g.scores
  (tmp_path / 'run').mkdir()
  (tmp_path / 'run' / 'config.json').write_text(json.dumps(configs.plain(c)))
  assert jgan.load(file, config=tmp_path / 'run').latent == 8
  with pytest.raises(UserError, match='does not fit the model'):
    jgan.load(file, config=ROOT / 'experiments/digits/default.py')
  safetensors.numpy.save_file({'params/a': np.ones(2)}, tmp_path / 'x.npz',
                              {'format': 'pt'})
  with pytest.raises(UserError, match='cannot read'):
    jgan.load(tmp_path / 'x.npz')


def test_programs_and_what_is_not_there_are_told_apart(tmp_path):
  (tmp_path / 'x.txt').write_text('no weights')
  for name, says in (('g.onnx', 'onnxruntime'), ('g.jaxexport', 'jax.export'),
                     ('g.npz', 'No such file'), ('x.txt', "ends in '.txt'")):
    with pytest.raises(UserError, match=says):
      jgan.load(tmp_path / name)
  with pytest.raises(UserError, match='is no folder of a run'):
    jgan.load(tmp_path)
  with pytest.raises(UserError, match='choose among the checkpoints'):
    jgan.load(tmp_path / 'g.npz', best=True)


def test_importing_jgan_loads_nothing():
  program = ('import sys, jgan; assert callable(jgan.load); '
             'assert not {"jax", "numpy", "flax"} & set(sys.modules)')
  subprocess.run([sys.executable, '-c', program], cwd=ROOT, check=True)
