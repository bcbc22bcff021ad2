"""Model cards, and exports of exports."""
import json

import jax
import numpy as np
import pytest
import yaml

from jgan import about, build, trained
from jgan import config as configs
from jgan import flags as common
from jgan.errors import UserError
from jgan.trained import Trained
from jgan.verbs import _card, export

STAMP = {'protocol': 'standard', 'generator': 'average', 'fakes': 100,
         'reals': 50, 'reference': 'digits:train'}


@pytest.fixture(scope='module')
def g():
  """A generator of numbers in place of training."""
  c = configs.base()
  c.steps = 10
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c = configs.complete(c)
  method = build.method(c)
  net = jax.tree.map(lambda x: np.full(x.shape, .1, x.dtype),
                     build.abstract(c, method).ema)
  return Trained(c, net, method=method, step=4, weights='average', scores=[
      {'values': {'FID': 12.5}, 'protocol': STAMP, 'identity': '0123abcd'}])


@pytest.fixture
def file(g, tmp_path):
  said = about.strings(
      g.config, network='generator', weights=g.weights, step=g.step,
      image=g.image, latent=g.latent, scores=g.scores)
  return export.write(g.method, g.net, tmp_path / 'a.npz', entries=said)


def run(**flags):
  flags = common.values(export.FLAGS, {k: v if isinstance(v, bool) else str(v)
                                       for k, v in flags.items()})
  return export.run(None, flags).split()


def test_an_export_of_an_export_says_the_same(g, file, tmp_path):
  path, = run(params=file, out=tmp_path / 'b.safetensors')
  a, b = map(trained.load, (file, path))
  assert a.scores == b.scores == g.scores and (b.step, b.weights) == (
      4, 'average')
  assert configs.plain(a.config) == configs.plain(b.config)
  for x, y in zip(jax.tree.leaves(a.net), jax.tree.leaves(b.net)):
    np.testing.assert_array_equal(x, y)


def test_int8_is_smaller_and_makes_nearly_the_same_images(g, tmp_path):
  rng = np.random.default_rng(0)
  other = Trained(g.config, jax.tree.map(
      lambda x: rng.normal(size=x.shape).astype(x.dtype) if x.ndim > 1 else x,
      g.net), method=g.method, step=4, weights='average', scores=g.scores)
  source = export.write(g.method, other.net, tmp_path / 'a.npz',
                        entries=about.strings(
                            g.config, network='generator', weights='average',
                            step=4, image=g.image, latent=8, scores=g.scores))
  path, *words = run(params=source, out=tmp_path / 'b.safetensors', int8=True)
  after, before = (int(words[i].replace(',', '')) for i in (0, 9))
  assert 1.8 * after < before == sum(x.nbytes for x in
                                     jax.tree.leaves(other.net))
  whole, small = map(trained.load, (source, path))
  z = rng.normal(size=(4, 8)).astype(np.float32)
  assert 0. < np.abs(whole(z) - small(z)).max() < .2
  assert whole.scores and not small.scores  # those are of other weights
  with pytest.raises(UserError, match='--int8 is of .safetensors and .npz'):
    run(params=source, out=tmp_path / 'b.onnx', int8=True)


def test_a_card_says_what_the_model_is(file, tmp_path):
  folder = tmp_path / 'card'
  written = run(params=file, out=folder / 'g.safetensors', card=True)
  assert written == [str(folder / name) for name in (
      'g.safetensors', 'README.md', 'samples.png')]
  text = (folder / 'README.md').read_text()
  _, front, body = text.split('---\n', 2)
  front = yaml.safe_load(front)
  assert front['library_name'] == 'jgan' and 'dcgan' in front['tags']
  metric, = front['model-index'][0]['results'][0]['metrics']
  assert metric == {'type': 'FID', 'value': 12.5,
                    'name': 'FID, protocol standard 0123abcd'}
  for said in ('16 x 16', '4 of 10 steps', '](samples.png)', '`0123abcd`',
               "jgan.load('g.safetensors')", '| FID | 12.5 | lower |',
               '50 of digits:train', 'Training was not finished',
               'Memorisation of training images was not measured'):
    assert said in body, said


def test_the_program_of_a_card_runs(file, tmp_path, monkeypatch):
  """As it stands in it."""
  for suffix in ('safetensors', 'jaxexport'):
    folder = tmp_path / suffix
    run(params=file, out=folder / f'g.{suffix}', card=True)
    block = (folder / 'README.md').read_text().split('```')[1]
    monkeypatch.chdir(folder)
    names = {'z': np.zeros((3, 8), np.float32)}
    exec(block.removeprefix('python\n'), names)
    assert names['images'].shape[1:] == (16, 16, 1)


def test_a_file_that_is_no_card_is_never_replaced(file, tmp_path):
  out = tmp_path / 'g.npz'
  (tmp_path / 'README.md').write_text('# My project\n')
  for overwrite in (False, True):
    with pytest.raises(UserError, match='README.md'):
      run(params=file, out=out, card=True, overwrite=overwrite)
  assert (tmp_path / 'README.md').read_text() == '# My project\n'
  assert not out.exists()
  (tmp_path / 'README.md').unlink()
  assert run(params=file, out=out, card=True)
  with pytest.raises(UserError, match='--overwrite'):
    run(params=file, out=tmp_path / 'h.npz', card=True)
  assert run(params=file, out=out, card=True, overwrite=True)


def test_a_card_without_scores_or_a_step_says_so(g, tmp_path):
  plain = Trained(g.config, g.net, method=g.method)
  text = _card.text(plain, tmp_path / 'g.npz')
  assert 'model-index' not in text and 'None were computed' in text
  assert 'of 10 steps' not in text and '](samples.png)' not in text


def test_what_an_export_needs_is_said(file, tmp_path):
  out = tmp_path / 'g.npz'
  for flags, says in (
      ({'out': out}, 'neither --workdir=RUN nor'),
      ({'out': tmp_path / 'g.pt', 'params': file}, "ends in '.pt'"),
      ({'out': out, 'params': file, 'best': True}, '--best is not read'),
      ({'out': out, 'params': file, 'discriminator': True},
       '--discriminator is not read'),
      ({'out': out, 'discriminator': True, 'card': True}, '--card is not read'),
      ({'out': tmp_path / 'g.onnx', 'discriminator': True},
       'a .onnx samples the generator')):
    with pytest.raises(UserError, match=says):
      run(**flags)
  assert not out.exists()


def test_onnx_of_a_run_in_bfloat16_is_in_float32(g):
  c = g.config.copy_and_resolve_references().unlock()
  c.dtype = 'bfloat16'
  assert export._in_float32(c.lock()).dtype == 'float32'
  assert json.loads(json.dumps(configs.plain(g.config)))['dtype'] == 'auto'
