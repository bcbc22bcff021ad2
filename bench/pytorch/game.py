"""What the games of all methods share: updates, real images, a comparison."""
import contextlib
import importlib
import statistics
import time
from unittest import mock

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench import draws, worker
from bench.pytorch import draw
from bench.pytorch.layers import LAYOUT

# What jgan does not hand over: every forward in training makes its own.
_MADE_ANEW = ('.weight_v', '.running_mean', '.running_var',
              '.num_batches_tracked')
# How the hook of spectral norms renames what it divides.
_DIVIDED = '_orig'


class Game(worker.Timed):
  """Two players with their optimizers.

  Subclasses have step(number), which trains and returns losses under jgan's
  names of them, and objectives(): {name: (function (real, z) -> scalar, whose
  parameters it is for)}.

  Attributes:
    config: of jgan, as JSON has it.
    gen, disc: networks; the logits of what is searched are their `arch`.
    tx: {player or player_arch: optimizer}.
    images: a batch of them, uint8 [b, 3, h, w].
  """

  def __init__(self, config, cycle):
    self.config, self.cycle = config, cycle
    size = config['data']['size']
    self.gen = build(config, 'Generator', size)
    self.disc = build(config, 'Discriminator', size)
    self.latent = config['generator']['latent']
    self.images = torch.randint(
        0, 256, (config['batch'], 3, size, size), dtype=torch.uint8).contiguous(
            memory_format=LAYOUT)
    self.ema = [p.detach().clone() for p in self.gen.parameters()]
    self.tx = {}
    for player in ('gen', 'disc'):
      weights, arch = weights_and_logits(getattr(self, player))
      self.tx[player] = self.adam(player, weights)
      if arch:
        method = config['method']
        self.tx[f'{player}_arch'] = adam(
            arch, method['arch_lr'], (method['arch_b1'], method['arch_b2']),
            method['arch_weight_decay'])

  def adam(self, player, weights):
    """The optimizer that the config has for a player."""
    section = self.config['optimizer'][player]
    return adam(weights, section['lr'], (section['b1'], section['b2']))

  def real(self):
    """Images in [-1, 1]."""
    return (self.images.float() - 127.5) / 127.5

  def noise(self, n):
    """[n, latent]."""
    return draw.normal((n, self.latent))

  def average(self):
    """Moves the averaged generator."""
    with torch.no_grad():
      torch._foreach_lerp_(self.ema, list(self.gen.parameters()),
                           1. - self.config['ema']['decay'])

  def wait(self):
    """Until all is computed."""
    if self.images.is_cuda:
      torch.cuda.synchronize()

  def size(self):
    """Number of parameters, and {player: MACs of an image's forward pass}."""
    nets = {'gen': self.gen, 'disc': self.disc}
    inputs = {'gen': self.noise(1), 'disc': self.real()[:1]}
    return (sum(p.numel() for net in nets.values() for p in net.parameters()),
            {player: macs(net, inputs[player]) for player, net in nets.items()})

  def parts(self, count):
    """{objective: seconds of its gradient}, medians of `count`."""
    real, z, found = self.real(), self.noise(len(self.images)), {}
    for name in self.objectives():
      times = []
      for _ in range(count + 1):
        began = time.perf_counter()
        self._gradient(name, real, z)
        self.wait()
        times.append(time.perf_counter() - began)
      found[name] = statistics.median(times[1:])
    return found

  def compare(self, given, results):
    """Computes with weights from jgan what it computed too.

    given: path of a npz file: 'gen/NAME' and 'disc/NAME' are parameters in
      jgan's layout, 'real' images in [-1, 1] or beyond, 'images' as bytes.
    results: path to which images, logits, losses and gradients are written,
      and the losses of two whole steps.
    """
    given = {name: torch.from_numpy(x) for name, x in np.load(given).items()}
    real = given['real'].permute(0, 3, 1, 2).contiguous(memory_format=LAYOUT)
    self.images = given['images'].permute(0, 3, 1, 2).contiguous(
        memory_format=LAYOUT)
    tensor = lambda function: lambda *args: torch.from_numpy(
        np.asarray(function(*args)))
    with mock.patch.multiple(draw, **{
        name: tensor(getattr(draws, name))
        for name in ('normal', 'uniform', 'integers', 'gumbel')}):
      z = self.noise(len(real))
      self._take(given)
      with torch.no_grad():
        images = self.gen(z)
        images = images[0] if isinstance(images, tuple) else images
        found = {'images': images.permute(0, 2, 3, 1),
                 'logits': self.disc(real)}
      for name, (_, player) in self.objectives().items():
        self._take(given)
        loss, gradients = self._gradient(name, real, z)
        found[f'{name}/loss'] = loss
        net = getattr(self, player)
        found |= {f'{name}/gradient/{key.removesuffix(_DIVIDED)}':
                  to_jgan(net, key, x) for key, x in gradients.items()}
      self._take(given)
      for number in range(2):
        found |= {f'step/{number}/{key}': value
                  for key, value in self.step(number).items()}
    np.savez(results, **{name: x.detach().numpy()
                         for name, x in found.items()})

  def _gradient(self, name, real, z):
    """The loss, and {parameter: gradient}."""
    objective, player = self.objectives()[name]
    weights, arch = weights_and_logits(getattr(self, player))
    wanted = dict(arch if name.endswith('arch') else weights)
    loss = objective(real, z)
    gradients = torch.autograd.grad(loss, list(wanted.values()),
                                    allow_unused=True)
    return loss, {key: x for key, x in zip(wanted, gradients)
                  if x is not None}

  def _take(self, given):
    for player in ('gen', 'disc'):
      net = getattr(self, player)
      state = net.state_dict()
      mine = {name.removeprefix(f'{player}/'): x for name, x in given.items()
              if name.startswith(f'{player}/')}
      mine = {key + _DIVIDED if key + _DIVIDED in state else key: x
              for key, x in mine.items()}
      wrong = [name for name in state.keys() ^ mine.keys()
               if not name.endswith(_MADE_ANEW)]
      if wrong:
        raise ValueError(f'{player}: only one side has {sorted(wrong)}')
      state.update({key: from_jgan(net, key, x) for key, x in mine.items()})
      net.load_state_dict(state)


def build(config, kind, size):
  """The Generator or Discriminator of a config: bench/pytorch/MODEL.py."""
  section = config[kind.lower()]
  module = importlib.import_module(f"bench.pytorch.{section['name']}")
  return getattr(module, kind)(**{**section, 'size': size}).to(
      memory_format=LAYOUT)


def weights_and_logits(net):
  """Splits named parameters in two lists."""
  named = list(net.named_parameters())
  return ([item for item in named if not item[0].startswith('arch.')],
          [item for item in named if item[0].startswith('arch.')])


def adam(named, lr, betas, weight_decay=0.):
  """PyTorch's fastest Adam."""
  return torch.optim.Adam([p for _, p in named], lr, betas,
                          weight_decay=weight_decay, fused=True)


def descend(optimizer, loss):
  """One step, with the gradient of what the optimizer holds and no other."""
  held = [p for group in optimizer.param_groups for p in group['params']]
  optimizer.zero_grad()
  loss.backward(inputs=held)
  optimizer.step()


@contextlib.contextmanager
def frozen(net):
  """The network's parameters get no gradients by what is computed here."""
  net.requires_grad_(False)
  yield
  net.requires_grad_(True)


@contextlib.contextmanager
def unmoved(net):
  """Puts the vectors of spectral normalisation back at the end."""
  before = {name: x.clone() for name, x in net.named_buffers()}
  yield
  for name, x in net.named_buffers():
    x.copy_(before[name])


def macs(net, x):
  """Multiply-adds of convolutions and matrix products for one input [1, ...].

  Products of parameters alone are in both counts whose difference this is.
  Filters without parameters, modules named 'blur', 'enlarge' or 'halve', are
  no layers.
  """
  net.eval()
  totals = []
  for n in (1, 2):
    # The counter looks for the graph of what could have gradients.
    with frozen(net), FlopCounterMode(display=False) as counter:
      net(torch.cat([x] * n))
    by_module = counter.get_flop_counts()
    filters = sum(sum(counts.values()) for name, counts in by_module.items()
                  if name.split('.')[-1] in ('blur', 'enlarge', 'halve'))
    totals.append(counter.get_total_flops() - filters)
  net.train()
  return (totals[1] - totals[0]) // 2


def from_jgan(net, name, x):
  """An array of jgan in PyTorch's layout."""
  axes = _axes(net, name, x.ndim)
  return x.permute(axes) if axes else x


def to_jgan(net, name, x):
  """The inverse of `from_jgan`."""
  axes = _axes(net, name, x.ndim)
  return x.permute([*np.argsort(axes)]) if axes else x


def _axes(net, name, ndim):
  """jgan's axis of each of PyTorch's; None: they are the same."""
  module = net.get_submodule(name.rpartition('.')[0])
  if name.startswith('arch.') or ndim < 2:
    return None
  if isinstance(module, nn.ConvTranspose2d):
    return 2, 3, 0, 1
  return {2: (1, 0), 3: (2, 0, 1), 4: (3, 2, 0, 1)}[ndim]
