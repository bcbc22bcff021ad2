"""GAN-SDP on CIFAR-10; `:ROW` is a row of the paper's table I.

Sample differences penalization (Zhang et al.): 100k steps, batch 64, each game
with (_sdp) and without it. Rows (published FID without -> with, 10k fakes
against 10k random real images): lsgan 37.28 -> 32.58, wgan_gp 38.06 -> 31.52,
wgan_gp_fast (rate .001) 116.69 -> 38.55, wgan_gp_no_norm 49.74 -> 34.76, hinge
38.20 -> 34.96, sngan 17.45 -> 16.79, autogan 21.62 -> 20.13; and with other
weights wgan_gp_sdp_0.03, _0.05, _0.1 (figure 3). The rows of figure 4, _fast
and _no_norm, are scored every 5 epochs, for without SDP the latter diverges
from epoch 30 on. One accelerator.

python -m jgan.main --config=experiments/sdp/cifar10.py:wgan_gp_sdp \
  --workdir=runs/wgan_gp_sdp --data_dir=DATA

There is no published code. AutoGAN's D starts as in that method's own
training, as PyTorch draws it, and SN-GAN's with Xavier's numbers.

What the penalty is made of (k, k_every, k_max, k_share, start, players,
selection, space, terms, layers, aggregate, norm, reduction) is set like
--config.penalties[-1].selection=random; the last penalty is SDP.
"""
from jgan import config as configs

_CNN = {
    'generator': {'name': 'cnn', 'latent': 128, 'width': 64},
    'discriminator': {'name': 'cnn', 'width': 64},
    'betas': (.5, .999),
}
# Each game without the penalty: what it sets of the config.
GAMES = {
    'lsgan': {**_CNN, 'loss': {'name': 'leastsquares'}},
    'wgan_gp': {
        **_CNN, 'discriminator': {**_CNN['discriminator'], 'norm': 'layer'},
        'loss': {'name': 'wasserstein'}, 'critics': 5,
        'penalties': ({'name': 'gradient', 'weight': 10.},)},
    'hinge': {**_CNN, 'loss': {'name': 'hinge'}},
    'sngan': {
        'generator': {'name': 'sngan', 'latent': 128},
        'discriminator': {'name': 'sngan'},
        'loss': {'name': 'hinge'}, 'critics': 5, 'betas': (0., .9)},
    'autogan': {
        'generator': {'name': 'autogan', 'genotype': 'A', 'latent': 128,
                      'initializer': 'xavier_kernel'},
        'discriminator': {'name': 'autogan'},
        'loss': {'name': 'hinge'}, 'betas': (0., .9), 'rates': (1e-4, 4e-4)},
}


def rows(games):
  """{name: arguments of `base`} of these games, with the penalty and not."""
  return {name + end: {**game, 'weight': weight}
          for name, game in games.items()
          for end, weight in (('', 0.), ('_sdp', .01))}


ROWS = rows({
    'lsgan': {'game': 'lsgan'},
    'wgan_gp': {'game': 'wgan_gp'},
    'wgan_gp_fast': {'game': 'wgan_gp', 'rates': (1e-3, 1e-3), 'every': 780},
    'wgan_gp_no_norm': {'game': 'wgan_gp', 'norm': False, 'every': 780},
    'hinge': {'game': 'hinge'},
    'sngan': {'game': 'sngan'},
    'autogan': {'game': 'autogan'},
}) | {f'wgan_gp_sdp_{weight}': {'game': 'wgan_gp', 'weight': weight}
      for weight in (.03, .05, .1)}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return small(base('cifar10', **ROWS[row]), form)


def base(data, game, weight=0., rates=None, norm=True, every=5000):
  """What all rows share.

  Args:
    data: the data set.
    game: a key of GAMES.
    weight: of the penalty; 0: without it.
    rates: of G and D, where they are not the game's.
    norm: normalise in both networks.
    every: steps from score to score; 780 are 5 epochs of five critics.
  """
  game = GAMES[game]
  c = configs.base()
  c.steps, c.batch, c.critics = 100_000, 64, game.get('critics', 1)
  c.platform = 'accelerator'
  c.data = {'name': data}
  c.generator, c.discriminator = game['generator'], game['discriminator']
  if not norm:
    c.generator.norm = c.discriminator.norm = 'none'
  c.loss = game['loss']
  c.penalties = game.get('penalties', ())
  if weight:
    c.penalties += ({'name': 'sample_differences', 'weight': weight},)
  rates = rates or game.get('rates', (2e-4, 2e-4))
  for player, lr in zip(('gen', 'disc'), rates):
    b1, b2 = game['betas']
    c.optimizer[player].update({'lr': lr, 'b1': b1, 'b2': b2})
  # The paper does not say whether the last or the best score: both stay.
  c.eval.update({'every': every, 'metrics': ('fd',), 'network': 'inception',
                 'samples': 10000, 'reals': 10000})
  c.checkpoint.update({'every': 5000, 'best': 'eval/FID'})
  c.samples.every = 5000
  return c


def penalise(c, **knobs):
  """Sets arguments of the penalty, in rows that have it."""
  c.penalties = tuple(
      {**p, **knobs} if p['name'] == 'sample_differences' else p
      for p in c.penalties)


def small(c, form, size=32):
  """The `:smoke` form: narrow networks for some steps, no scores."""
  if form == 'smoke':
    penalise(c, start=1, k=2, k_every=1)
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'critics': 1, 'log.every': 1, 'eval.every': 0,
      'samples.every': 2, 'samples.count': 16, 'checkpoint.every': 2,
      'checkpoint.best': '', 'generator.width': 8, 'discriminator.width': 8},
      size)
