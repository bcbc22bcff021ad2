"""D's verdict on training images, held-out ones and generated ones.

A D that has memorised its images gives held-out ones the outputs of generated
ones. The figure is r_v of Karras et al. (2020, ADA, Eq. 1):
  (mean D(train) - mean D(held out)) / (mean D(train) - mean D(fake)),
0 without overfitting and 1 if D tells held-out images from its own as well as
it tells fakes. Its deviation by chance is given beside it, because a D that
tells nothing apart divides by nearly nothing.
"""
import numpy as np

from jgan.errors import UserError

NEEDS = ('held_out',)


def observe(scene):
  """Scene -> {'real', 'held_out', 'fake': [b]}: D's outputs.

  The fakes are of the trained G, which D plays against.

  Raises:
    UserError: D has several outputs, of which none says 'real'.
  """
  outputs = {side: scene.verdict(getattr(scene, side), side)
             for side in ('real', 'held_out', 'fake')}
  if outputs['real'].ndim > 1:
    raise UserError("probe 'held_out': D gives each image "
                    f'{outputs["real"].shape[-1]} outputs, and one is needed, '
                    'which says how real it is: the probe "spread" is for '
                    'several')
  return outputs


def values(seen):
  """{'real', 'held_out', 'fake'}: means; 'overfitting', 'overfitting_error'.

  The last two are 0 where D's means on training images and fakes are equal.
  """
  means = {side: np.mean(x) for side, x in seen.items()}
  gap = means['real'] - means['fake']
  error = np.sqrt(sum(np.var(seen[side]) / len(seen[side])
                      for side in ('real', 'held_out')))
  return means | {
      'overfitting': (means['real'] - means['held_out']) / gap if gap else 0.,
      'overfitting_error': error / abs(gap) if gap else 0.}
