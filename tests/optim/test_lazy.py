"""The scalars of StyleGAN2's two optimizers (specs/re_gan.md 12.3)."""
import pytest

from jgan.optim.lazy import lazy


@pytest.mark.parametrize('every, lr, b2', [(4, .0016, .9919920),
                                           (16, .00188235, .9905855)])
def test_the_optimizers_of_stylegan2(every, lr, b2):
  got = lazy(every, lr=.002, b1=0., b2=.99)
  assert got == {'lr': pytest.approx(lr, abs=5e-9), 'b1': 0.,
                 'b2': pytest.approx(b2, abs=5e-8)}


def test_the_second_moments_half_life_in_iterations_stays():
  # c iterations are c + 1 steps.
  assert lazy(4, lr=1., b1=.5, b2=.99)['b1']**5 == pytest.approx(.5**4)
