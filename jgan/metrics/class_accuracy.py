"""How many generated images a classifier takes for the class they should be of.

The judge is the network of config.eval: `classifier`, which is trained on the
labels of the data set itself, or for CIFAR-10 `resnet20` or `resnet56`. An
accuracy near the judge's own on real images says that the classes are right; it
does not say that the images of a class differ from each other. (Not the
"classification accuracy score" of Ravuri and Vinyals, 2019, whose classifier
learns from generated images.)
"""
import numpy as np

from jgan.errors import UserError
from jgan.metrics import _samples

NEEDS = ('logits',)
REFERENCE = False
BETTER = {'': 'higher', 'worst': 'higher'}


def score(real, fake, *, classes=0):
  """'' the share of all images that are classified as their class, in [0, 1];
  'worst': that of the class with the lowest one.

  Args:
    real: not used.
    classes: number of classes; 0: those of the judge.

  Raises:
    UserError: classes are not known, or the judge tells others apart.
    Stopped: a logit is not finite.
  """
  del real
  labels = _samples.labels(fake, 'generated images')
  logits = _samples.matrix(fake.logits, 'logits of generated images', least=1)
  if logits.shape[1] != (classes or logits.shape[1]):
    raise UserError(f'the judge tells {logits.shape[1]} classes apart, and the '
                    f'images have {classes}: config.eval.network='
                    "'classifier', which learns the classes of the data, would "
                    'be right')
  right = np.argmax(logits, 1) == labels
  return {'': float(right.mean()),
          'worst': float(min(right[labels == label].mean()
                             for label in np.unique(labels)))}
