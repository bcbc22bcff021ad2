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


def check(net, classes, real, fake):
  """Refuses a judge of other classes.

  Args:
    net: Extractor, the judge.
    classes: names of those of the images.
    real, fake: not used.

  Raises:
    UserError: there are no classes, or the judge tells others apart, or as
      many of other names.
  """
  del real, fake
  _samples.labels(classes or None, 'images')
  right = ("config.eval.network='classifier', which learns the classes of the "
           'data, would be right')
  if net.classes != len(classes):
    raise UserError(f'{net.name} tells {net.classes} classes apart, and the '
                    f'images have {len(classes)}: {right}')
  if net.names and net.names != tuple(classes):
    known, own = next(pair for pair in zip(net.names, classes)
                      if pair[0] != pair[1])
    raise UserError(f"{net.name} knows the class '{known}' where the images "
                    f"have '{own}': {right}")


def score(real, fake):
  """'' the share of all images that are classified as their class, in [0, 1];
  'worst': that of the class with the lowest one.

  Args:
    real: not used.

  Raises:
    UserError: classes are not known.
    Stopped: a logit is not finite.
  """
  del real
  labels = _samples.labels(fake.labels, 'generated images')
  logits = _samples.matrix(fake.logits, 'logits of generated images', least=1)
  right = np.argmax(logits, 1) == labels
  return {'': float(right.mean()),
          'worst': float(min(right[labels == label].mean()
                             for label in np.unique(labels)))}
