"""DINOv2 against PyTorch's functions, on random weights; sizes of the released.

golden/dinov2.npz is what parity/reference_dinov2.py, in float64, makes of two
images with the tiny random weights of parity/inputs.py; `make parity` compares
a whole ViT-S/14 and, by `python -m parity.compare_dinov2 runs/parity --record`,
writes it anew.
"""
import hashlib
import io
import pathlib
import re
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.features import _dinov2, _extractor, dinov2_b14, dinov2_s14
from jgan.metrics import mind
from jgan.metrics._samples import Samples
from jgan.score import fit, work
from jgan.score.scorer import Scorer
from jgan.verbs import evaluate
from parity import inputs

GOLDEN = pathlib.Path(__file__).parent / 'golden' / 'dinov2.npz'


def saved(path, state):
  """Writes arrays of float32 as torch.save writes a state dict: -> sha256."""
  def integers(values):
    return b'(' + b''.join(
        b'J' + int(x).to_bytes(4, 'little') for x in values) + b't'

  def text(value):
    return b'X' + len(value).to_bytes(4, 'little') + value.encode()

  tensors, storages = b'', {}
  for key, (name, x) in enumerate(state.items()):
    strides = [s // x.itemsize for s in np.ascontiguousarray(x).strides]
    tensors += (text(name) + b'ctorch._utils\n_rebuild_tensor_v2\n(('
                + text('storage') + b'ctorch\nFloatStorage\n' + text(str(key))
                + text('cpu') + b'J' + x.size.to_bytes(4, 'little') + b'tQK\0'
                + integers(x.shape) + integers(strides) + b'\x89NtR')
    storages[f'archive/data/{key}'] = x.tobytes()
  data = io.BytesIO()
  with zipfile.ZipFile(data, 'w') as archive:
    archive.writestr('archive/data.pkl', b'\x80\x02}(' + tensors + b'u.')
    for name, content in storages.items():
      archive.writestr(name, content)
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_bytes(data.getvalue())
  return hashlib.sha256(data.getvalue()).hexdigest()


@pytest.fixture(scope='module')
def state():
  return inputs.vit_weights(*inputs.TINY[:2])


@pytest.fixture
def tiny(monkeypatch):
  """() -> dinov2_s14 with a tiny network, published with this hash."""
  def made(sha256):
    published = _dinov2.Published(*inputs.TINY, 'dinov2_vits14_pretrain.pth',
                                  sha256)
    monkeypatch.setitem(_dinov2.NETWORKS, 'dinov2_s14', published)
    return published
  return made


@pytest.fixture
def server(monkeypatch, tmp_path):
  """A 'server' that is a folder."""
  monkeypatch.setattr(_dinov2, '_SOURCE', f'file://{tmp_path}/server')
  return tmp_path / 'server'


def test_features_are_those_of_pytorch(state, tiny):
  tiny('')
  want = np.load(GOLDEN)['features']
  net = _dinov2.extractor(
      'dinov2_s14', _dinov2.convert(_dinov2.ViT(*inputs.TINY), state, 'random'),
      '0' * 64)
  run = _extractor.compiled(net, jax.devices()[:1], batch=2)
  ours = run(inputs.square(), ('features',))['features']
  assert ours.shape == (2, net.dims)
  np.testing.assert_allclose(ours, want, atol=1e-5 * np.abs(want).max())
  # The two images differ by far more than that.
  assert np.abs(want[0] - want[1]).max() > .01 * np.abs(want).max()


def test_positions_are_16_1_of_37_apart():
  weights = _dinov2._position_weights()
  np.testing.assert_allclose(  # the first tap lies beyond the border
      weights[0, :3], [.393905441 - .059951054, .776928535, -.110882923],
      atol=1e-7)
  np.testing.assert_allclose(  # the last tap too
      weights[15, 34:], [-.070166712, .969214398, .110621932 - .009669618],
      atol=1e-7)
  resized = weights @ np.sin(.1 * np.arange(37))
  np.testing.assert_allclose(
      resized[[0, 7, 15]], [.0555343941, .9955620970, -.3667271387], atol=1e-6)
  np.testing.assert_allclose(weights.sum(1), 1., atol=1e-6)


def test_rows_and_columns_of_positions_are_not_mixed_up():
  trained = np.zeros((1, 1 + 37**2, 2), np.float32)
  down, right = np.mgrid[:37, :37]
  trained[0, 1:] = np.stack([down, right], -1).reshape(-1, 2)
  out = np.asarray(_dinov2._positions(trained))[0, 1:].reshape(16, 16, 2)
  np.testing.assert_allclose(out[3, 9], (np.array([3, 9]) + .5) * 37 / 16.1
                             - .5, atol=.1)


@pytest.mark.parametrize('name, parameters', [
    ('dinov2_s14', 22_056_576), ('dinov2_b14', 86_580_480),
    ('dinov2_l14', 304_368_640)])
def test_networks_have_the_published_numbers_of_parameters(name, parameters):
  published = _dinov2.NETWORKS[name]
  shapes = jax.eval_shape(published.model.init, jax.random.key(0),
                          jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32))
  count = sum(x.size for x in jax.tree.leaves(shapes))
  assert count + published.width == parameters  # the mask token has no use
  assert published.url == (
      'https://dl.fbaipublicfiles.com/dinov2/'
      f'dinov2_vit{name[-3:]}/dinov2_vit{name[-3:]}_pretrain.pth')


def test_the_work_of_an_image_is_as_by_hand():
  # Multiply-accumulates: patches; of each block four matrices and attention.
  patches, block = 256 * 588 * 384, 257 * 12 * 384**2 + 2 * 257**2 * 384
  assert work.of_network('dinov2_s14') == pytest.approx(
      2 * (patches + 12 * block), rel=.01)


def test_precision_is_that_of_the_config_except_for_positions(state, tiny):
  tiny('')
  net = _dinov2.extractor(
      'dinov2_s14', _dinov2.convert(_dinov2.ViT(*inputs.TINY), state, 'random'),
      '0' * 64)
  image = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.uint8)
  counts = {}
  for precision in ('highest', 'default'):
    program = str(jax.make_jaxpr(lambda v, x, p=precision: _extractor.outputs(
        net, v, x, ('features',), p))(net.variables, image))
    counts[precision] = len(re.findall(r'precision=\S*HIGHEST', program))
  # Positions; then patches, and of each block four matrices and attention.
  assert counts == {'default': 2, 'highest': 2 + 1 + 2 * 6}
  # The perceptron's 257 x 128 floats twice, and what leads to them.
  assert fit.of_network(net, (32, 32, 3)) > 2 * 257 * 128 * 4


def test_two_sets_are_scored_by_a_file_in_the_data_folder(
    state, tiny, tmp_path):
  sha256 = saved(tmp_path / 'dinov2' / 'dinov2_vits14_pretrain.pth', state)
  tiny(sha256[:16])
  sets = {name: inputs.images(6, 24, 24, seed=seed, noise=.3)
          for name, seed in (('a', 1), ('b', 2))}
  for name, images in sets.items():
    np.savez(tmp_path / f'{name}.npz', images)
  table = evaluate.sets(
      str(tmp_path / 'a.npz'), str(tmp_path / 'b.npz'), metrics=('fd', 'mind'),
      network='dinov2_s14', data_dir=str(tmp_path))
  net = dinov2_s14.load(data_dir=str(tmp_path))
  assert (net.name, net.distance) == ('dinov2_s14', 'FD-dinov2_s14')
  run = _extractor.compiled(net, jax.devices()[:1], batch=6)
  real, fake = (run(sets[name], ('features',))['features'] for name in 'ab')
  assert 'FD-dinov2_s14' in table and 'FID' not in table
  value = re.search(r'mind-dinov2_s14\D* ([\d.]+)', table)
  want = mind.score(Samples(6, features=real), Samples(6, features=fake))['']
  assert float(value[1]) == pytest.approx(want, rel=.01)


def test_other_weights_have_another_name(state, tiny, tmp_path):
  tiny('12345678')
  sha256 = saved(tmp_path / 'mine.pth', state)
  net = dinov2_s14.load(str(tmp_path / 'mine.pth'))
  assert net.distance == f'FD-dinov2_s14-{sha256[:8]}'
  assert net.protocol['resize'] == 'PIL bicubic (uint8, antialias) to 224'


def test_scores_that_need_logits_are_refused(state, tiny, tmp_path):
  tiny('')
  saved(tmp_path / 'mine.pth', state)
  with pytest.raises(UserError, match="'inception_score' needs logits, and net"
                     "work 'dinov2_s14' has none: .*'inception' would"):
    Scorer(inputs.images(4, 16, 16, seed=1, noise=.3),
           metrics=('inception_score',), network='dinov2_s14',
           weights=str(tmp_path / 'mine.pth'))


def test_protocols_share_it_and_its_resize(state, tiny, tmp_path):
  tiny('')
  saved(tmp_path / 'mine.pth', state)
  scorer = Scorer(inputs.images(4, 16, 16, seed=1, noise=.3), metrics=('fd',),
                  network='dinov2_s14', weights=str(tmp_path / 'mine.pth'),
                  protocols=('standard', 'clean_fid', 'nvlabs'))
  assert len({id(net) for net in scorer.nets.values()}) == 1
  standard, clean, nvlabs = scorer.stamps.values()
  assert clean['network resize'] == standard['network resize']
  assert (standard['ddof'], nvlabs['ddof']) == (1, 0)


def test_without_weights_the_user_is_told_which_file_to_give(server, tmp_path):
  with pytest.raises(UserError, match='cannot get file:.*the weights of dinov2_'
                     'b14 are .*/dinov2_vitb14_pretrain.pth: give the file by '
                     '.*eval.weights=FILE, .*or put it into dinov2/ of --data'):
    dinov2_b14.load(data_dir=str(tmp_path), cache=tmp_path / 'cache')


def test_a_download_is_checked_and_kept(state, tiny, server, tmp_path):
  file = server / 'dinov2_vits14' / 'dinov2_vits14_pretrain.pth'
  sha256 = saved(file, state)
  tiny('0' * 16)
  with pytest.raises(UserError, match=f'has sha256 {sha256}, not 0000'):
    dinov2_s14.load(cache=tmp_path / 'cache')
  tiny(sha256[:16])
  for _ in range(2):  # the second time from the cache
    assert dinov2_s14.load(cache=tmp_path / 'cache').name == 'dinov2_s14'
    file.unlink(missing_ok=True)
  assert [f.name for f in (tmp_path / 'cache').iterdir()] == [file.name]


@pytest.mark.parametrize('change, message', [
    (lambda s: s.update(register_tokens=np.zeros((1, 4, 32), np.float32)),
     'does not fit ViT: register_tokens and 0 more .*; the weights of dinov2_'),
    (lambda s: s.update(cls_token=np.zeros((1, 1, 48), np.float32)),
     r'cls_token is \[1, 1, 48\] and should be \[1, 1, 32\]'),
    (lambda s: s.pop('blocks.1.ls2.gamma'), r'no blocks.1.ls2.gamma of \[32\]'),
])
def test_weights_of_another_network_are_refused(
    state, tiny, tmp_path, change, message):
  tiny('')
  other = dict(state)
  change(other)
  saved(tmp_path / 'other.pth', other)
  with pytest.raises(UserError, match=message):
    dinov2_s14.load(str(tmp_path / 'other.pth'))
