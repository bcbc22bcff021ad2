"""Image grid of generated images and their nearest real images."""
import numpy as np

from jgan.errors import UserError
from jgan.ops.quantize import to_uint8
from jgan.report import grid


def draw(path, fake, real, indices):
  """Writes one row for each generated image: the image, then its neighbours.

  Args:
    path: of the PNG to write.
    fake: [m, h, w, c] in [-1, 1] or uint8.
    real: [n, h, w, c] in [-1, 1] or uint8.
    indices: [m, k] into real, from metrics.memorisation.neighbours.

  Raises:
    UserError: the shapes do not match.
  """
  fake, real, indices = to_uint8(fake), to_uint8(real), np.asarray(indices)
  if indices.ndim != 2 or len(indices) != len(fake):
    raise UserError(f'neighbours of shape {list(indices.shape)} for '
                    f'{len(fake)} images; [{len(fake)}, k] would be right')
  if real.shape[1:] != fake.shape[1:]:
    raise UserError(f'real images of shape {list(real.shape[1:])} beside '
                    f'generated ones of {list(fake.shape[1:])}')
  rows = np.concatenate([fake[:, None], real[indices]], axis=1)
  images = rows.reshape(-1, *fake.shape[1:])
  grid.save_png(path, grid.grid(images, columns=rows.shape[1]))
