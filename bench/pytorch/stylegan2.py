"""StyleGAN2 (Karras et al., 2020), output skips and residual discriminator.

Styles scale the maps, not the kernels: on a CPU that is many times faster than
a grouped convolution with a kernel for each image.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

from bench.pytorch import draw


class Blur(nn.Module):
  """Filters by [1, 3, 3, 1] along both axes, and doubles or halves the map."""

  def __init__(self, pad, *, stride=1, up=False, gain=1.):
    super().__init__()
    taps = torch.tensor([1., 3., 3., 1.]) / 8
    self.register_buffer('taps', gain * torch.outer(taps, taps),
                         persistent=False)
    self.apply_to = F.conv_transpose2d if up else F.conv2d
    self.options = {'padding': pad, 'stride': stride}

  def forward(self, x):
    """[b, c, h, w] -> [b, c, h', w']."""
    c = x.shape[1]
    return self.apply_to(x, self.taps.expand(c, 1, 4, 4), groups=c,
                         **self.options)


class Conv(nn.Conv2d):
  """Convolution with an equalised learning rate."""

  def __init__(self, *args, **kwargs):
    super().__init__(*args, **kwargs)
    nn.init.normal_(self.weight)
    self.scale = 1. / math.sqrt(self.weight[0].numel())

  def forward(self, x):
    """[b, c, h, w] -> [b, d, h', w']."""
    return self._conv_forward(x, self.weight * self.scale, self.bias)


class Dense(nn.Linear):
  """Affine map with an equalised learning rate."""

  def __init__(self, channels, features, rate=1., start=0.):
    super().__init__(channels, features)
    nn.init.normal_(self.weight, std=1. / rate)
    nn.init.constant_(self.bias, start)
    self.rate, self.scale = rate, rate / math.sqrt(channels)

  def forward(self, x):
    """[..., c] -> [..., d]."""
    return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class ModulatedConv(Conv):
  """Convolution whose kernel each image's style scales; may double the map."""

  def __init__(self, channels, features, latent, *, kernel=3, up=False,
               demodulate=True):
    super().__init__(channels, features, kernel, padding=kernel // 2)
    nn.init.zeros_(self.bias)
    self.style = Dense(latent, channels, start=1.)
    self.blur = Blur(1, gain=4.) if up else None
    self.demodulate = demodulate

  def forward(self, x, style):
    """[b, c, h, w], [b, latent] -> [b, d, h', w']."""
    style, weight = self.style(style), self.weight * self.scale
    x = x * style[:, :, None, None]
    if self.blur:
      x = self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
    else:
      x = self._conv_forward(x, weight, None)
    if self.demodulate:
      square = style.square() @ weight.square().sum((2, 3)).T
      x = x * torch.rsqrt(square + 1e-8)[:, :, None, None]
    return x + self.bias[:, None, None]


class StyledConv(nn.Module):
  """ModulatedConv, noise with a learned strength, activation."""

  def __init__(self, channels, features, latent, up=False):
    super().__init__()
    self.conv = ModulatedConv(channels, features, latent, up=up)
    self.noise_strength = nn.Parameter(torch.zeros(()))

  def forward(self, x, style):
    """As ModulatedConv."""
    x = self.conv(x, style)
    noise = draw.normal((len(x), *x.shape[2:], 1)).permute(0, 3, 1, 2)
    return activate(x + self.noise_strength * noise)


class UpBlock(nn.Module):
  """Doubles a map and the image of the output skips; the first does not."""

  def __init__(self, channels, features, latent, up):
    super().__init__()
    if up:
      self.conv_0 = StyledConv(channels, features, latent, up=True)
      self.enlarge = Blur(1, stride=2, up=True, gain=4.)
    self.up = up
    self.conv_1 = StyledConv(features, features, latent)
    self.to_rgb = ModulatedConv(features, 3, latent, kernel=1,
                                demodulate=False)

  def forward(self, x, image, styles):
    """styles: [b, 3, latent], of the first [b, 2, latent]."""
    if self.up:
      x = self.conv_0(x, styles[:, 0])
    x = self.conv_1(x, styles[:, -2])
    rgb = self.to_rgb(x, styles[:, -1])
    return x, rgb + self.enlarge(image) if self.up else rgb


class Mapping(nn.Module):
  """z [b, latent] -> style [b, latent]."""

  def __init__(self, latent, depth, rate):
    super().__init__()
    for i in range(depth):
      self.add_module(f'dense_{i}', Dense(latent, latent, rate))

  def forward(self, z):
    """Pixel norm, then layers."""
    z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
    for layer in self.children():
      z = activate(layer(z))
    return z


class Constant(nn.Module):
  """The learned map that every image starts from."""

  def __init__(self, features):
    super().__init__()
    self.const = nn.Parameter(torch.randn(features, 4, 4))

  def forward(self, b):
    """[b, features, 4, 4]."""
    return self.const.expand(b, -1, -1, -1)


class Generator(nn.Module):
  """[b, latent] -> [b, 3, size, size]."""

  def __init__(self, *, latent, width, most, size, depth, rate, mixing, **_):
    super().__init__()
    self.mixing = mixing
    self.mapping = Mapping(latent, depth, rate)
    widths = channels(size, width, most)
    self.input = Constant(widths[0])
    for i, features in enumerate(widths):
      self.add_module(f'block_{i}', UpBlock(widths[max(i - 1, 0)], features,
                                            latent, i > 0))
    self.blocks = len(widths)

  def forward(self, z):
    """Images, unbounded."""
    return self.synthesise(self.styles(z))

  def styles(self, z):
    """[b, latent] -> one style per layer, [b, layers, latent]."""
    layers = 2 * self.blocks
    styles = self.mapping(z)[:, None].expand(-1, layers, -1)
    if self.training and self.mixing and draw.uniform(()) < self.mixing:
      other = self.mapping(draw.normal(z.shape))[:, None]
      first = int(draw.integers((), 1, layers))
      styles = torch.cat([styles[:, :first],
                          other.expand(-1, layers - first, -1)], 1)
    return styles

  def synthesise(self, styles):
    """[b, layers, latent] -> images."""
    x, image = self.input(len(styles)), None
    for i in range(self.blocks):
      x, image = self.get_submodule(f'block_{i}')(
          x, image, styles[:, max(2 * i - 1, 0):2 * i + 2])
    return image


class DownBlock(nn.Module):
  """[b, c, h, w] -> [b, features, h/2, w/2]."""

  def __init__(self, c, features):
    super().__init__()
    self.conv_0 = Conv(c, c, 3, padding=1)
    self.conv_1 = Conv(c, features, 3, stride=2)
    self.skip = Conv(c, features, 1, bias=False)
    self.blur, self.halve = Blur(2), Blur(1, stride=2)

  def forward(self, x):
    """Two convolutions beside a 1 x 1 one."""
    h = activate(self.conv_1(self.blur(activate(self.conv_0(x)))))
    return (h + self.skip(self.halve(x))) / math.sqrt(2)


class Discriminator(nn.Module):
  """[b, 3, size, size] -> [b, 1]."""
  joint = False  # the deviation over a minibatch is among its features

  def __init__(self, *, width, most, size, group, **_):
    super().__init__()
    first, *widths = reversed(channels(size, width, most))
    self.from_rgb, self.group = Conv(3, first, 1), group
    for i, features in enumerate(widths):
      self.add_module(f'block_{i}', DownBlock(first, features))
      first = features
    self.blocks = len(widths)
    self.conv = Conv(first + 1, first, 3, padding=1)
    self.linear_0, self.linear_1 = Dense(16 * first, first), Dense(first, 1)

  def forward(self, x):
    """Logits."""
    x = activate(self.from_rgb(x))
    for i in range(self.blocks):
      x = self.get_submodule(f'block_{i}')(x)
    x = activate(self.conv(torch.cat([x, self.deviation(x)], 1)))
    x = x.permute(0, 2, 3, 1).flatten(1)
    return self.linear_1(activate(self.linear_0(x)))

  def deviation(self, x):
    """Mean standard deviation in groups, [b, 1, h, w]."""
    b, group = len(x), min(self.group, len(x))
    groups = x.reshape(group, b // group, *x.shape[1:])
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(group)[:, None, None, None].expand(
        -1, 1, *x.shape[2:])


def activate(x):
  """sqrt(2) leaky_relu(x, .2)."""
  return math.sqrt(2) * F.leaky_relu(x, .2)


def channels(size, width, most):
  """Of the maps of 4, 8, ..., size pixels."""
  return [min(most, width * 2**i) for i in range(size.bit_length() - 3, -1, -1)]
