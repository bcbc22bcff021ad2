"""Inception score (Salimans et al., 2016, arXiv:1606.03498).

exp of the mean KL divergence of a classifier's p(y|x) from its average p(y):
high if the classifier is certain about each image and all classes occur.
"""
import numpy as np
import scipy.special

from jgan.errors import UserError
from jgan.metrics import _samples

NEEDS = ('logits',)
REFERENCE = False
BETTER = {'': 'higher', 'std': 'neither'}
NAMES = 'inception_score', 'IS'


def least(*, splits=10):
  """No real images, and a generated one for each split.

  Raises:
    UserError: no split.
  """
  if splits < 1:
    raise UserError(f'splits={splits}; 1 or more would be right')
  return 0, splits


def score(real, fake, *, splits=10, shuffle=False, seed=0):
  """Mean of contiguous splits ('') and their population deviation ('std').

  It lies between 1 and the number of classes. The published score uses the
  1008 logits of the Inception network without their bias.

  Args:
    real: not used.
    splits: number of parts of the set, each scored separately.
    shuffle: permute the images before they are split (as in torch-fidelity,
      with the same random generator).
    seed: of the permutation.

  Raises:
    UserError: fewer images than splits, or no split.
    Stopped: a logit is not finite.
  """
  del real
  logits = _samples.matrix(fake.logits, 'logits of generated images',
                           least=least(splits=splits)[1])
  n = len(logits)
  if shuffle:
    logits = logits[np.random.RandomState(seed).permutation(n)]
  scores = []
  for i in range(splits):
    part = logits[i * n // splits:(i + 1) * n // splits].astype(np.float64)
    log_p = scipy.special.log_softmax(part, axis=1)
    log_mean = scipy.special.logsumexp(log_p, axis=0) - np.log(len(part))
    kl = np.sum(np.exp(log_p) * (log_p - log_mean), axis=1)
    scores.append(np.exp(kl.mean()))
  return {'': float(np.mean(scores)), 'std': float(np.std(scores))}
