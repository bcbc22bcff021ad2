"""The generators of AdversarialNAS's space (Gao et al., 2020), of a genotype
and, with all operations, of a search.
"""
import torch
from torch import nn
from torch.nn import functional as F

from bench.pytorch.layers import Edge, ReluConv, Stem, doubled, plain

# Kernel size and dilation.
CONVS = {'conv_1x1': (1, 1), 'conv_3x3': (3, 1), 'conv_5x5': (5, 1),
         'dil_conv_3x3': (3, 2), 'dil_conv_5x5': (5, 2)}
UP = ('up0', 'up1')
NORMAL = ('c0', 'c1', 'c2', 'c3', 'c4')


class Zero(nn.Module):
  """The operation 'none'."""

  def forward(self, x):
    """A scalar, which a sum spreads."""
    return x.new_zeros(())


class UpConv(nn.Conv2d):
  """Doubles a map, then a ReLU and a 1x1 convolution."""

  def __init__(self, width, mode):
    super().__init__(width, width, 1)
    self.mode = mode

  def forward(self, x):
    """[b, width, h, w] -> [b, width, 2h, 2w]."""
    return super().forward(F.relu(doubled(x, self.mode)))


class UpCell(nn.Module):
  """Doubles a map; takes `skips` maps from earlier cells.

  ops: {edge: its operations}.
  """

  def __init__(self, width, skips, mode, ops):
    super().__init__()
    self.mode = mode
    for name in UP:
      self.add_module(name, Edge({op: UpConv(width, op) for op in ops[name]}))
    for name in NORMAL:
      self.add_module(name, normal(ops[name], width, width))
    for i in range(skips):
      self.add_module(f'skip_{i + 1}', nn.Conv2d(width, width, 1))

  def forward(self, x, skips, up=(None,) * 2, normal=(None,) * 5):
    """up, normal: weights [edges, operations], or of single ones None."""
    node0, node1 = self.up0(x, up[0]), self.up1(x, up[1])
    node2 = self.c0(node0, normal[0]) + self.c1(node1, normal[1])
    for i, skip in enumerate(skips):
      while skip.shape[2] < node2.shape[2]:
        skip = doubled(skip, self.mode)
      node2 = node2 + self.get_submodule(f'skip_{i + 1}')(skip)
    return node2, (self.c2(node0, normal[2]) + self.c3(node1, normal[3])
                   + self.c4(node2, normal[4]))


class CellGenerator(nn.Module):
  """[b, latent] -> [b, 3, 32, 32]; ops: {edge: its operations} per cell."""

  def __init__(self, latent, width, ops):
    super().__init__()
    for i in range(3):
      self.add_module(f'linear_{i + 1}', Stem(latent // 3, 4 * 2**i, width))
      self.add_module(f'cell_{i + 1}', UpCell(
          width, i, 'bilinear' if i == 1 else 'nearest', ops[i]))
    self.norm = nn.BatchNorm2d(width)
    self.to_rgb = nn.Conv2d(width, 3, 3, padding=1)

  def through(self, z, weights):
    """Images in [-1, 1]; weights: arguments of each cell."""
    x, skips = 0., []
    for i, part in enumerate(z.chunk(3, dim=1)):
      x = x + self.get_submodule(f'linear_{i + 1}')(part)
      skip, x = self.get_submodule(f'cell_{i + 1}')(x, skips, *weights[i])
      skips.append(skip)
    return torch.tanh(self.to_rgb(F.relu(self.norm(x))))


class Generator(CellGenerator):
  """[b, latent] -> [b, 3, 32, 32]; genotype: {edge: (its operation,)} per cell.
  """

  def __init__(self, *, latent, width, genotype, **_):
    super().__init__(latent, width, genotype)

  def forward(self, z):
    """Images in [-1, 1]."""
    return self.through(z, ((),) * 3)


def normal(ops, channels, width, wrap=plain):
  """An edge that keeps the size; wrap: applied to its convolutions."""
  free = {'none': Zero, 'skip': nn.Identity}
  convolution = lambda k, d: wrap(ReluConv(channels, width, k, dilation=d))
  return Edge({op: free[op]() if op in free else convolution(*CONVS[op])
               for op in ops})
