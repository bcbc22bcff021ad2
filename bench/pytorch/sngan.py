"""The residual networks of SN-GAN (Miyato et al., 2018) at 32 pixels."""
import torch
from torch import nn
from torch.nn import functional as F

from bench.pytorch.layers import WRAPS, Stem, doubled


class UpBlock(nn.Module):
  """[b, width, h, w] -> [b, width, 2h, 2w]."""

  def __init__(self, width):
    super().__init__()
    self.norm_0, self.norm_1 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
    self.conv_0 = nn.Conv2d(width, width, 3, padding=1)
    self.conv_1 = nn.Conv2d(width, width, 3, padding=1)
    self.shortcut = nn.Conv2d(width, width, 1)

  def forward(self, x):
    """Two convolutions beside a 1 x 1 one."""
    h = self.conv_0(doubled(F.relu(self.norm_0(x))))
    h = self.conv_1(F.relu(self.norm_1(h)))
    return h + self.shortcut(doubled(x))


class Generator(nn.Module):
  """[b, latent] -> [b, 3, 32, 32] in [-1, 1]."""

  def __init__(self, *, latent, width, **_):
    super().__init__()
    self.linear = Stem(latent, 4, width)
    for i in range(3):
      self.add_module(f'block_{i}', UpBlock(width))
    self.norm = nn.BatchNorm2d(width)
    self.to_rgb = nn.Conv2d(width, 3, 3, padding=1)

  def forward(self, z):
    """Images."""
    x = self.linear(z)
    for i in range(3):
      x = self.get_submodule(f'block_{i}')(x)
    return torch.tanh(self.to_rgb(F.relu(self.norm(x))))


class DownBlock(nn.Module):
  """[b, channels, h, w] -> [b, width, h, w], of half the size if `halve`.

  wrap: applied to each layer.
  """

  def __init__(self, channels, width, halve, wrap):
    super().__init__()
    # The first block reads images as they are.
    self.images, self.halve = channels != width, halve
    self.conv_0 = wrap(nn.Conv2d(channels, width, 3, padding=1))
    self.conv_1 = wrap(nn.Conv2d(width, width, 3, padding=1))
    if halve:
      self.shortcut = wrap(nn.Conv2d(channels, width, 1))

  def forward(self, x):
    """Two convolutions beside a 1 x 1 one, or nothing."""
    h = self.conv_0(x if self.images else F.relu(x))
    h = self.conv_1(F.relu(h))
    if not self.halve:
      return h + x
    if self.images:
      return F.avg_pool2d(h, 2) + self.shortcut(F.avg_pool2d(x, 2))
    return F.avg_pool2d(h + self.shortcut(x), 2)


class Discriminator(nn.Module):
  """[b, 3, 32, 32] -> [b, outputs]; AutoGAN's too."""
  joint = True  # nothing couples the images of a batch

  def __init__(self, *, width, conv, outputs, **_):
    super().__init__()
    wrap = WRAPS[conv]
    for i in range(4):
      self.add_module(f'block_{i}', DownBlock(width if i else 3, width, i < 2,
                                              wrap))
    self.linear = wrap(nn.Linear(width, outputs, bias=False))

  def forward(self, x):
    """Logits."""
    for i in range(4):
      x = self.get_submodule(f'block_{i}')(x)
    return self.linear(F.relu(x).sum((2, 3)))
