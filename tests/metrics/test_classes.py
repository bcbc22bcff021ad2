"""Scores of classes: by hand, and by numpy with scipy's square root."""
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg

from jgan.errors import UserError
from jgan.metrics import class_accuracy, intra_fd
from jgan.metrics._samples import Samples


def samples(seed, n, shift=0.):
  rng = np.random.default_rng(seed)
  labels = np.arange(n) % 3
  features = rng.normal(size=(n, 4)) * (1. + labels[:, None])
  return Samples(n, features=features + shift * labels[:, None], labels=labels)


def distance(x, y):
  """The Frechet distance of two sets, [n, d] and [m, d]."""
  a, b = np.cov(x.T), np.cov(y.T)
  root = scipy.linalg.sqrtm(a @ b).real
  return np.sum((x.mean(0) - y.mean(0))**2) + np.trace(a + b - 2. * root)


def test_it_is_the_mean_of_the_distances_of_the_classes():
  real, fake = samples(0, 90), samples(1, 60, .5)
  want = np.mean([distance(real.features[real.labels == c],
                           fake.features[fake.labels == c]) for c in range(3)])
  np.testing.assert_allclose(intra_fd.score(real, fake)[''], want, rtol=1e-6)
  assert intra_fd.score(real, real)[''] < 1e-9


def test_images_of_a_wrong_class_are_far_off_though_all_together_are_right():
  real = samples(0, 90, 5.)
  swapped = real._replace(labels=(real.labels + 1) % 3)
  assert intra_fd.score(real, swapped)[''] > 50.


def test_a_class_without_two_images_is_named():
  real, fake = samples(0, 90), samples(1, 60)
  with pytest.raises(UserError, match='class 3 has 0 generated images'):
    intra_fd.score(real._replace(labels=np.arange(90) % 4), fake)
  apart = [x._replace(labels=2 * x.labels) for x in (real, fake)]
  assert intra_fd.score(*apart) == intra_fd.score(real, fake)  # no 1, no 3
  with pytest.raises(UserError, match='classes of the generated images are no'):
    intra_fd.score(real, fake._replace(labels=None))


def test_accuracy_is_the_share_of_images_that_are_what_they_should_be():
  logits = np.eye(3)[[0, 0, 1, 2, 2, 2]]
  fake = Samples(6, logits=logits, labels=np.array([0, 0, 1, 1, 2, 2]))
  assert class_accuracy.score(None, fake) == {'': 5 / 6, 'worst': .5}


def test_a_judge_of_other_classes_is_refused_before_anything_is_scored():
  judge = lambda **made: SimpleNamespace(name='judge', **made)
  with pytest.raises(UserError, match='judge tells 3 classes apart.*have 2'):
    class_accuracy.check(judge(classes=3, names=()), ('cat', 'dog'), None, None)
  with pytest.raises(UserError, match="knows the class 'cat'.*have 'cow'"):
    class_accuracy.check(judge(classes=2, names=('cat', 'dog')),
                         ('cow', 'dog'), None, None)
  class_accuracy.check(judge(classes=2, names=('cat', 'dog')), ('cat', 'dog'),
                       None, None)
  class_accuracy.check(judge(classes=2, names=()), ('cow', 'dog'), None, None)


def test_a_class_of_too_few_images_is_refused_before_any_is_made():
  names, real = ('cat', 'cow', 'dog'), np.arange(90) % 3
  intra_fd.check(None, names, real, np.arange(6) % 3)
  intra_fd.check(None, names, real, None)
  with pytest.raises(UserError, match="class 'dog' has 1 generated images"):
    intra_fd.check(None, names, real, np.arange(5) % 3)
  for metric in (intra_fd, class_accuracy):
    with pytest.raises(UserError, match='classes of the .*images are not kno'):
      metric.check(None, (), None, None)
