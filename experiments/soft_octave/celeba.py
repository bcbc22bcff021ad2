"""Soft octave GANs on CelebA at 128 x 128; `:ROW` is GAME_CONVOLUTION.

Durall et al. (2021): 50 epochs of 3,165 batches, FID of 10k fakes after each.
Games: dcgan, lsgan (Adam 2e-4, 1:1), wgan (as in the authors' code: RMSprop
5e-5, five critics, weights in [-.05, .05]), wgan_paper (the same bound, Adam
2e-4, 1:1). Convolutions: plain; oct (half of the channels low), low (.99 of
them); ramp and combi, which weigh the bands of oct in the course of a run.
The paper has curves, no tables: FID of dcgan_plain falls to about 18 in epoch
11 and is above 100 after 30; that of dcgan_oct ends at 24 to 28. The code also
has 20 critics at the first 50 and at every 500th generator step; here not. One
accelerator.

python -m jgan.main --config=experiments/soft_octave/celeba.py:dcgan_combi \
  --workdir=runs/dcgan_combi --data_dir=DATA
python -m jgan.main --mode=report --runs=runs/dcgan_plain,runs/dcgan_combi \
  --out=runs/report

--config.data.frame=crop takes the central square instead of squashing faces.
"""
from jgan import config as configs

ADAM = {'name': 'adam', 'lr': 2e-4, 'b1': .5, 'b2': .999}
GAMES = {
    'dcgan': {'loss': 'nonsaturating'},
    'lsgan': {'loss': 'leastsquares'},
    'wgan': {'loss': 'wasserstein', 'critics': 5, 'clip_weight': .05,
             'optimizer': {'name': 'rmsprop', 'lr': 5e-5}},
    'wgan_paper': {'loss': 'wasserstein', 'clip_weight': .05},
}
# The share of low channels, and the curve of the bands' weights.
CONVOLUTIONS = {
    'plain': (0., ''),
    'oct': (.5, ''),
    'low': (.99, ''),
    'ramp': (.5, 'ramp'),
    'combi': (.5, 'combi'),
}


def rows(games):
  """{'GAME_CONVOLUTION': (game, convolution)}, all pairs."""
  return {f'{game}_{convolution}': (game, convolution)
          for game in games for convolution in CONVOLUTIONS}


ROWS = rows(GAMES)


def get_config(form=None):
  """One row, dcgan_plain without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  game, convolution = ROWS[row]
  c = base(convolution, batches=3165, size=128, **GAMES[game])
  c.data = {'name': 'celeba', 'size': 128}
  return small(c, form)


def base(convolution, *, batches, size, loss, critics=1, clip_weight=0.,
         optimizer=ADAM):
  """What all rows share.

  Args:
    convolution: a name in CONVOLUTIONS.
    batches: of 64 real images in an epoch.
    size: of the images; 512 channels at 4 x 4 pixels, half with each doubling.
    loss, critics, clip_weight, optimizer: of the game.
  """
  epoch = batches // critics  # generator steps
  c = configs.base()
  c.platform = 'accelerator'
  c.steps, c.batch, c.critics = 50 * epoch, 64, critics
  c.generator = {'name': 'dcgan', 'latent': 100, 'width': 4096 // size}
  c.discriminator = {'name': 'dcgan', 'width': 4096 // size}
  c.loss = {'name': loss}
  for player in ('gen', 'disc'):
    c.optimizer[player].update(optimizer)
  c.optimizer.disc.clip_weight = clip_weight
  convolve(c, convolution, epoch)
  return score(c, epoch)


def convolve(c, convolution, epoch, disc='octave'):
  """Gives both players their convolutions, weighted anew in each epoch.

  epoch: generator steps.
  disc: the discriminator's octave convolution, 'octave_spectral' of one that
    is normalised.
  """
  alpha, curve = CONVOLUTIONS[convolution]
  if alpha:
    c.generator.conv = {'name': 'octave', 'alpha': alpha}
    c.discriminator.conv = {'name': disc, 'alpha': alpha}
  if curve:
    c.schedules = ({'name': 'octave', 'curve': curve, 'every': epoch},)


def score(c, every):
  """FID, the mean spectra and their bands, so many steps apart."""
  c.eval.update({'every': every, 'network': 'inception', 'samples': 10000,
                 'metrics': ('fd', 'spectrum', 'spectrum_bands'),
                 'reals': 10000})
  c.checkpoint.update({'every': every, 'best': 'eval/FID'})
  c.samples.every = every
  return c


def small(c, form):
  """The `:smoke` form: narrow networks, epochs of one step."""
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'gen_batch': 8, 'critics': 1, 'log.every': 1,
      'generator.width': 8, 'discriminator.width': 8, 'samples.every': 2,
      'samples.count': 16, 'checkpoint.every': 2,
      'checkpoint.best': 'eval/fd_pixels', 'eval.every': 2,
      'eval.metrics': ('fd_pixels', 'spectrum', 'spectrum_bands'),
      'eval.network': '', 'eval.samples': 64, 'eval.reals': 256,
      'schedules': tuple({**x, 'every': 1} for x in c.schedules)}, 32)
