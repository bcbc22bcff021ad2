"""The search of alphaGAN (Tian et al., 2020, Algorithm 1), one update of each
kind: weights of both players, then copies of them that train against the other
as it stands, then the logits, which see the copied discriminator.
"""
import torch
from torch.nn import functional as F

from bench.pytorch import losses
from bench.pytorch.game import Game as Base
from bench.pytorch.game import build, descend, frozen, weights_and_logits


class Game(Base):
  """Its outer iteration."""

  def __init__(self, config, cycle):
    super().__init__(config, cycle)
    size = config['data']['size']
    self.copies = {'gen': build(config, 'Generator', size),
                   'disc': build(config, 'Discriminator', size)}
    self.disc_value, self.gen_value = losses.find(config['loss'])

  def step(self, number):
    """Trains; returns losses, under jgan's names of them."""
    del number
    real, n = self.real(), len(self.images)
    found = {'disc/loss': self.disc_weights(real, self.noise(n))}
    descend(self.tx['disc'], found['disc/loss'])
    found['gen/loss'] = self.gen_weights(real, self.noise(n))
    descend(self.tx['gen'], found['gen/loss'])
    self.average()
    # Their copies go on from where the players are, with new optimizers.
    gen, disc = self.gen, self.disc
    best_gen, best_disc = self.copies['gen'], self.copies['disc']
    best_gen.load_state_dict(gen.state_dict())
    best_disc.load_state_dict(disc.state_dict())
    self.disc = best_disc
    found['dbar/loss'] = self.disc_weights(real, self.noise(n))
    descend(self._new_optimizer('disc', best_disc), found['dbar/loss'])
    self.gen, self.disc = best_gen, disc
    found['gbar/loss'] = self.gen_weights(real, self.noise(n))
    descend(self._new_optimizer('gen', best_gen), found['gbar/loss'])
    self.gen, self.disc = gen, best_disc
    descend(self.tx['gen_arch'], self.gen_arch(real, self.noise(n)))
    self.disc = disc
    return {name: x.detach() for name, x in found.items()}

  def objectives(self):
    """{name: (function (real, z) -> scalar, whose parameters it is for)}."""
    return {'disc': (self.disc_weights, 'disc'),
            'gen': (self.gen_weights, 'gen'),
            'gen_arch': (self.gen_arch, 'gen')}

  def disc_weights(self, real, z):
    """The loss of D, and of its copy."""
    with torch.no_grad():
      fake = self.gen(z)
    return self.disc_value(*self.disc(torch.cat([real, fake])).chunk(2))

  def gen_weights(self, real, z):
    """The loss of G, and of its copy."""
    with frozen(self.disc):
      return self.gen_value(real, self.disc(self.gen(z)))

  def gen_arch(self, real, z):
    """What of the duality gap depends on the logits."""
    del real
    with frozen(self.disc):
      return -F.relu(1. + self.disc(self.gen(z))).mean()

  def _new_optimizer(self, player, net):
    return self.adam(player, weights_and_logits(net)[0])
