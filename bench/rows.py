"""The training steps that bench.torch times: configs of jgan by row.

They are the papers' networks and optimizers with one discriminator update per
step, in batches that suit a CPU. Images are random bytes.
"""
import math

from experiments.alphagan import search as alphagan
from experiments.dcgan import celeba as dcgan
from experiments.mmd_nas import cifar10_large, search_cifar10
from experiments.re_gan import fastgan, stylegan2
from experiments.sngan import cifar10 as sngan
from jgan import config as configs
from jgan import genotype as genotypes

# Times the batch on an accelerator.
ACCELERATED = 8
# Kinds of steps that one turn of a method consists of; others have one.
TURNS = {'alpha_search': ('both', 'stars', 'dbar', 'gbar', 'alpha')}


def _sngan(gen, disc):
  """Hinge loss; widths of both players."""
  c = sngan.base()
  c.generator = {'name': 'sngan', 'width': gen}
  c.discriminator = {'name': 'sngan', 'width': disc}
  c.ema.decay = .999
  return c


def _sloped(loss, penalty):
  """The same networks, 128 wide, with a penalty instead of spectral norms."""
  c = _sngan(128, 128)
  c.discriminator.update({'conv': 'plain', 'dense': 'plain'})
  c.loss = {'name': loss}
  c.penalties = (penalty,)
  return c


def _dcgan():
  """Radford et al.'s: 512-256-128-64 channels, 4 x 4, stride 2."""
  c = dcgan.base()
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'dcgan_deconv', 'width': 64}
  return c


def _alphagan():
  """One update of each kind; 64 channels."""
  c = alphagan.base()
  c.generator.width = c.discriminator.width = 64
  c.method.update({'weight_steps': 1, 'star_steps': 1, 'arch_steps': 1})
  return c


def _stylegan2():
  """128 channels at full size, R1 at every 16th step and path lengths at every
  4th, both in updates of their own.
  """
  return stylegan2.base({'name': 'cifar10'}, width=128)


def _fastgan():
  """Half the published width, else as published, with images of 64 pixels."""
  c = fastgan.base()
  c.generator.width = c.discriminator.width = 32
  return c


# {row: (config, batch, side of the images)}.
ROWS = {
    'sngan-32 256/128': (lambda: _sngan(256, 128), 16, 32),
    'sngan-32 64/64': (lambda: _sngan(64, 64), 16, 32),
    'r1-32': (lambda: _sloped('nonsaturating', {
        'name': 'r1', 'gamma': 10.}), 8, 32),
    'wgan_gp-32': (lambda: _sloped('wasserstein', {
        'name': 'gradient', 'weight': 10.}), 8, 32),
    'dcgan-64': (_dcgan, 16, 64),
    'mmd_nas large': (cifar10_large.base, 4, 32),
    'mmd_nas small': (lambda: cifar10_large.base(width=128, rank=128), 4, 32),
    'adversarial_nas search': (search_cifar10.base, 4, 32),
    'alphagan search': (_alphagan, 16, 32),
    'stylegan2-32': (_stylegan2, 8, 32),
    'fastgan-64': (_fastgan, 8, 64),
}


def config(name, *, times=1, small=False):
  """The completed config of a row.

  times: the batch, as a multiple of the row's.
  small: narrow networks and four images, to compare values.
  """
  make, batch, size = ROWS[name]
  c = make()
  c.data = {'name': 'image_folder', 'size': size}  # which is not read
  c.platform = 'any'
  c.eval.every, c.checkpoint.best, c.feedback = 0, '', ()
  c.pipeline.update({'flip': False, 'dequantize': False})
  c.batch, c.gen_batch, c.critics = 4 if small else times * batch, 0, 1
  if small:
    for player in (c.generator, c.discriminator):
      player.width = 8
      if player.name == 'stylegan2':
        player.most = 16
    if c.generator.name == 'stylegan2':
      c.generator.update({'latent': 16, 'depth': 2})
  return configs.complete(c)


def plain(config):
  """The config as JSON types; a genotype is written out."""
  found = configs.plain(config)
  section = found['generator']
  if 'genotype' in section:
    section['genotype'] = genotypes.of_space(
        section['genotype'], section['name'], 'generator')
  return found


def cycle(config):
  """Steps that stand for all: [(step number, share of steps like it)].

  Steps differ in which lazy penalties are due.
  """
  every = [p.every for p in config.penalties if p.get('every', 1) > 1]
  length = math.lcm(*every)
  kinds = {}
  for step in range(length):
    due = tuple(step % n == 0 for n in every)
    number, share = kinds.get(due, (step, 0.))
    kinds[due] = number, share + 1 / length
  return [*kinds.values()]
