"""Decompositions of kernels of known rank, and of noise."""
import numpy as np
import pytest
import tensorly
from tensorly import plugins, tenalg

from jgan import lookup
from jgan.compress.fitting import form
from jgan.compress.forms import cp, svd, tucker
from jgan.compress.tensorly_session import session
from jgan.errors import UserError

RNG = np.random.default_rng(0)


def exact(kh, kw, c, t, rank):
  """A kernel [kh, kw, c, t] of CP rank `rank`."""
  return cp.compose({'height': RNG.normal(size=(kh, rank)),
                     'width': RNG.normal(size=(kw, rank)),
                     'in': RNG.normal(size=(c, rank)),
                     'out': RNG.normal(size=(rank, t))})


def error(kernel, factors, kind):
  lost = kernel - kind.compose(factors).reshape(kernel.shape)
  return np.linalg.norm(lost) / np.linalg.norm(kernel)


@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize('scale', [1e-3, 1e3])
def test_cp_recovers_a_kernel_of_exact_rank_at_any_scale(seed, scale):
  kernel = scale * exact(3, 3, 10, 12, 4)
  assert error(kernel, cp.factor(kernel, 4, seed=seed), cp) < 1e-3


def test_compose_is_the_sum_of_outer_products():
  f = cp.factor(exact(3, 5, 4, 6, 2), 2)
  terms = sum(np.multiply.outer(np.multiply.outer(
      f['height'][:, r], f['width'][:, r]), np.multiply.outer(
          f['in'][:, r], f['out'][r])) for r in range(2))
  np.testing.assert_allclose(cp.compose(f), terms, atol=1e-12)


def test_cp_of_noise_reaches_the_error_of_the_reference():
  # Spec mmd_adversarial_nas 6.4: 0.610 after 100 iterations.
  kernel = RNG.normal(size=(5, 5, 32, 32))
  found = error(kernel, cp.factor(kernel, 128, restarts=1), cp)
  assert .59 < found < .63


def test_cp_spreads_every_term_evenly():
  f = cp.factor(1e4 * RNG.normal(size=(3, 3, 6, 8)), 5)
  norms = np.stack([np.linalg.norm(x, axis=0) for x in
                    (f['height'], f['width'], f['in'], f['out'].T)])
  np.testing.assert_allclose(norms, np.broadcast_to(norms[:1], norms.shape))


def test_the_same_seed_gives_the_same_factors():
  kernel = RNG.normal(size=(3, 3, 6, 8))
  first, again, other = (cp.factor(kernel, 5, seed=s, restarts=1, iterations=9)
                         for s in (0, 0, 1))
  np.testing.assert_array_equal(first['in'], again['in'])
  assert np.abs(first['in'] - other['in']).max() > 1e-3


def test_more_restarts_are_never_worse():
  kernel = RNG.normal(size=(3, 3, 8, 8))
  one, four = (error(kernel, cp.factor(kernel, 6, restarts=n, iterations=20),
                     cp) for n in (1, 4))
  assert four <= one


def test_log_sensitivity_is_what_noise_in_the_factors_does():
  f = cp.factor(RNG.normal(size=(3, 3, 6, 8)), 5)
  kernel, std, draws = cp.compose(f), 1e-4, 1000
  changes = [np.sum((cp.compose({
      name: x + std * RNG.normal(size=x.shape) for name, x in f.items()})
      - kernel)**2) for _ in range(draws)]
  np.testing.assert_allclose(np.exp(cp.log_sensitivity(f)),
                             np.mean(changes) / std**2, rtol=.05)


def test_the_largest_term_tells_cancelling_terms():
  f = {'height': np.ones((1, 2)), 'width': np.ones((1, 2)),
       'in': np.array([[10., -10], [0, 1]]), 'out': np.ones((2, 1))}
  expected = np.sqrt(101)  # |(-10, 1)|, beside (10, 0) - (10, -1) = (0, 1)
  np.testing.assert_allclose(cp.largest_term(f), expected)


@pytest.mark.parametrize('kernel, rank, says', [
    (np.ones((3, 3, 2, 2)), 0, 'rank 0'),
    (np.zeros((3, 3, 2, 2)), 1, 'all zeros'),
    (np.full((3, 3, 2, 2), np.nan), 1, 'not finite'),
])
def test_cp_refuses_what_has_no_decomposition(kernel, rank, says):
  with pytest.raises(UserError, match=says):
    cp.factor(kernel, rank)


def test_a_fit_that_fails_is_tried_again_and_then_refused(monkeypatch):
  tries = []

  def blow_up(kernel, rank, **options):
    tries.append(options['random_state'])
    return np.full(rank, np.nan), [np.ones((n, rank)) for n in kernel.shape]

  monkeypatch.setattr(cp, 'parafac', blow_up)
  with pytest.raises(UserError, match='rank 4 in 5 attempts'):
    cp.factor(np.ones((3, 3, 2, 2)), 4, restarts=2, seed=7)
  assert tries == [7, 8, 9, 10, 11]


def test_svd_reaches_the_optimum_and_the_reference_scaling_does_not():
  # Spec mmd_adversarial_nas 9.13, for matrices of U(-1, 1) / sqrt(40).
  matrix = RNG.uniform(-1, 1, size=(40, 1024)) / np.sqrt(40)
  values = np.linalg.svd(matrix, compute_uv=False)
  even = error(matrix, svd.factor(matrix, 4), svd)
  np.testing.assert_allclose(
      even, np.sqrt(np.sum(values[4:]**2) / np.sum(values**2)))
  np.testing.assert_allclose(even, .9306, atol=.002)
  published = error(matrix, svd.factor(matrix, 4, scaling='reference'), svd)
  np.testing.assert_allclose(published, .945, atol=.002)


def test_svd_spreads_its_values_over_both_factors():
  f = svd.factor(RNG.normal(size=(1, 1, 6, 9)), 3)
  np.testing.assert_allclose(np.linalg.norm(f['in'], axis=0),
                             np.linalg.norm(f['out'], axis=1))


def test_tucker_recovers_a_kernel_of_its_ranks_with_orthonormal_factors():
  kernel = np.einsum('cr,hwrs,st->hwct', RNG.normal(size=(8, 3)),
                     RNG.normal(size=(3, 3, 3, 2)), RNG.normal(size=(2, 7)))
  f = tucker.factor(kernel, (3, 2))
  assert error(kernel, f, tucker) < 1e-10
  np.testing.assert_allclose(f['in'].T @ f['in'], np.eye(3), atol=1e-12)
  np.testing.assert_allclose(f['out'] @ f['out'].T, np.eye(2), atol=1e-12)


@pytest.mark.parametrize('kind, kernel, rank', [
    ('cp', exact(3, 3, 9, 12, 4), 4),
    ('svd', np.arange(20.).reshape(4, 5), 2),
    ('tucker', np.einsum('cr,hwrs,st->hwct', RNG.normal(size=(8, 3)),
                         RNG.normal(size=(3, 3, 3, 2)),
                         RNG.normal(size=(2, 7))), (3, 2)),
])
def test_full_energy_asks_for_the_rank_and_less_for_less(kind, kernel, rank):
  assert lookup.find('compress.forms', kind).energy(kernel, 1.) == rank
  less = lookup.find('compress.forms', kind).energy(kernel, .5)
  assert np.min(less) >= 1 and np.all(np.less(less, rank))


@pytest.mark.parametrize('kind, shape', [
    ('cp', (3, 3, 16, 12)), ('svd', (1, 1, 8, 5)), ('svd', (30, 40)),
    ('tucker', (3, 3, 16, 8))])
def test_a_ladder_has_the_ranks_that_make_a_kernel_smaller(kind, shape):
  size = lookup.find('compress.forms', kind).size
  ranks = list(lookup.find('compress.forms', kind).ladder(shape))
  assert size(shape, ranks[-1]) < np.prod(shape)
  if kind != 'tucker':
    assert size(shape, ranks[-1] + 1) >= np.prod(shape)
    assert ranks == list(range(1, len(ranks) + 1))


@pytest.mark.parametrize('name, shape', [
    ('cp', (4, 5)), ('tucker', (4, 5)), ('svd', (3, 3, 4, 5)),
    ('cpd', (3, 3, 4, 5))])
def test_a_form_that_does_not_fit_a_kernel_is_refused(name, shape):
  with pytest.raises(UserError, match='form'):
    form(name, shape)


def test_a_session_leaves_tensorly_as_it_was():
  before = tensorly.backend.BackendManager.current_backend().einsum
  with session():
    inside = tensorly.backend.BackendManager.current_backend().einsum
    assert tenalg.get_backend() == 'einsum' and inside is not before
  assert tenalg.get_backend() == 'core'
  assert tensorly.backend.BackendManager.current_backend().einsum is before
  assert plugins.PREVIOUS_EINSUM is None


def test_a_session_keeps_the_einsum_of_the_host():
  plugins.use_opt_einsum('greedy')
  try:
    host = tensorly.backend.BackendManager.current_backend().einsum
    with session():
      pass
    assert tensorly.backend.BackendManager.current_backend().einsum is host
  finally:
    plugins.use_default_einsum()
