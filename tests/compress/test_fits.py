"""Factors that fit the outputs of their layer, and factors of small terms."""
import flax.linen as nn
import jax
import numpy as np
import pytest

from jgan import lookup
from jgan.compress import moments, weighted
from jgan.compress.fits import epc, outputs
from jgan.compress.forms import cp, svd, tucker
from jgan.errors import UserError
from jgan.layers import conv, dense
from jgan.layers.conv import Conv, ConvTranspose
from jgan.types import Network

RNG = np.random.default_rng(0)
SHAPE = 3, 3, 6, 5
KERNEL = RNG.normal(size=SHAPE)
MATRIX = RNG.normal(size=(54, 7))
CASES = [(cp, KERNEL, 6), (tucker, KERNEL, (3, 2)), (svd, MATRIX, 3)]


def correlated(n):
  """Second moments of inputs of very different variance, S [n, n]."""
  mixed = RNG.normal(size=(200, n)) @ (
      RNG.normal(size=(n, n)) * RNG.uniform(0, 1, n)**4)
  return moments.regularised(mixed.T @ mixed / len(mixed), 1e-4)


S = correlated(54)


class Last(nn.Module):
  """z [b, 4] -> what a convolution makes of relu(dense(z)), nothing after it.
  """
  layer: nn.Module

  @nn.compact
  def __call__(self, z):
    x = dense.plain(7 * 7 * 3, name='linear')(z).reshape(-1, 7, 7, 3)
    return self.layer.clone(name='conv', parent=self)(nn.relu(x))


def made(layer):
  """A sampler of `Last` and its Network."""
  model = Last(layer)
  params = model.init(jax.random.key(0), np.zeros((1, 4)))['params']
  return (lambda net, z: model.apply({'params': net.params}, z),
          Network(params, {}))


def error(kernel, factors, kind, s):
  lost = kernel - kind.compose(factors).reshape(kernel.shape)
  return weighted.norm(lost, s) / weighted.norm(kernel, s)


@pytest.mark.parametrize('fields', [
    {}, {'stride': 2, 'padding': 0}, {'kernel': 5, 'dilation': 2},
    {'kernel': 1}])
def test_the_norm_of_a_kernel_is_that_of_its_layers_outputs(fields):
  sample, net = made(Conv(2, use_bias=False, **fields))
  z = RNG.normal(size=(40, 4)).astype(np.float32)
  s = moments.measure(sample, net, z, ['conv', 'linear'], ridge=0., places=49)
  want = np.sqrt(2 * np.mean(np.square(sample(net, z), dtype=np.float64)))
  got = weighted.norm(np.asarray(net.params['conv']['kernel'], float),
                      s['conv'])
  np.testing.assert_allclose(got, want, rtol=1e-5)
  np.testing.assert_allclose(s['linear'], z.T @ z / len(z), rtol=1e-4,
                             atol=1e-5)


@pytest.mark.parametrize('layer, says', [
    (ConvTranspose(2), "layer 'conv' is no convolution or dense layer"),
    (conv.plain(3, groups=3), "layer 'conv' has 3 groups")])
def test_a_layer_whose_outputs_cannot_be_fitted_is_refused(layer, says):
  sample, net = made(layer)
  with pytest.raises(UserError, match=says):
    moments.measure(sample, net, np.zeros((2, 4), np.float32), ['conv'],
                    ridge=0.)


@pytest.mark.parametrize('kind, kernel, rank', CASES)
def test_the_outputs_are_nearer_than_those_of_the_plain_form(
    kind, kernel, rank):
  plain = kind.factor(kernel, rank)
  fitted = outputs.refit(kind, kernel, plain, S, alike=False)
  assert jax.tree.map(np.shape, fitted) == jax.tree.map(np.shape, plain)
  assert error(kernel, fitted, kind, S) < .85 * error(kernel, plain, kind, S)
  # One round is not worse either: it begins at the plain factors.
  one = outputs.refit(kind, kernel, plain, S, alike=False, iterations=1)
  assert error(kernel, one, kind, S) <= error(kernel, plain, kind, S)


@pytest.mark.parametrize('kind, kernel, rank', CASES)
def test_with_inputs_that_are_all_alike_it_is_the_plain_form(
    kind, kernel, rank):
  plain = kind.factor(kernel, rank, **(
      {'iterations': 600, 'tolerance': 1e-9} if kind is cp else {}))
  fitted = outputs.refit(kind, kernel, plain, np.eye(54), alike=False)
  np.testing.assert_allclose(kind.compose(fitted), kind.compose(plain),
                             atol=1e-12 if kind is svd else .03)
  np.testing.assert_allclose(error(kernel, fitted, kind, np.eye(54)),
                             error(kernel, plain, kind, np.eye(54)), rtol=1e-4)


@pytest.mark.parametrize('kind, kernel, rank', CASES)
def test_channels_that_count_alike_do_so_whatever_their_size(
    kind, kernel, rank):
  """By default; a channel that is multiplied by 100 is fitted as before."""
  size = 100.**(np.arange(kernel.shape[-1]) % 2)
  plain = kind.factor(kernel, rank)
  large = {**plain, 'out': plain['out'] * size}
  fitted, same = (kind.compose(outputs.refit(kind, k, f, S)) for k, f in (
      (kernel, plain), (kernel * size, large)))
  np.testing.assert_allclose(same / size, fitted, rtol=1e-6, atol=1e-9)
  each = np.array([weighted.norm(k, S) for k in np.moveaxis(kernel, -1, 0)])
  lost = lambda f: weighted.norm(
      (kernel - kind.compose(f).reshape(kernel.shape)) / each, S)
  assert lost({**plain}) > lost(outputs.refit(kind, kernel, plain, S))


@pytest.mark.parametrize('kind, kernel, rank', [
    (tucker, KERNEL, (6, 5)), (svd, MATRIX, 7),
    (cp, cp.compose(cp.factor(KERNEL, 4)), 4)])
def test_at_full_rank_nothing_is_lost(kind, kernel, rank):
  fitted = outputs.refit(kind, kernel, kind.factor(kernel, rank), S)
  assert error(kernel, fitted, kind, S) < (1e-3 if kind is cp else 1e-6)


def test_the_svd_is_that_of_the_kernel_behind_the_root_of_the_moments():
  """The closed form: truncated SVD of R K, R^T R = S, and R^-1 times it."""
  root = np.linalg.cholesky(S).T
  u, values, vh = np.linalg.svd(root @ MATRIX, full_matrices=False)
  want = np.linalg.solve(root, u[:, :3] * values[:3]) @ vh[:3]
  fitted = svd.refit(MATRIX, svd.factor(MATRIX, 3), S, 1)
  np.testing.assert_allclose(svd.compose(fitted), want, rtol=1e-8)
  np.testing.assert_allclose(np.linalg.norm(fitted['in'], axis=0),
                             np.linalg.norm(fitted['out'], axis=1))


def test_the_factor_of_an_axis_solves_the_normal_equations():
  basis = RNG.normal(size=(45, 4))  # of rows, columns and output channels
  factor = RNG.normal(size=(6, 4))
  design = np.stack([np.moveaxis(
      (unit.reshape(6, 4) @ basis.T).reshape(6, 3, 3, 5), 0, 2).reshape(54, 5)
      for unit in np.eye(24)])
  normal = np.einsum('ant,nm,bmt->ab', design, S, design)
  right = np.einsum('ant,nm,mt->a', design, S, KERNEL.reshape(54, 5))
  for _ in range(30):  # each goes on where the last one ended
    factor = weighted.along(2, KERNEL, S, factor, basis)
  np.testing.assert_allclose(normal @ factor.ravel(), right, rtol=1e-5,
                             atol=1e-5 * np.abs(right).max())


@pytest.mark.parametrize('kind', [cp, tucker])
def test_inputs_that_are_copies_of_each_other_leave_finite_factors(kind):
  x = RNG.normal(size=(200, 6)).repeat(9, 0).reshape(200, 54)
  s = moments.regularised(x.T @ x / 200, 1e-4)
  plain = kind.factor(KERNEL, 3 if kind is cp else (2, 2))
  fitted = outputs.refit(kind, KERNEL, plain, s)
  assert all(np.isfinite(f).all() for f in fitted.values())
  assert error(KERNEL, fitted, kind, s) < error(KERNEL, plain, kind, s)


def test_every_form_can_be_fitted_anew():
  for name in lookup.names('compress.forms'):
    assert callable(lookup.find('compress.forms', name).refit)


@pytest.mark.parametrize('arguments', [
    {'images': 0}, {'ridge': 0.}, {'ridge': np.nan}])
def test_impossible_measurements_are_refused(arguments):
  with pytest.raises(UserError, match='at least 1, and above 0'):
    outputs.measure(None, None, None, [], **arguments)


def test_the_ridge_of_epc_is_as_strong_as_the_error_allows():
  u = epc.shrunk(np.array([[4.]]), np.array([[4.]]), 5., 2.)
  np.testing.assert_allclose(u, .5)  # mu = .25
  np.testing.assert_allclose(5. - 2 * u * 4. + u * 4. * u, 2.)
  # No error at all allows no ridge: plain least squares.
  np.testing.assert_allclose(
      epc.shrunk(np.array([[4.]]), np.array([[4.]]), 5., 0.), 1.)
  np.testing.assert_array_equal(
      epc.shrunk(np.array([[4.]]), np.array([[4.]]), 5., 6.), 0.)


@pytest.mark.parametrize('rise', [0., .05])
def test_epc_makes_terms_smaller_within_the_error(rise):
  kernel = RNG.normal(size=(3, 3, 8, 8))
  plain = cp.factor(kernel, 12, restarts=1, iterations=60)
  fixed = epc.refit(cp, kernel, plain, None, rise=rise)
  lost = lambda f: np.linalg.norm(kernel - cp.compose(f))
  squares = lambda f: np.sum(np.prod([np.linalg.norm(x, axis=0) for x in
                                      cp.columns(f)], 0)**2)
  assert lost(fixed) <= lost(plain) * (1 + rise) * (1 + 1e-9)
  assert squares(fixed) < squares(plain)
  assert cp.log_sensitivity(fixed) < cp.log_sensitivity(plain)


def test_epc_takes_the_sensitivity_of_a_degenerate_tensor_by_orders():
  """a a b + a b a + b a a: of rank 3, and nearly of rank 2 as n grows,
  n (a + b / n)^3 - n a^3."""
  a, b = np.eye(2)
  three = lambda x, y, z: np.einsum('i,j,k->ijk', x, y, z)[..., None]
  kernel = three(a, a, b) + three(a, b, a) + three(b, a, a)
  n = 1e4
  ends = np.stack([a + b / n, a], 1)
  factors = {'height': ends, 'width': ends, 'in': ends,
             'out': np.array([[n], [-n]])}
  assert np.linalg.norm(kernel - cp.compose(factors)) < 2 / n
  fixed = epc.refit(cp, kernel, factors, None, rise=999., rounds=500)
  assert np.linalg.norm(kernel - cp.compose(fixed)) < 2000 / n
  assert cp.log_sensitivity(fixed) < cp.log_sensitivity(
      cp.balanced(cp.columns(factors))) - np.log(1000.)


def test_epc_leaves_orthogonal_forms_alone(caplog):
  plain = svd.factor(MATRIX, 3)
  with caplog.at_level('INFO'):
    assert epc.refit(svd, MATRIX, plain, None) is plain
  assert "form 'svd' stays" in caplog.text
  with pytest.raises(UserError, match='rise=-1'):
    epc.refit(cp, KERNEL, {}, None, rise=-1.)
