"""What is refused of features."""
import numpy as np
import pytest

from jgan.errors import Stopped, UserError
from jgan.metrics import _samples
from jgan.metrics._samples import Samples


def test_features_of_two_sets_belong_together():
  real, fake = (Samples(9, features=np.zeros((9, d))) for d in (3, 4))
  with pytest.raises(UserError, match=r'3 features of real .* against 4 of'):
    _samples.features(real, fake, least=2)
  with pytest.raises(UserError, match=r'generated images: 9 are too few.* 10'):
    _samples.matrix(fake.features, 'features of generated images', least=10)
  with pytest.raises(UserError, match='real images: there are only statistics'):
    _samples.features(real._replace(features=None), fake, least=2)


def test_features_that_are_not_finite_or_no_matrix_are_refused():
  x = np.zeros((9, 4))
  x[[3, 5], [0, 1]] = np.nan, np.inf
  with pytest.raises(Stopped, match='logits: 2 of 9 are not finite'):
    _samples.matrix(x, 'logits', least=1)
  with pytest.raises(UserError, match=r'shape \[4\]; \[n, d\]'):
    _samples.matrix(np.zeros(4), 'logits', least=1)
