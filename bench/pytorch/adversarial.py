"""Plain GAN training: one update of D, then one of G, with penalties.

Penalties that jgan sets apart (config.lazy) have updates of their own.
"""
import functools
import math

import torch
from torch.nn import functional as F

from bench.pytorch import draw, losses
from bench.pytorch.diffaugment import augment
from bench.pytorch.game import Game as Base
from bench.pytorch.game import descend, frozen


class Game(Base):
  """Its step, for any networks."""

  def __init__(self, config, cycle):
    super().__init__(config, cycle)
    self.disc_value, self.gen_value = losses.find(config['loss'])
    self.paired = config['loss']['name'] in losses.PAIRED
    self.shared = config['gen_noise'] == 'shared'
    self.penalties = {p['name']: p for p in config['penalties']}
    self.lengths = torch.zeros(())  # the running mean of path lengths
    self.augment = functools.partial(augment, config['augment'])

  def step(self, number):
    """Trains; returns losses, under jgan's names of them."""
    real = self.real()
    if self.shared:
      fake = self.gen(self.noise(len(real)))
    else:
      with torch.no_grad():
        fake = self.gen(self.noise(len(real)))
    terms = self.disc_terms(real, detached(fake), apart=False)
    descend(self.tx['disc'], sum(terms.values()))
    found = {f'disc/{name}': x.detach() for name, x in terms.items()}
    if self.due('r1', number):
      self.update_apart(found, 'disc', 'r1', self.r1(real))
    if not self.shared:
      fake = self.gen(self.noise(len(real)))
    terms = {'loss': self.gen_loss(real, fake)}
    descend(self.tx['gen'], terms['loss'])
    found |= {'gen/loss': terms['loss'].detach()}
    if self.due('path_length', number):
      value = self.path_length(self.noise(len(real)))
      self.update_apart(found, 'gen', 'path_length', value)
    self.average()
    return found

  def due(self, name, number):
    """Whether a penalty has an update of its own in this step."""
    every = self.penalties.get(name, {}).get('every', 1)
    return every > 1 and number % every == 0

  def update_apart(self, found, player, name, value):
    """The update of a penalty, times the steps that it stands for."""
    value = self.penalties[name]['every'] * value
    descend(self.tx[player], value)
    found[f'{player}/{name}'] = value.detach()

  def objectives(self):
    """{name: (function (real, z) -> scalar, whose parameters it is for)}.

    With all penalties, each once.
    """
    def disc(real, z):
      with torch.no_grad():
        fake = self.gen(z)
      return sum(self.disc_terms(real, fake, apart=True).values())

    def gen(real, z):
      loss = self.gen_loss(real, self.gen(z))
      if 'path_length' in self.penalties:
        before = self.lengths
        loss = loss + self.path_length(z)
        self.lengths = before  # an objective is no step
      return loss

    return {'disc': (disc, 'disc'), 'gen': (gen, 'gen')}

  def disc_terms(self, real, fake, *, apart):
    """{'loss', penalty: term of D's}; apart: with those of updates apart."""
    seen, fake = self.augment(real), self.augment(fake)
    terms = {}
    slope = self.penalties.get('r1', {}).get('every') == 1
    if slope:
      seen.requires_grad_()
    if 'reconstruction' in self.penalties:
      of_real, pairs = self.disc(seen, decode=True)
      terms['reconstruction'] = len(real) * sum(
          map(distance, *zip(*pairs)))
      of_fake = self.disc(fake)
    elif self.disc.joint and not slope:
      of_real, of_fake = self.disc(torch.cat([seen, fake])).chunk(2)
    else:
      of_real, of_fake = self.disc(seen), self.disc(fake)
    terms['loss'] = self.disc_value(of_real, of_fake)
    if slope:
      terms['r1'] = self.slope(of_real, seen)
    elif apart and 'r1' in self.penalties:
      terms['r1'] = self.r1(seen.detach())
    if 'gradient' in self.penalties:
      terms['gradient'] = self.gradient(real, fake)
    return terms

  def gen_loss(self, real, fake):
    """The loss of G's, of its images."""
    of_real = None
    if self.paired:
      with torch.no_grad():
        of_real = self.disc(self.augment(real))
    with frozen(self.disc):
      return self.gen_value(of_real, self.disc(self.augment(fake)))

  def r1(self, real):
    """R1 (Mescheder et al., 2018) by a forward pass of its own."""
    real = real.clone().requires_grad_()
    return self.slope(self.disc(real), real)

  def slope(self, logits, images):
    """R1 of logits that are computed."""
    gradient, = torch.autograd.grad(logits.sum(), images, create_graph=True)
    gamma = self.penalties['r1']['gamma']
    return gamma / 2. * gradient.square().sum((1, 2, 3)).mean()

  def gradient(self, real, fake):
    """The penalty of WGAN-GP (Gulrajani et al., 2017)."""
    between = torch.lerp(real, fake, draw.uniform((len(real), 1, 1, 1)))
    between.requires_grad_()
    gradient, = torch.autograd.grad(self.disc(between).sum(), between,
                                    create_graph=True)
    norm = gradient.square().sum((1, 2, 3)).sqrt()
    return self.penalties['gradient']['weight'] * (norm - 1.).square().mean()

  def path_length(self, z):
    """Path length regularisation (Karras et al., 2020)."""
    section = self.penalties['path_length']
    styles = self.gen.styles(z[::section['shrink']])
    images = self.gen.synthesise(styles)
    b, c, h, w = images.shape
    y = draw.normal((b, h, w, c)).permute(0, 3, 1, 2) / math.sqrt(h * w)
    gradient, = torch.autograd.grad((images * y).sum(), styles,
                                    create_graph=True)
    lengths = (gradient.square().sum(2).mean(1) + 1e-12).sqrt()
    mean = torch.lerp(self.lengths, lengths.float().mean(), section['decay'])
    self.lengths = mean.detach()
    return section['weight'] * (lengths - mean).square().mean()


def detached(images):
  """Without the generator's graph."""
  if isinstance(images, tuple):
    return tuple(x.detach() for x in images)
  return images.detach()


def distance(x, y):
  """Of images, the mean over four scales of what is averaged in squares."""
  return sum(F.avg_pool2d(x - y, k).abs().mean() for k in (1, 2, 4, 8)) / 4
