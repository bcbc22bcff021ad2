"""The inception score of logits whose score is known."""
import numpy as np
import pytest
import scipy.stats

from jgan.errors import Stopped, UserError
from jgan.metrics import inception_score
from jgan.metrics._samples import Samples


def score(logits, **knobs):
  fake = Samples(len(logits), logits=np.asarray(logits))
  return inception_score.score(None, fake, **knobs)


def test_sure_and_even_classes_score_their_number():
  logits = np.tile(1e4 * np.eye(7, dtype=np.float32), (20, 1))
  value = score(logits, splits=4)
  np.testing.assert_allclose([value[''], value['std']], [7., 0.], atol=1e-9)


def test_a_classifier_that_cannot_tell_scores_one():
  logits = np.tile(np.random.default_rng(0).normal(size=7), (20, 1))
  np.testing.assert_allclose(score(logits)[''], 1.)


def test_splits_are_contiguous_and_their_deviation_that_of_numpy():
  logits = np.random.default_rng(0).normal(size=(23, 5)) * 3.
  wants = []
  for i in range(4):
    p = scipy.special.softmax(logits[23 * i // 4:23 * (i + 1) // 4], axis=1)
    wants.append(np.exp(np.mean(
        [scipy.stats.entropy(row, p.mean(0)) for row in p])))
  value = score(logits, splits=4)
  np.testing.assert_allclose(value[''], np.mean(wants))
  np.testing.assert_allclose(value['std'], np.std(wants))


def test_shuffling_mends_an_ordered_set_and_repeats():
  logits = 1e4 * np.eye(5)[np.repeat(np.arange(5), 20)]  # class after class
  np.testing.assert_allclose(score(logits, splits=5)[''], 1.)
  shuffled = score(logits, splits=5, shuffle=True)
  assert shuffled[''] > 3.
  assert shuffled == score(logits, splits=5, shuffle=True)
  assert shuffled != score(logits, splits=5, shuffle=True, seed=2020)


def test_float32_logits_are_scored_in_float64():
  logits = np.float32(np.random.default_rng(0).normal(size=(40, 9)) * 5.)
  assert score(logits) == score(logits.astype(np.float64))


def test_mistakes_in_logits_are_refused():
  with pytest.raises(UserError, match=r'9 are too few; .* needs 10'):
    score(np.zeros((9, 3)))
  with pytest.raises(UserError, match='splits=0'):
    score(np.zeros((9, 3)), splits=0)
  with pytest.raises(Stopped, match=r'logits .*: 1 of 20 are not finite'):
    score(np.where(np.arange(20)[:, None] == 3, np.nan, np.zeros((20, 3))))
