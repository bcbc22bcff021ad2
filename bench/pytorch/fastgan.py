"""FastGAN (Liu et al., 2021), and its discriminator, at 64 pixels."""
import torch
from torch import nn
from torch.nn import functional as F

from bench.pytorch import draw
from bench.pytorch.layers import doubled, spectral

# Channels by the side of a map, for a width of 64.
_UP = {4: 1024, 8: 512, 16: 256, 32: 128, 64: 128}
_DECODER = {16: 128, 32: 64}


def conv(channels, features, kernel=3, stride=1, padding=None):
  """Normalised, without a bias."""
  padding = kernel // 2 if padding is None else padding
  return spectral(nn.Conv2d(channels, features, kernel, stride, padding,
                            bias=False))


class Noise(nn.Module):
  """Adds a map of noise with a learned weight, in training."""

  def __init__(self):
    super().__init__()
    self.weight = nn.Parameter(torch.zeros(()))

  def forward(self, x):
    """Keeps the shape."""
    if not self.training:
      return x
    noise = draw.normal((len(x), *x.shape[2:], 1)).permute(0, 3, 1, 2)
    return x + self.weight * noise


class UpBlock(nn.Module):
  """Doubles a map; of one convolution, or of two with noise."""

  def __init__(self, channels, features, noise=False):
    super().__init__()
    for i in range(2 if noise else 1):
      self.add_module(f'conv_{i}', conv(features if i else channels,
                                        2 * features))
      if noise:
        self.add_module(f'noise_{i}', Noise())
      self.add_module(f'norm_{i}', nn.BatchNorm2d(2 * features))

  def forward(self, x):
    """[b, c, h, w] -> [b, features, 2h, 2w]."""
    x = doubled(x)
    for layer in self.children():
      x = layer(x)
      if isinstance(layer, nn.BatchNorm2d):
        x = F.glu(x, 1)
    return x


class SkipExcitation(nn.Module):
  """Gates the channels of a large map by a small one."""

  def __init__(self, channels, features):
    super().__init__()
    self.conv_0 = conv(channels, features, 4, padding=0)
    self.conv_1 = conv(features, features, 1)

  def forward(self, big, small):
    """Keeps the shape of `big`."""
    x = F.silu(self.conv_0(F.adaptive_avg_pool2d(small, 4)))
    return big * torch.sigmoid(self.conv_1(x))


class Generator(nn.Module):
  """[b, latent] -> [b, 3, 64, 64], in training also [b, 3, 32, 32]."""

  def __init__(self, *, latent, width, **_):
    super().__init__()
    widths = {size: n * width // 64 for size, n in _UP.items()}
    self.stem = spectral(nn.ConvTranspose2d(latent, 2 * widths[4], 4,
                                            bias=False))
    self.norm = nn.BatchNorm2d(2 * widths[4])
    for size in (8, 16, 32, 64):
      self.add_module(f'block_{size}', UpBlock(
          widths[size // 2], widths[size], size in (8, 32)))
    self.skip_64 = SkipExcitation(widths[4], widths[64])
    self.to_rgb, self.to_side = conv(widths[64], 3), conv(widths[32], 3, 1)

  def forward(self, z):
    """Images, and in training smaller ones."""
    first = x = F.glu(self.norm(self.stem(z[:, :, None, None])), 1)
    for size in (8, 16, 32):
      x = self.get_submodule(f'block_{size}')(x)
    image = self.to_rgb(self.skip_64(self.block_64(x), first))
    if not self.training:
      return torch.tanh(image)
    return torch.tanh(image), torch.tanh(self.to_side(x))


class DownBlock(nn.Module):
  """Halves a map: the mean of two branches, or one convolution."""

  def __init__(self, channels, features, residual=True):
    super().__init__()
    self.residual = residual
    self.conv_0 = conv(channels, features, 4, 2, 1)
    self.norm_0 = nn.BatchNorm2d(features)
    if residual:
      self.conv_direct = conv(channels, features, 1)
      self.norm_direct = nn.BatchNorm2d(features)
      self.conv_1 = conv(features, features)
      self.norm_1 = nn.BatchNorm2d(features)

  def forward(self, x):
    """[b, c, h, w] -> [b, features, h/2, w/2]."""
    h = leaky(self.norm_0(self.conv_0(x)))
    if not self.residual:
      return h
    direct = leaky(self.norm_direct(self.conv_direct(F.avg_pool2d(x, 2))))
    return (leaky(self.norm_1(self.conv_1(h))) + direct) / 2


class Decoder(nn.Module):
  """[b, c, 8, 8] -> [b, 3, 32, 32]."""

  def __init__(self, channels, width):
    super().__init__()
    for size, n in _DECODER.items():
      self.add_module(f'block_{size}', UpBlock(channels, n * width // 64))
      channels = n * width // 64
    self.to_rgb = conv(channels, 3)

  def forward(self, x):
    """Images in [-1, 1]."""
    return torch.tanh(self.to_rgb(self.block_32(self.block_16(x))))


class Discriminator(nn.Module):
  """[b, 3, 64, 64] or a generator's pair -> [b, 50]."""
  joint = False

  def __init__(self, *, width, **_):
    super().__init__()
    large = {size: 4096 // size * width // 64 for size in (64, 32, 16, 8)}
    small = {size: 2048 // size * width // 64 for size in (16, 8)}
    self.from_rgb = conv(3, large[64])
    for size in (32, 16, 8):
      self.add_module(f'block_{size}', DownBlock(large[2 * size], large[size]))
    self.skip_8 = SkipExcitation(large[64], large[8])
    self.side_from_rgb = conv(3, small[16], 4, 2, 1)
    self.side_block_8 = DownBlock(small[16], small[8], residual=False)
    last = 1024 * width // 64
    self.conv_logits = conv(large[8], last, 1)
    self.norm_logits = nn.BatchNorm2d(last)
    self.logits = conv(last, 1, 4, padding=0)
    self.logits_side = conv(small[8], 1, 4, padding=0)
    self.decoder_image = Decoder(large[8], width)
    self.decoder_side = Decoder(small[8], width)
    self.decoder_part = Decoder(large[16], width)

  def forward(self, x, decode=False):
    """Logits, and with `decode` also [(reconstruction, target)]."""
    image, small = x if isinstance(x, tuple) else (x, x[:, :, ::2, ::2])
    first = leaky(self.from_rgb(image))
    middle = self.block_16(self.block_32(first))
    last = self.skip_8(self.block_8(middle), first)
    side = self.side_block_8(leaky(self.side_from_rgb(small)))
    h = leaky(self.norm_logits(self.conv_logits(last)))
    logits = torch.cat([self.logits(h).flatten(1),
                        self.logits_side(side).flatten(1)], 1)
    if not decode:
      return logits
    part = int(draw.integers((), 0, 4))
    return logits, [
        (self.decoder_image(last), small), (self.decoder_side(side), small),
        (self.decoder_part(quarter(middle, part)), quarter(image, part))]


def leaky(x):
  """The discriminator's activation."""
  return F.leaky_relu(x, .2)


def quarter(x, index):
  """Quarter 0 to 3, row by row."""
  return x.chunk(2, 2)[index // 2].chunk(2, 3)[index % 2]
