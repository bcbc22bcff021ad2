"""The search of MMD-AdversarialNAS in PyTorch, as its paper's authors run it
(Pulakurthi et al., 2024): every operation of every edge by itself.

The same step as jgan/methods/adversarial_search.py with one critic.
"""
import time

import torch
from torch import nn
from torch.nn import functional as F

from bench.torch_parts import (
    Edge,
    Game,
    ReluConv,
    Stem,
    adam,
    descend,
    hinge,
    spectral,
    unmoved,
    weights_and_logits,
)

# Kernel size and dilation.
CONVS = {'conv_1x1': (1, 1), 'conv_3x3': (3, 1), 'conv_5x5': (5, 1),
         'dil_conv_3x3': (3, 2), 'dil_conv_5x5': (5, 2)}
UP = ('nearest', 'bilinear', 'bicubic')
LATENT = 120


class Zero(nn.Module):
  """The operation 'none'."""

  def forward(self, x):
    """Zeros like x."""
    return 0. * x


class UpConv(nn.Conv2d):
  """Doubles a map, then a ReLU and a 1x1 convolution."""

  def __init__(self, width, mode):
    super().__init__(width, width, 1)
    self.mode = mode

  def forward(self, x):
    """[b, width, h, w] -> [b, width, 2h, 2w]."""
    return super().forward(F.relu(doubled(x, self.mode)))


class UpCell(nn.Module):
  """Doubles a map; takes `skips` maps from earlier cells."""

  def __init__(self, width, skips, mode):
    super().__init__()
    self.mode, self.skips = mode, skips
    for i in range(2):
      self.add_module(f'up{i}', Edge({op: UpConv(width, op) for op in UP}))
    for i in range(5):
      self.add_module(f'c{i}', normal(width, width))
    for i in range(skips):
      self.add_module(f'skip_{i + 1}', nn.Conv2d(width, width, 1))

  def forward(self, x, skips, up, normal):
    """up, normal: weights [edges, operations]."""
    node0, node1 = self.up0(x, up[0]), self.up1(x, up[1])
    node2 = self.c0(node0, normal[0]) + self.c1(node1, normal[1])
    for i, skip in enumerate(skips):
      while skip.shape[2] < node2.shape[2]:
        skip = doubled(skip, self.mode)
      node2 = node2 + self.get_submodule(f'skip_{i + 1}')(skip)
    return node2, (self.c2(node0, normal[2]) + self.c3(node1, normal[3])
                   + self.c4(node2, normal[4]))


class DownCell(nn.Module):
  """Halves a map, or images."""

  def __init__(self, channels, width):
    super().__init__()
    for i in range(5):
      edge = (images(channels, width) if channels != width and i < 3
              else normal(width, width, spectral))
      self.add_module(f'c{i}', edge)
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


class Generator(nn.Module):
  """[b, LATENT] -> [b, 3, 32, 32]."""

  def __init__(self, width, noise):
    super().__init__()
    self.relax = gumbel if noise else softmax
    self.arch = logits(normal=(3, 5, 7), up=(3, 2, 3))
    for i in range(3):
      self.add_module(f'linear_{i + 1}',
                      Stem(LATENT // 3, 4 * 2**i, width))
      self.add_module(f'cell_{i + 1}', UpCell(
          width, i, 'bilinear' if i == 1 else 'nearest'))
    self.norm = nn.BatchNorm2d(width)
    self.to_rgb = nn.Conv2d(width, 3, 3, padding=1)

  def forward(self, z):
    """Images in [-1, 1]."""
    up, normal = self.relax(self.arch['up']), self.relax(self.arch['normal'])
    x, skips = 0., []
    for i, part in enumerate(z.chunk(3, dim=1)):
      x = x + self.get_submodule(f'linear_{i + 1}')(part)
      skip, x = self.get_submodule(f'cell_{i + 1}')(x, skips, up[i], normal[i])
      skips.append(skip)
    return torch.tanh(self.to_rgb(F.relu(self.norm(x))))


class Discriminator(nn.Module):
  """[b, 3, 32, 32] -> [b, 1]."""

  def __init__(self, width, noise):
    super().__init__()
    self.relax = gumbel if noise else softmax
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


class Search(Game):
  """The game and its four optimizers."""

  def __init__(self, *, widths, batch, noise):
    """widths: of both players. noise: relax with Gumbel noise."""
    super().__init__(Generator(widths[0], noise),
                     Discriminator(widths[1], noise), latent=LATENT,
                     batch=batch)
    self.tx = {}
    for player in ('gen', 'disc'):
      weights, arch = weights_and_logits(getattr(self, player))
      self.tx[player] = adam(weights, 2e-4, (0., .9))
      self.tx[f'{player}_arch'] = adam(arch, 3e-4, (.5, .999), 1e-4)

  def step(self):
    """Seconds of one step of the search."""
    began = time.perf_counter()
    train, held = self.images[::2], self.images[1::2]
    half, whole = len(train), len(self.images)
    descend(self.tx['disc_arch'], self.disc_arch(held, self.noise(half)))
    descend(self.tx['disc'], self.disc_weights(train, self.noise(half)))
    descend(self.tx['gen_arch'], self.gen_arch(train, self.noise(whole)))
    descend(self.tx['gen'], self.gen_weights(train, self.noise(whole)))
    self.average()
    return {'step': time.perf_counter() - began}

  def objectives(self):
    """{name: (objective, whose parameters it is for)}."""
    return {'disc_arch': (self.disc_arch, 'disc'),
            'disc': (self.disc_weights, 'disc'),
            'gen_arch': (self.gen_arch, 'gen'),
            'gen': (self.gen_weights, 'gen')}

  def disc_arch(self, real, z):
    """The loss of D's logits."""
    with torch.no_grad():
      fake = self.gen(z)
    return hinge(self.disc(real), self.disc(fake))

  def disc_weights(self, real, z, b_l=.25, b_u=4.):
    """The repulsive loss of D's weights."""
    with torch.no_grad():
      fake = self.gen(z)
    real, fake = self.disc(real), self.disc(fake)
    return (apart(kernel(distances(real, real).clamp(max=b_u)))
            - apart(kernel(distances(fake, fake).clamp(min=b_l))))

  def gen_arch(self, real, z):
    """The loss of G's logits."""
    del real
    return -self.disc(self.gen(z)).mean()

  def gen_weights(self, real, z):
    """MMD^2, of G's weights; that of the reals leaves no trace in D."""
    with torch.no_grad(), unmoved(self.disc):
      real = self.disc(real)
    fake = self.disc(self.gen(z))
    return (apart(kernel(distances(real, real)))
            + apart(kernel(distances(fake, fake)))
            - 2. * kernel(distances(real, fake)).mean())


def doubled(x, mode):
  """Interpolates."""
  corners = {} if mode == 'nearest' else {'align_corners': False}
  return F.interpolate(x, scale_factor=2, mode=mode, **corners)


def normal(channels, width, wrap=lambda layer: layer):
  """An edge that keeps the size; wrap: applied to its convolutions."""
  return Edge({'none': Zero(), 'skip': nn.Identity(), **{
      op: wrap(ReluConv(channels, width, k, dilation=d))
      for op, (k, d) in CONVS.items()}})


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


def softmax(logits):
  """Weights without noise."""
  return logits.softmax(-1)


def gumbel(logits, temperature=5.):
  """Weights with noise on the probabilities, as the authors have it."""
  noise = -torch.empty_like(logits).exponential_().log()
  return ((logits.softmax(-1) + noise) / temperature).softmax(-1)


def distances(x, y):
  """Squared ones: [m, d], [n, d] -> [m, n]."""
  return (x[:, None] - y[None]).square().sum(-1)


def kernel(d2):
  """The Gaussian kernel."""
  return (-.5 * d2).exp()


def apart(values):
  """Mean over pairs of different samples."""
  n = len(values)
  return (values.sum() - values.trace()) / (n * (n - 1))
