"""LPIPS: its value by numpy, and the files that its weights may come in.

With random weights of the full widths it was compared with PyTorch 2.13: values
to 4e-7, slopes to 5e-6 of the largest.
"""
import jax
import numpy as np
import pytest
import safetensors.numpy

from jgan.errors import UserError
from jgan.features import _lpips

WIDTHS = (2, 3, 4, 3, 2)
PLACES = {1: (0, 2), 2: (5, 7), 3: (10, 12, 14), 4: (17, 19, 21),
          5: (24, 26, 28)}


def arrays(lpips_names=False):
  """Random weights of a narrow VGG, by torchvision's names or by LPIPS's."""
  rng = np.random.default_rng(0)
  normal = lambda *shape: rng.normal(0, .5, shape).astype(np.float32)
  vgg, lin, width = {}, {}, 3
  for depth, places in PLACES.items():
    for place in places:
      scope = f'net.slice{depth}' if lpips_names else 'features'
      vgg[f'{scope}.{place}.weight'] = normal(WIDTHS[depth - 1], width, 3, 3)
      width = WIDTHS[depth - 1]
      vgg[f'{scope}.{place}.bias'] = normal(width)
    lin[f'lin{depth - 1}.model.1.weight'] = abs(normal(1, width, 1, 1))
  return vgg, lin


@pytest.fixture(scope='module')
def files(tmp_path_factory):
  vgg, lin = arrays()
  folder = tmp_path_factory.mktemp('lpips')
  np.savez(folder / 'vgg.npz', **vgg, **{'classifier.0.weight': np.ones(3)})
  safetensors.numpy.save_file(lin, folder / 'lin.safetensors')
  return f'{folder}/vgg.npz, {folder}/lin.safetensors'


def images(seed):
  return np.random.default_rng(seed).uniform(-1, 1, (2, 16, 16, 3)).astype(
      np.float32)


def by_numpy(x, y):
  """The definition, one place and one kernel tap at a time."""
  vgg, lin = arrays()
  shift, scale = [-.030, -.088, -.188], [.458, .448, .450]
  pair = [(np.float64(a) - shift) / scale for a in (x, y)]
  total = 0.
  for depth, places in PLACES.items():
    if depth > 1:
      pair = [np.max([h[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], 0)
              for h in pair]
    for place in places:
      kernel, bias = (vgg[f'features.{place}.{k}'] for k in ('weight', 'bias'))
      for i, h in enumerate(pair):
        n = h.shape[1]
        wide = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
        pair[i] = np.maximum(0., bias + sum(
            wide[:, a:a + n, b:b + n] @ kernel[:, :, a, b].T
            for a in range(3) for b in range(3)))
    unit = [h / (np.sqrt((h**2).sum(-1, keepdims=True)) + 1e-10) for h in pair]
    weight = lin[f'lin{depth - 1}.model.1.weight'][0, :, 0, 0]
    total = total + ((unit[0] - unit[1])**2 @ weight).mean((1, 2))
  return total


@pytest.fixture(scope='module')
def measure():
  """(x, weights, y) -> the slope of the sum by x, the distances."""
  def total(x, weights, y):
    found = _lpips.distance(weights, x, y)
    return found.sum(), found

  return jax.jit(jax.grad(total, has_aux=True))


def test_it_is_the_weighted_distance_of_unit_features(files, measure):
  weights, x, y = _lpips.load(files), images(1), images(2)
  value = lambda x, y: measure(x, weights, y)[1]
  np.testing.assert_allclose(value(x, y), by_numpy(x, y), rtol=1e-5)
  np.testing.assert_allclose(value(y, x), value(x, y), rtol=1e-6)
  np.testing.assert_allclose(value(x, x), 0., atol=1e-12)


def test_its_slope_is_finite_where_features_are_zero_or_equal(files, measure):
  weights, x = _lpips.load(files), images(1)
  # With biases so low no unit is active.
  blank = [([(k, b - 100.) for k, b in convolutions], channels)
           for convolutions, channels in weights]
  for slope in (measure(x, weights, x)[0], measure(x, blank, images(2))[0]):
    assert np.isfinite(slope).all()


def test_both_ways_to_name_the_weights_are_read(files, tmp_path):
  vgg, lin = arrays(lpips_names=True)
  np.savez(tmp_path / 'one.npz', **vgg, **lin,
           **{'scaling_layer.shift': np.zeros((1, 3, 1, 1))})
  jax.tree.map(np.testing.assert_array_equal, _lpips.load(files),
               _lpips.load(str(tmp_path / 'one.npz')))


@pytest.mark.parametrize('changed, words', [
    ({'lin2.model.1.weight': None}, 'has no lin2.model.1.weight'),
    ({'features.0.bias': None}, 'no features.0.bias or net.slice1.0.bias'),
    ({'features.5.weight': np.ones((3, 4, 3, 3))}, r"should be \['any', 2, 3"),
    ({'lin0.model.1.weight': np.ones((1, 3, 1, 1))}, r'is \[1, 3, 1, 1\] and'),
    ({'features.2.bias': np.full(2, np.nan)}, 'of finite numbers'),
])
def test_other_weights_are_refused(changed, words, tmp_path):
  vgg, lin = arrays()
  state = {k: v for k, v in {**vgg, **lin, **changed}.items() if v is not None}
  np.savez(tmp_path / 'bad.npz', **state)
  with pytest.raises(UserError, match=words):
    _lpips.load(str(tmp_path / 'bad.npz'))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
  for name in ('none.npz', 'none.pth', 'none.safetensors'):
    with pytest.raises(UserError, match=f'cannot read .*{name}'):
      _lpips.load(str(tmp_path / name))
    (tmp_path / name).write_bytes(b'what')
    with pytest.raises(UserError, match=name):
      _lpips.load(str(tmp_path / name))


def test_grey_images_are_refused(files):
  grey = images(1)[..., :1]
  with pytest.raises(UserError, match='3 colors, these have 1'):
    _lpips.distance(_lpips.load(files), grey, grey)
