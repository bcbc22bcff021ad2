"""The search of MMD-AdversarialNAS (Pulakurthi et al., 2024), one critic."""
import torch

from bench.pytorch import losses
from bench.pytorch.game import Game as Base
from bench.pytorch.game import descend, frozen, unmoved


class Game(Base):
  """D's logits and weights, then G's: each on a half of the batch."""

  def __init__(self, config, cycle):
    super().__init__(config, cycle)
    arch = {'name': config['method']['arch_loss']}
    self.values = {}
    for kind, section in (('', config['loss']), ('_arch', arch)):
      disc, gen = losses.find(section)
      self.values |= {f'disc{kind}': disc, f'gen{kind}': gen}

  def step(self, number):
    """Trains; returns losses, under jgan's names of them."""
    del number
    real = self.real()
    train, held = real[::2], real[1::2]
    half, whole = len(train), len(real)
    found = {}
    for name, images, player, count in (
        ('disc_arch', held, 'arch_disc', half),
        ('disc', train, 'disc', half),
        ('gen_arch', train, 'arch_gen', whole), ('gen', train, 'gen', whole)):
      objective, _ = self.objectives()[name]
      loss = objective(images, self.noise(count))
      descend(self.tx[name], loss)
      found[f'{player}/loss'] = loss.detach()
    self.average()
    return found

  def objectives(self):
    """{name: (function (real, z) -> scalar, whose parameters it is for)}."""
    return {'disc_arch': (self.of_disc('disc_arch'), 'disc'),
            'disc': (self.of_disc('disc'), 'disc'),
            'gen_arch': (self.gen_arch, 'gen'),
            'gen': (self.gen_weights, 'gen')}

  def of_disc(self, name):
    """The objective of D's logits or weights."""
    def objective(real, z):
      with torch.no_grad():
        fake = self.gen(z)
      outputs = self.disc(torch.cat([real, fake]))
      return self.values[name](outputs[:len(real)], outputs[len(real):])
    return objective

  def gen_arch(self, real, z):
    """The loss of G's logits."""
    with frozen(self.disc):
      return self.values['gen_arch'](real, self.disc(self.gen(z)))

  def gen_weights(self, real, z):
    """The loss of G's weights; that of the reals leaves no trace in D."""
    with torch.no_grad(), unmoved(self.disc):
      real = self.disc(real)
    with frozen(self.disc):
      return self.values['gen'](real, self.disc(self.gen(z)))
