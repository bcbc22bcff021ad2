"""How much samples still change in training (Re-GAN; Saxena et al., 2023).

Mean squared difference between the images of the same latents at two
successive evaluations. The paper uses 64 latents, and evaluations one epoch
apart.
"""
import numpy as np

from jgan.errors import UserError

NEEDS = ('images',)
REFERENCE = 'previous'
BETTER = {'': 'neither'}


def score(previous, fake):
  """Mean squared difference of pixels scaled to [0, 1]; in [0, 1].

  Args:
    previous: Samples of the previous evaluation, with the same latents in the
      same order.
    fake: Samples of this evaluation.

  Raises:
    UserError: the images differ in shape.
  """
  before, after = previous.images, fake.images
  if before.shape != after.shape:
    raise UserError(f'images of shape {list(after.shape)} after images of '
                    f'shape {list(before.shape)}; the same latents give the '
                    'same shape')
  squares = [np.mean((np.float64(b) - a)**2) for b, a in zip(before, after)]
  return {'': float(np.mean(squares)) / 255**2}
