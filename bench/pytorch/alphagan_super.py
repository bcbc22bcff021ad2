"""The super-generator of alphaGAN (Tian et al., 2020): every operation of every
edge by itself. Its discriminator is autogan's.
"""
import torch
from torch import nn
from torch.nn import functional as F

from bench.pytorch.layers import Edge, ReluConv, Stem


class Separable(nn.Module):
  """Twice: ReLU, depthwise and 1x1 convolution, normalisation."""

  def __init__(self, width, size):
    super().__init__()
    for i in range(2):
      self.add_module(f'depthwise_{i}', ReluConv(
          width, width, size, groups=width, bias=False))
      self.add_module(f'pointwise_{i}', nn.Conv2d(width, width, 1, bias=False))
      self.add_module(f'norm_{i}', nn.BatchNorm2d(width, affine=False))

  def forward(self, x):
    """Keeps the shape."""
    for layer in self.children():
      x = layer(x)
    return x


class UpEdge(Edge):
  """Doubles a map `times` times in each of three ways."""

  def __init__(self, width, times=1):
    super().__init__({
        'deconv': nn.ConvTranspose2d(width, width, 2, stride=2),
        'nearest': nn.Upsample(scale_factor=2),
        'bilinear': nn.Upsample(scale_factor=2, mode='bilinear')})
    self.times = times

  def forward(self, x, weights):
    """Each way again with the same parameters."""
    ways = [x] * len(self)
    for _ in range(self.times):
      ways = [op(way) for op, way in zip(self.values(), ways)]
    return sum(weight * way for weight, way in zip(weights, ways))


class UpCell(nn.Module):
  """Doubles a map; takes the doubled inputs of `skips` earlier cells."""

  def __init__(self, width, skips):
    super().__init__()
    self.up_01, self.up_03 = UpEdge(width), UpEdge(width)
    for name in ('n_12', 'n_24', 'n_34'):
      self.add_module(name, Edge({
          **{f'conv_{k}x{k}': ReluConv(width, width, k) for k in (1, 3, 5)},
          **{f'sep_conv_{k}x{k}': Separable(width, k) for k in (3, 5, 7)}}))
    for i in range(skips):
      self.add_module(f'skip_{i + 1}', UpEdge(width, skips - i))

  def forward(self, x, skips, up, normal, skip):
    """up, normal, skip: weights [edges, operations]."""
    node1, node3 = self.up_01(x, up[0]), self.up_03(x, up[1])
    node2 = self.n_12(node1, normal[0])
    node4 = self.n_24(node2, normal[1]) + self.n_34(node3, normal[2])
    for i, earlier in enumerate(skips):
      node4 = node4 + self.get_submodule(f'skip_{i + 1}')(earlier, skip[i])
    return node1, node4


class Generator(nn.Module):
  """[b, latent] -> [b, 3, 32, 32]."""

  def __init__(self, *, latent, width, **_):
    super().__init__()
    self.arch = nn.ParameterDict({
        part: nn.Parameter(1e-3 * torch.randn(shape)) for part, shape in (
            ('normal', (3, 3, 6)), ('up', (3, 2, 3)), ('skip_2', (1, 3)),
            ('skip_3', (2, 3)))})
    self.linear = Stem(latent, 4, width)
    for i in range(3):
      self.add_module(f'cell_{i + 1}', UpCell(width, i))
    self.norm = nn.BatchNorm2d(width)
    self.to_rgb = nn.Conv2d(width, 3, 3, padding=1)

  def forward(self, z):
    """Images in [-1, 1]."""
    weights = {part: x.softmax(-1) for part, x in self.arch.items()}
    x, skips = self.linear(z), []
    for i in range(3):
      skip, x = self.get_submodule(f'cell_{i + 1}')(
          x, skips, weights['up'][i], weights['normal'][i],
          weights.get(f'skip_{i + 1}'))
      skips.append(skip)
    return torch.tanh(self.to_rgb(F.relu(self.norm(x))))
