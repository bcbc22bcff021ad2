"""Scores of CIFAR-10's own images, as published (specs/metrics.md 3.2).

They need the published weights, JGAN_INCEPTION=FILE, the data set,
JGAN_DATA=FOLDER, and a GPU.
"""
import os

import numpy as np
import pytest

from jgan.data import cifar10
from jgan.score.scorer import Scorer

pytestmark = [pytest.mark.long, pytest.mark.skipif(
    not {'JGAN_INCEPTION', 'JGAN_DATA'} <= {*os.environ},
    reason='JGAN_INCEPTION, JGAN_DATA name no weights, no images')]
SPLITS = 'train', 'test'


def images(split):
  return cifar10.load(os.environ['JGAN_DATA'], split=split)


def scores(fake, real, metrics, cache, **knobs):
  scorer = Scorer(real, metrics=metrics, network='inception', knobs=knobs,
                  seed=2020, cache=str(cache))
  (values, _), = scorer.score([fake]).values()
  return values


def test_half_a_split_each_scores_as_in_torch_fidelity(tmp_path):
  """Its test of all metrics: 5,000 training images in the place of fakes."""
  train, test = (
      x[np.random.RandomState(2020).choice(len(x), 5000, replace=False)]
      for x in map(images, SPLITS))
  found = scores(train, test, ('fd', 'inception_score', 'kid',
                               'precision_recall'), tmp_path,
                 inception_score={'shuffle': True})
  assert found['FID'] == pytest.approx(10.32333, abs=1e-2)
  for name, want in (('precision', .6852), ('recall', .6908),
                     ('f_score', .68799)):
    assert found[f'precision_recall-{name}-inception'] == pytest.approx(
        want, abs=1e-3)
  # These two depend on the order of its files.
  assert found['kid-inception'] == pytest.approx(-2.907863e-5, abs=5e-5)
  assert found['inception_score-inception'] == pytest.approx(10.75, abs=.3)


def test_whole_splits_score_as_in_the_original_code(tmp_path):
  train, test = map(images, SPLITS)
  found = scores(test, train, ('fd', 'inception_score'), tmp_path)
  assert found['FID'] == pytest.approx(3.1508, abs=5e-3)
  assert found['inception_score-inception'] == pytest.approx(10.98, abs=.05)
  found = scores(train, train[:2], ('inception_score',), tmp_path)
  assert found['inception_score-inception'] == pytest.approx(11.24, abs=.05)
