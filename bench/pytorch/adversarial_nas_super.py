"""The super-networks of AdversarialNAS's space (Gao et al., 2020), as its
authors run them: every operation of every edge by itself.
"""
import torch
from torch import nn
from torch.nn import functional as F

from bench.pytorch import draw
from bench.pytorch.adversarial_nas import (
    CONVS,
    NORMAL,
    UP,
    CellGenerator,
    normal,
)
from bench.pytorch.layers import Edge, ReluConv, spectral

OPS = ('none', 'skip', *CONVS)
WAYS_UP = ('nearest', 'bilinear', 'bicubic')


class DownCell(nn.Module):
  """Halves a map, or images."""

  def __init__(self, channels, width):
    super().__init__()
    for i, name in enumerate(NORMAL):
      edge = (images(channels, width) if channels != width and i < 3
              else normal(OPS, width, width, spectral))
      self.add_module(name, edge)
    for i in range(2):
      convs = {op: spectral(ReluConv(width, width, k, dilation=d, stride=2))
               for op, (k, d) in CONVS.items() if op != 'conv_1x1'}
      self.add_module(f'down{i}', Edge({
          'avg_pool': nn.AvgPool2d(2), 'max_pool': nn.MaxPool2d(2), **convs}))

  def forward(self, x, normal, down):
    """normal, down: weights [edges, operations]."""
    node0 = self.c0(x, normal[0])
    node1 = self.c1(x, normal[1]) + self.c3(node0, normal[3])
    node2 = self.c2(x, normal[2]) + self.c4(node0, normal[4])
    return self.down0(node1, down[0]) + self.down1(node2, down[1])


class Generator(CellGenerator):
  """[b, latent] -> [b, 3, 32, 32]."""

  def __init__(self, *, latent, width, relax, **_):
    super().__init__(latent, width, [
        {**dict.fromkeys(UP, WAYS_UP), **dict.fromkeys(NORMAL, OPS)}] * 3)
    self.relax = RELAX[relax]
    self.arch = logits(normal=(3, 5, 7), up=(3, 2, 3))

  def forward(self, z):
    """Images in [-1, 1]."""
    up, normal = self.relax(self.arch['up']), self.relax(self.arch['normal'])
    return self.through(z, [*zip(up, normal)])


class Discriminator(nn.Module):
  """[b, 3, 32, 32] -> [b, 1]."""
  joint = True

  def __init__(self, *, width, relax, **_):
    super().__init__()
    self.relax = RELAX[relax]
    self.arch = logits(normal=(4, 5, 7), down=(4, 2, 6))
    for i in range(4):
      self.add_module(f'cell_{i + 1}', DownCell(width if i else 3, width))
    self.linear = spectral(nn.Linear(width, 1, bias=False))

  def forward(self, x):
    """Logits."""
    normal = self.relax(self.arch['normal'])
    down = self.relax(self.arch['down'])
    for i in range(4):
      x = self.get_submodule(f'cell_{i + 1}')(x, normal[i], down[i])
    return self.linear(F.relu(x).sum((2, 3)))


def images(channels, width):
  """An edge of D that reads images."""
  return Edge({op: spectral(nn.Conv2d(
      channels, width, k, padding=d * (k // 2), dilation=d))
      for op, (k, d) in CONVS.items()})


def logits(**shapes):
  """Architecture logits, N(0, 1e-3^2)."""
  return nn.ParameterDict({
      part: nn.Parameter(1e-3 * torch.randn(shape))
      for part, shape in shapes.items()})


def gumbel_on_probabilities(logits, temperature=5.):
  """Weights with noise on the probabilities, at the first temperature."""
  noise = draw.gumbel(logits.shape)
  return ((logits.softmax(-1) + noise) / temperature).softmax(-1)


RELAX = {'gumbel_on_probabilities': gumbel_on_probabilities}
