"""How far training still moves the samples (Re-GAN; Saxena et al., 2023).

Mean squared difference between the images of the same latents at two
successive evaluations; the paper's are one epoch apart, of 64 latents.
"""
import numpy as np

from jgan.errors import UserError

NEEDS = ('images',)
REFERENCE = 'previous'


def score(previous, fake):
  """Mean over pixels in [0, 1] of the squared difference, in [0, 1].

  Args:
    previous: Samples of the evaluation before, of the same latents in the
      same order.
    fake: Samples of this one.

  Raises:
    UserError: the batches differ in shape.
  """
  before, now = previous.images, fake.images
  if before.shape != now.shape:
    raise UserError(f'images of shape {list(now.shape)} after images of shape '
                    f'{list(before.shape)}; the same latents give the same '
                    'shape')
  squares = [np.mean((np.float64(b) - a)**2) for b, a in zip(before, now)]
  return {'': float(np.mean(squares)) / 255**2}
