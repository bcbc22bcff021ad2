"""Layers that several networks of PyTorch have.

Modules have the names that jgan's have. Memory is laid out channels last, in
which PyTorch is faster.
"""
import torch
from torch import nn
from torch.nn import functional as F

LAYOUT = torch.channels_last


class ReluConv(nn.Conv2d):
  """A ReLU, then a convolution that keeps the size, or halves it."""

  def __init__(self, channels, features, size, *, dilation=1, **kwargs):
    super().__init__(channels, features, size, dilation=dilation,
                     padding=dilation * (size // 2), **kwargs)

  def forward(self, x):
    """[b, channels, h, w] -> [b, features, h', w']."""
    return super().forward(F.relu(x))


class Edge(nn.ModuleDict):
  """The weighted sum of operations, or the only one as it is."""

  def forward(self, x, weights=None):
    """weights: [operations], or more, of which the last are not used."""
    if weights is None:
      op, = self.values()
      return op(x)
    return sum(weight * op(x) for weight, op in zip(weights, self.values()))


class Stem(nn.Linear):
  """Noise [b, n] -> the first map [b, width, side, side]."""

  def __init__(self, latent, side, width):
    super().__init__(latent, side * side * width)
    self.shape = side, side, width

  def forward(self, z):
    """Laid out channels last, as jgan's map is."""
    return super().forward(z).view(-1, *self.shape).permute(0, 3, 1, 2)


def doubled(x, mode='nearest'):
  """Interpolates: [b, c, h, w] -> [b, c, 2h, 2w]."""
  corners = {} if mode == 'nearest' else {'align_corners': False}
  return F.interpolate(x, scale_factor=2, mode=mode, **corners)


def spectral(layer):
  """Spectral normalisation, by the hook that the originals have."""
  return nn.utils.spectral_norm(layer)


def plain(layer):
  """The layer as it is."""
  return layer


WRAPS = {'plain': plain, 'spectral': spectral}
