"""DiffAugment (Zhao et al., 2020): colors and translations."""
import torch
from torch.nn import functional as F

from bench.pytorch import draw


def augment(sections, images):
  """Augments what D sees, [b, 3, h, w] or a tuple of such.

  sections: a config's list of augmentations.
  """
  if isinstance(images, tuple):
    return tuple(augment(sections, x) for x in images)
  for section in sections:
    for name in section['policy']:
      images = OPERATIONS[name](images)
  return images


def color(x):
  """Brightness, saturation, contrast."""
  brightness, saturation, contrast = (
      u[:, None, None, None] for u in draw.uniform((len(x), 3)).unbind(1))
  x = x + (brightness - .5)
  grey = x.mean(1, keepdim=True)
  x = torch.lerp(grey, x, 2. * saturation)
  grey = x.mean((1, 2, 3), keepdim=True)
  return torch.lerp(grey, x, .5 + contrast)


def translation(x, ratio=.125):
  """By whole pixels; what comes in is 0."""
  b, _, *sides = x.shape
  index = []
  for side in sides:
    limit = int(ratio * side + .5)
    move = draw.integers((b,), -limit, limit + 1)
    index.append((torch.arange(side) - move[:, None] + 1).clamp(0, side + 1))
  rows, columns = index
  x = F.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)
  return x[torch.arange(b)[:, None, None], rows[:, :, None],
           columns[:, None]].permute(0, 3, 1, 2)


OPERATIONS = {'color': color, 'translation': translation}
