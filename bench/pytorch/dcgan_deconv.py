"""DCGAN (Radford et al., 2016): 4 x 4 convolutions of stride 2."""
import torch
from torch import nn
from torch.nn import functional as F


class Generator(nn.Module):
  """[b, latent] -> [b, 3, size, size] in [-1, 1]."""

  def __init__(self, *, latent, width, size, **_):
    super().__init__()
    self.stages = size.bit_length() - 3
    self.top = width * 2**(self.stages - 1)
    self.linear = nn.Linear(latent, 16 * self.top, bias=False)
    self.norm_0 = nn.BatchNorm1d(16 * self.top)
    for i in range(1, self.stages):
      self.add_module(f'deconv_{i}', nn.ConvTranspose2d(
          self.top // 2**(i - 1), self.top // 2**i, 4, 2, 1, bias=False))
      self.add_module(f'norm_{i}', nn.BatchNorm2d(self.top // 2**i))
    self.to_rgb = nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False)

  def forward(self, z):
    """Images."""
    x = F.relu(self.norm_0(self.linear(z)))
    x = x.view(-1, 4, 4, self.top).permute(0, 3, 1, 2)
    for i in range(1, self.stages):
      x = self.get_submodule(f'deconv_{i}')(x)
      x = F.relu(self.get_submodule(f'norm_{i}')(x))
    return torch.tanh(self.to_rgb(x))


class Discriminator(nn.Module):
  """[b, 3, size, size] -> [b, 1]."""
  joint = False

  def __init__(self, *, width, size, **_):
    super().__init__()
    self.stages, channels = size.bit_length() - 3, 3
    for i in range(self.stages):
      features = width * 2**i
      self.add_module(f'conv_{i}', nn.Conv2d(channels, features, 4, 2, 1))
      if i:
        self.add_module(f'norm_{i}', nn.BatchNorm2d(features))
      channels = features
    self.logits = nn.Conv2d(channels, 1, 4)

  def forward(self, x):
    """Logits."""
    for i in range(self.stages):
      x = self.get_submodule(f'conv_{i}')(x)
      x = F.leaky_relu(self.get_submodule(f'norm_{i}')(x) if i else x, .2)
    return self.logits(x).flatten(1)
