"""The FID Inception: the published file's schema, torch-fidelity, the stem.

golden/inception.npz is a part of what torch-fidelity 0.4.0 makes of two
images with the random weights of parity/inputs.py; `make parity` compares all
of it and, by `python -m parity.compare runs/parity --record`, writes it anew.
"""
import functools
import hashlib
import json
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from PIL import Image

from jgan.errors import UserError
from jgan.features import _extractor, inception
from parity import inputs

GOLDEN = pathlib.Path(__file__).parent / 'golden' / 'inception.npz'
SHARED = (pathlib.Path(__file__).resolve().parents[3] / 'shared' / 'data'
          / 'inception')


@pytest.fixture(scope='module')
def state():
  return inputs.weights()


@pytest.fixture(scope='module')
def shared():
  if not SHARED.is_dir():
    pytest.skip(f'no fixtures: {SHARED} does not exist')
  return SHARED


def test_features_are_those_of_torch_fidelity(state):
  golden = dict(np.load(GOLDEN))
  net = inception.extractor(inception.convert(state, 'random'), '0' * 64)
  run = _extractor.compiled(net, jax.devices()[:1], batch=2)
  images = golden.pop('images')
  out = run(images, tuple(golden))
  assert out['features'].shape == (2, net.dims)
  assert out['logits'].shape == (2, net.classes)
  for name, want in golden.items():
    np.testing.assert_allclose(out[name][:, ::8], want, rtol=1e-4,
                               atol=1e-4 * np.abs(want).max(), err_msg=name)
  # The two images differ by far more than that.
  want = golden['features']
  assert np.abs(want[0] - want[1]).max() > .05 * np.abs(want).max()


def test_the_published_file_is_used_whole(state, shared):
  schema = json.loads(
      (shared / 'pt_inception_state_dict_schema.json').read_text())
  real = {e['name']: tuple(e['shape']) for e in schema}
  counters = [name for name in real if name.endswith('num_batches_tracked')]
  ours = {name: x.shape for name, x in state.items()}
  assert ours == {k: v for k, v in real.items() if k not in counters}
  assert len(real) == 566 and sum(map(np.prod, ours.values())) == 23_885_392

  taken = []

  class Watched(dict):

    def __getitem__(self, name):
      taken.append(name)
      return super().__getitem__(name)

  inception.convert(
      Watched(state | {name: np.array(0) for name in counters}), '')
  assert sorted(taken) == sorted(ours)


def test_the_real_stem_convolves_as_scipy_does(state, shared):
  real = dict(np.load(shared / 'pt_inception_partial_tensors.npz'))
  assert len(real) == 25
  variables = inception.convert(state | real, 'partly real')
  kernel = variables['params']['Conv2d_1a_3x3']['conv']['kernel']
  assert np.ptp(variables['params']['Conv2d_1a_3x3']['bn']['scale']) == 0
  image = np.asarray(Image.open(shared / 'elefant.jpg').convert('RGB'))
  x = image[40:71, 60:101].astype(np.float32) * 2 / 255 - 1
  unit = inception.Unit(32, (3, 3), 2, 'VALID')
  # Statistics that change nothing, for the real ones are not all here.
  norm = {'mean': np.zeros(32), 'var': np.full(32, 1 - 1e-3)}
  ours = unit.apply(
      {'params': {'conv': {'kernel': kernel},
                  'bn': {'scale': np.ones(32), 'bias': np.zeros(32)}},
       'batch_stats': {'bn': norm}}, x[None])[0]
  oihw = real['Conv2d_1a_3x3.conv.weight']
  for o in (0, 7, 31):
    want = sum(scipy.signal.correlate2d(x[..., i], oihw[o, i], 'valid')
               for i in range(3))[::2, ::2]
    np.testing.assert_allclose(ours[..., o], np.maximum(want, 0), atol=1e-5)


@pytest.mark.skipif('JGAN_INCEPTION' not in os.environ,
                    reason='JGAN_INCEPTION names no file of real weights')
def test_the_real_network_sees_the_elephant_as_jax_fid_recorded_it(shared):
  net = inception.load(os.environ['JGAN_INCEPTION'])
  assert net.name == 'inception' and net.distance == 'FID'
  image = np.asarray(Image.open(shared / 'elefant.jpg').convert('RGB'))
  x = image[None].astype(np.float32) * 2 / 255 - 1
  out = jax.jit(inception.Inception().apply)(net.variables, x)
  want = np.load(shared / 'elefant_inception_output.npy').reshape(1, -1)
  np.testing.assert_allclose(out['features'], want, atol=1e-3)


def test_average_pools_leave_the_border_out_and_maximum_pools_keep_size():
  x = jnp.arange(1., 10).reshape(1, 3, 3, 1)
  assert inception._average(x)[0, 0, 0, 0] == (1 + 2 + 4 + 5) / 4
  assert inception._largest(-x)[0, 0, 0, 0] == -1
  assert inception._largest(x).shape == x.shape
  assert inception._shrink(jnp.zeros((1, 35, 35, 1))).shape == (1, 17, 17, 1)


def test_the_last_block_alone_pools_maxima():
  spec = jax.ShapeDtypeStruct((1, 299, 299, 3), jnp.float32)
  model = inception.Inception()
  variables = jax.eval_shape(model.init, jax.random.key(0), spec)
  pools = str(jax.make_jaxpr(model.apply)(variables, spec))
  # 4 that halve the map and the one of Mixed_7c; 3 of the first blocks, 4 of
  # the second and Mixed_7b, each with a count of what it covers.
  assert pools.count('= reduce_window_max[') == 5
  assert pools.count('= reduce_window_sum[') == 2 * 8


def test_every_output_has_the_shape_that_is_promised():
  spec = jax.ShapeDtypeStruct((2, 299, 299, 3), jnp.float32)
  out, _ = jax.eval_shape(inception.Inception().init_with_output,
                          jax.random.key(0), spec)
  assert {name: x.shape[1:] for name, x in out.items()} == {
      'pool_64': (64,), 'pool_192': (192,), 'mixed_768': (768,),
      'spatial': (2023,), 'features': (2048,), 'logits': (1008,),
      'logits_with_bias': (1008,)}


@pytest.mark.parametrize('change, message', [
    (lambda s: s.pop('Mixed_6b.branch7x7_2.conv.weight'),
     r'no Mixed_6b.branch7x7_2.conv.weight of \[1, 7, 128, 128\]'),
    (lambda s: s.update(AuxLogits=np.zeros(1)), 'AuxLogits and 0 more'),
    (lambda s: s.update({'fc.weight': np.zeros((1000, 2048))}),
     r'fc.weight is \[2048, 1000\] and should be \[2048, 1008\]'),
    (lambda s: s.update({'fc.bias': np.full(1008, np.nan)}), 'not finite'),
    (lambda s: s.clear(), 'no fc.weight.*--weights=FILE'),
])
def test_weights_of_another_network_are_refused(state, change, message):
  other = dict(state)
  change(other)
  with pytest.raises(UserError, match=message):
    inception.convert(other, 'other.pth')


def test_only_the_published_weights_make_a_fid():
  make = functools.partial(inception.extractor, {})
  assert make('6726825d' + '0' * 56).distance == 'FID'
  assert make('6726825e' + '0' * 56).distance == 'FD-inception-6726825e'


@pytest.fixture
def no_network(monkeypatch, tmp_path):
  """A 'server' that is a folder."""
  url = f'file://{tmp_path}/server/weights-12345678.pth'
  monkeypatch.setattr(inception, 'URL', url)
  return tmp_path / 'server' / 'weights-12345678.pth'


def test_without_weights_the_user_is_told_which_file_to_give(
    no_network, tmp_path):
  with pytest.raises(UserError, match=r'cannot get file.*pt_inception-2015-12-'
                     r'05-6726825d\.pth.*eval.weights=FILE.*JGAN_INCEPTION'):
    inception.load(cache=tmp_path / 'cache')


def test_a_download_is_checked_and_kept(no_network, tmp_path, monkeypatch):
  golden = GOLDEN.parent / 'tensors_zip.pt'
  no_network.parent.mkdir()
  no_network.write_bytes(golden.read_bytes())
  cache = tmp_path / 'a' / 'cache'
  with pytest.raises(UserError, match=r'has sha256 .*, not 6726825d\.\.\.'):
    inception.load(cache=cache)
  assert not cache.exists()
  right = hashlib.sha256(golden.read_bytes()).hexdigest()[:8]
  monkeypatch.setattr(inception, 'OFFICIAL', right)
  for _ in range(2):  # the second time from the cache
    with pytest.raises(UserError, match=r'weights-12345678\.pth has no fc'):
      inception.load(cache=cache)
    no_network.unlink(missing_ok=True)
  assert [f.name for f in cache.iterdir()] == ['weights-12345678.pth']


def test_an_unknown_resize_names_the_known_ones():
  with pytest.raises(UserError, match="no 'tf' .* did you mean 'tf1'"):
    inception.load('x.pth', resize='tf')


def test_each_resize_normalises_in_its_way():
  x = np.stack([np.full((5, 7, 3), v, np.uint8) for v in (0, 128, 255)])
  for name, want in (('tf1', [-1, 0, 127 / 128]), ('torch', [-1, 1 / 255, 1]),
                     ('clean', [-1, 0, 127 / 128])):
    how = inception.RESIZES[name]
    out = np.asarray(how.finish(how.prepare(x)))
    assert out.shape == (3, 299, 299, 3)
    np.testing.assert_allclose(out, np.float32(want).reshape(3, 1, 1, 1)
                               * np.ones_like(out), atol=1e-6)


def test_the_clean_resize_averages_what_it_covers_and_is_clipped():
  board = np.indices((598, 598)).sum(0) % 2 * 255
  x = np.repeat(board[None, ..., None].astype(np.uint8), 3, -1)
  inner = inception.RESIZES['clean'].prepare(x)[0, 5:-5, 5:-5]
  np.testing.assert_allclose(inner, 127.5, atol=.01)
  edge = np.zeros((1, 16, 16, 3), np.uint8)
  edge[:, :, 8:] = 255
  edge[..., 1] = 9
  out = inception.RESIZES['clean'].prepare(edge)
  assert out.min() == 0 and out.max() == 255  # bicubic would overshoot
  np.testing.assert_allclose(out[..., 1], 9, atol=1e-4)
  assert np.abs(out - np.round(out)).max() > .3  # nor is it rounded to levels


def test_a_damaged_weights_file_says_where_another_comes_from(tmp_path):
  (tmp_path / 'mine.pth').write_bytes(b'PK')
  with pytest.raises(UserError, match=r'mine\.pth is not a torch file.*https://'
                     r'.*05-6726825d\.pth, or .*--config\.eval\.weights=FILE'):
    inception.load(str(tmp_path / 'mine.pth'))


def test_a_damaged_download_is_downloaded_again(
    no_network, tmp_path, monkeypatch, caplog):
  golden = (GOLDEN.parent / 'tensors_zip.pt').read_bytes()
  no_network.parent.mkdir()
  no_network.write_bytes(golden)
  monkeypatch.setattr(inception, 'OFFICIAL',
                      hashlib.sha256(golden).hexdigest()[:8])
  cached = tmp_path / no_network.name
  cached.write_bytes(golden[:100])
  with pytest.raises(UserError, match='has no fc'):
    inception.load(cache=tmp_path)
  assert cached.read_bytes() == golden
  assert 'is damaged: it is downloaded again' in caplog.text
