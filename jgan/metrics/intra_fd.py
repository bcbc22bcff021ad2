"""Intra-class Frechet distance (Miyato and Koyama, 2018, 'intra FID').

The generated images of each class against the real ones of that class, and the
mean over classes. Images that are good and of the wrong class raise it, and so
does a class with few different images; the distance of all images together
does not see either. With the features of the published Inception network it is
the intra FID.

The published protocol has 5,000 generated images of each class. Here the labels
of all generated images are drawn, so that eval.samples should be 5,000 times
the number of classes.
"""
import numpy as np

from jgan.errors import UserError
from jgan.metrics import _frechet, _samples

NEEDS = ('features',)
REFERENCE = True
BETTER = {'': 'lower'}
NAMES = 'intra-FID', 'intra-FD'


def check(net, classes, real, fake):
  """Refuses classes of too few images, which are known before any is made.

  Args:
    net: not used.
    classes: their names.
    real, fake: labels [n] of the real and of the generated images, or None.

  Raises:
    UserError: classes are not known, or a class has fewer than 2 images.
  """
  del net
  real = _samples.labels(real if classes else None, 'real images')
  if fake is None:
    return
  for label in np.union1d(real, fake):
    _require_two(f"'{classes[label]}'", real == label, fake == label)


def score(real, fake, *, ddof=1):
  """The mean of the classes' distances, >= 0, 0 for the same sets.

  A class of which there is no image at all is left out.

  Args:
    ddof: covariances are divided by n - ddof.

  Raises:
    UserError: classes are not known, or a class has fewer than 2 images.
    Stopped: features are not finite.
  """
  of_real, of_fake = (_samples.labels(samples.labels, f'{name} images')
                      for name, samples in (('real', real),
                                            ('generated', fake)))
  real, fake = _samples.features(real, fake, least=2)
  distances = []
  for label in np.union1d(of_real, of_fake):
    sides = real[of_real == label], fake[of_fake == label]
    _require_two(label, of_real == label, of_fake == label)
    moments = [x for rows in sides for x in _frechet.statistics(rows, ddof)]
    distances.append(_frechet.distance(*moments, sides[1]))
  return {'': float(np.mean(distances))}


def label(net):
  """intra-FID for the published Inception network, else intra-FD-NAME."""
  return f'intra-{net.distance}'


def _require_two(name, real, fake):
  """Refuses a class of fewer than 2 images; real, fake: whether each is one."""
  for kind, of_class in (('real', real), ('generated', fake)):
    if np.sum(of_class) < 2:
      raise UserError(f'intra_fd: class {name} has {np.sum(of_class)} {kind} '
                      'images, and 2 have a covariance: more images '
                      '(config.eval.samples, config.eval.reals) would be right')
