"""The search of alphaGAN in PyTorch (Tian et al., 2020, Algorithm 1): every
operation of every edge by itself.

One iteration: weights on one half of the images, then copies of both players
that train against the other as it stands, then the logits, which see the
copied discriminator.
"""
import itertools
import time

import torch
from torch import nn
from torch.nn import functional as F

from bench.torch_parts import (
    LAYOUT,
    Edge,
    Game,
    ReluConv,
    Stem,
    adam,
    descend,
    hinge,
    spectral,
    weights_and_logits,
)

LATENT = 128


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
  """[b, LATENT] -> [b, 3, 32, 32]."""

  def __init__(self, width):
    super().__init__()
    self.arch = nn.ParameterDict({
        part: nn.Parameter(1e-3 * torch.randn(shape)) for part, shape in (
            ('normal', (3, 3, 6)), ('up', (3, 2, 3)), ('skip_2', (1, 3)),
            ('skip_3', (2, 3)))})
    self.linear = Stem(LATENT, 4, width)
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


class Block(nn.Module):
  """A residual block of AutoGAN's discriminator."""

  def __init__(self, channels, width, halve):
    super().__init__()
    self.images, self.halve = channels != width, halve
    # The first block reads images as they are.
    first = (nn.Conv2d(channels, width, 3, padding=1) if self.images
             else ReluConv(channels, width, 3))
    self.conv_0 = spectral(first)
    self.conv_1 = spectral(ReluConv(width, width, 3))
    if halve:
      self.shortcut = spectral(nn.Conv2d(channels, width, 1))

  def forward(self, x):
    """[b, channels, h, w] -> [b, width, h, w], of half the size if `halve`."""
    h = self.conv_1(self.conv_0(x))
    if not self.halve:
      return h + x
    if self.images:
      return F.avg_pool2d(h, 2) + self.shortcut(F.avg_pool2d(x, 2))
    return F.avg_pool2d(h, 2) + F.avg_pool2d(self.shortcut(x), 2)


class Discriminator(nn.Module):
  """[b, 3, 32, 32] -> [b, 1]."""

  def __init__(self, width):
    super().__init__()
    for i in range(4):
      self.add_module(f'block_{i}', Block(width if i else 3, width, i < 2))
    self.linear = spectral(nn.Linear(width, 1, bias=False))

  def forward(self, x):
    """Logits."""
    for i in range(4):
      x = self.get_submodule(f'block_{i}')(x)
    return self.linear(F.relu(x).sum((2, 3)))


class Search(Game):
  """The game and its three optimizers."""

  def __init__(self, *, widths, batch, noise):
    """widths: of both players. noise: has none, whatever is asked."""
    del noise
    super().__init__(Generator(widths[0]), Discriminator(widths[1]),
                     latent=LATENT, batch=batch)
    self.copies = [net.to(memory_format=LAYOUT) for net in (
        Generator(widths[0]), Discriminator(widths[1]))]
    weights, arch = weights_and_logits(self.gen)
    self.tx = {'gen': adam(weights, 2e-4, (0., .999)),
               'disc': self._optimizer(self.disc),
               'arch': adam(arch, 3e-4, (.5, .999), 1e-3)}

  def step(self, updates=1):
    """Seconds of each phase of an iteration.

    updates: of each network in each phase, T = R = S.
    """
    real, n = self.images, len(self.images)
    times = [time.perf_counter()]
    for _ in range(updates):
      descend(self.tx['disc'], self.disc_weights(real, self.noise(n)))
      descend(self.tx['gen'], self.gen_weights(real, self.noise(n)))
      self.average()
    times.append(time.perf_counter())
    # Their copies go on from where the players are, with new optimizers.
    gen, disc = self.gen, self.disc
    best_gen, best_disc = self.copies
    best_gen.load_state_dict(gen.state_dict())
    best_disc.load_state_dict(disc.state_dict())
    self.disc = best_disc
    optimizer = self._optimizer(best_disc)
    for _ in range(updates):
      descend(optimizer, self.disc_weights(real, self.noise(n)))
    self.gen, self.disc = best_gen, disc
    optimizer = self._optimizer(best_gen)
    for _ in range(updates):
      descend(optimizer, self.gen_weights(real, self.noise(n)))
    times.append(time.perf_counter())
    self.gen, self.disc = gen, best_disc
    for _ in range(updates):
      descend(self.tx['arch'], self.gen_arch(real, self.noise(n)))
    self.disc = disc
    times.append(time.perf_counter())
    seconds = [b - a for a, b in itertools.pairwise(times)]
    return {**dict(zip(('weights', 'copies', 'logits'), seconds)),
            'iteration': sum(seconds)}

  def objectives(self):
    """{name: (objective, whose parameters it is for)}."""
    return {'disc': (self.disc_weights, 'disc'),
            'gen': (self.gen_weights, 'gen'),
            'gen_arch': (self.gen_arch, 'gen')}

  def disc_weights(self, real, z):
    """The loss of D, and of its copy."""
    with torch.no_grad():
      fake = self.gen(z)
    return hinge(self.disc(real), self.disc(fake))

  def gen_weights(self, real, z):
    """The loss of G, and of its copy."""
    del real
    return -self.disc(self.gen(z)).mean()

  def gen_arch(self, real, z):
    """What of the duality gap depends on the logits."""
    del real
    return -F.relu(1. + self.disc(self.gen(z))).mean()

  def _optimizer(self, net):
    return adam(weights_and_logits(net)[0], 2e-4, (0., .999))
