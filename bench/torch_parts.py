"""What the PyTorch sides of the searches share: layers, updates, a check.

Modules have the names that jgan's have, and the layers of an operation run
one by one. Memory is laid out channels last, in which PyTorch is faster on a
CPU.
"""
import contextlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

LAYOUT = torch.channels_last
# What jgan does not hand over: every forward in training makes its own.
_MADE_ANEW = ('.weight_v', '.running_mean', '.running_var',
              '.num_batches_tracked')


class ReluConv(nn.Conv2d):
  """A ReLU, then a convolution that keeps the size, or halves it."""

  def __init__(self, channels, features, size, *, dilation=1, **kwargs):
    super().__init__(channels, features, size, dilation=dilation,
                     padding=dilation * (size // 2), **kwargs)

  def forward(self, x):
    """[b, channels, h, w] -> [b, features, h', w']."""
    return super().forward(F.relu(x))


class Edge(nn.ModuleDict):
  """The weighted sum of operations."""

  def forward(self, x, weights):
    """weights: [operations], or more, of which the last are not used."""
    return sum(weight * op(x) for weight, op in zip(weights, self.values()))


class Stem(nn.Linear):
  """Noise [b, n] -> the first map [b, width, side, side]."""

  def __init__(self, latent, side, width):
    super().__init__(latent, side * side * width)
    self.shape = side, side, width

  def forward(self, z):
    """Laid out channels last, as jgan's map is."""
    return super().forward(z).view(-1, *self.shape).permute(0, 3, 1, 2)


class Game:
  """Two players with their optimizers; subclasses say what a step is.

  Attributes:
    gen, disc: networks; the logits of what is searched are their `arch`.
    latent: of the noise.
    images: a batch of them, [b, 3, 32, 32].
  """

  def __init__(self, gen, disc, *, latent, batch):
    self.gen = gen.to(memory_format=LAYOUT)
    self.disc = disc.to(memory_format=LAYOUT)
    self.latent = latent
    self.images = torch.rand(batch, 3, 32, 32).mul_(2).sub_(1).contiguous(
        memory_format=LAYOUT)
    self.ema = [p.detach().clone() for p in gen.parameters()]

  def noise(self, n):
    """[n, latent]."""
    return torch.randn(n, self.latent)

  def average(self, decay=.999):
    """Moves the averaged generator."""
    with torch.no_grad():
      torch._foreach_lerp_(self.ema, list(self.gen.parameters()), 1. - decay)

  def compare(self, given, results):
    """Computes with weights from jgan what it computed too.

    given: path of a npz file: 'gen/NAME' and 'disc/NAME' are parameters,
      'images' and 'noise' what they are fed.
    results: path to which images, logits, losses and gradients are written.
    """
    given = {name: torch.from_numpy(x) for name, x in np.load(given).items()}
    real = given['images'].permute(0, 3, 1, 2)
    noise, half = given['noise'], given['noise'][:len(real)]
    self._take(given)
    with torch.no_grad():
      found = {'images': self.gen(noise).permute(0, 2, 3, 1),
               'logits': self.disc(real)}
    for name, (objective, player) in self.objectives().items():
      self._take(given)
      loss = objective(real, half if player == 'disc' else noise)
      wanted = weights_and_logits(getattr(self, player))
      wanted = dict(wanted[1] if name.endswith('arch') else wanted[0])
      loss.backward(inputs=list(wanted.values()))
      found[f'{name}/loss'] = loss.detach()
      found |= {f'{name}/gradient/{key}': x.grad for key, x in wanted.items()
                if x.grad is not None}
    np.savez(results, **{name: x.numpy() for name, x in found.items()})

  def _take(self, given):
    for player in ('gen', 'disc'):
      net = getattr(self, player)
      net.zero_grad()
      state = net.state_dict()
      mine = {name.removeprefix(f'{player}/'): x for name, x in given.items()
              if name.startswith(f'{player}/')}
      wrong = [name for name in state.keys() ^ mine.keys()
               if not name.endswith(_MADE_ANEW)]
      if wrong:
        raise ValueError(f'{player}: only one side has {sorted(wrong)}')
      state.update(mine)
      net.load_state_dict(state)


def weights_and_logits(net):
  """Splits named parameters in two lists."""
  named = list(net.named_parameters())
  return ([item for item in named if not item[0].startswith('arch.')],
          [item for item in named if item[0].startswith('arch.')])


def adam(named, lr, betas, weight_decay=0.):
  """PyTorch's fastest Adam on a CPU."""
  return torch.optim.Adam([p for _, p in named], lr, betas,
                          weight_decay=weight_decay, fused=True)


def descend(optimizer, loss):
  """One step, with the gradient of what the optimizer holds and no other."""
  held = [p for group in optimizer.param_groups for p in group['params']]
  optimizer.zero_grad()
  loss.backward(inputs=held)
  optimizer.step()


def spectral(layer):
  """The original's spectral normalisation, by a hook."""
  return nn.utils.spectral_norm(layer)


@contextlib.contextmanager
def unmoved(net):
  """Puts the vectors of spectral normalisation back at the end."""
  before = {name: x.clone() for name, x in net.named_buffers()}
  yield
  for name, x in net.named_buffers():
    x.copy_(before[name])


def hinge(real, fake):
  """The discriminator's hinge loss of logits [b, 1]."""
  return F.relu(1. - real).mean() + F.relu(1. + fake).mean()
