"""Lottery tickets of SNGAN on CIFAR-10 by iterative magnitude pruning.

The baselines of Re-GAN (Saxena et al., 2023) and where they come from, with
the settings of GAN-LTH (Chen et al., 2021): 50,000 generator steps a round,
five critics of 64 images each, hinge loss, constant rate, average of .999.
Rows (published FID, against the test images; real images seen here):

sngan_20          one round of 20 % (18.96; 32 M)
sngan_46          three rounds to 46 % (18.22; 64 M)
sngan_impg        IMPG: ten rounds of 20 %, .107 remain (176 M)
sngan_impgd       IMPGD: of the discriminator's convolutions too
sngan_10_percent  IMPG on the first tenth of the images, as Chen et al. (Ultra
                  data-efficient GAN training, 2021) without its augmentation

How the rounds of 46 % were cut is not published. The dense SNGAN of the same
run, its first round, stands beside them (Re-GAN: 20.12). Scores fall on the
ends of rounds: in metrics.csv of the workdir the rows of one step have
ticket/density, the part of the prunable weights that remains, and eval/FID.
--config.method.rewind=1000 goes back to that step. One accelerator.

python -m jgan.main --config=experiments/re_gan/lottery.py:sngan_impg \
  --workdir=runs/impg --data_dir=DATA
"""
from experiments.sngan import cifar10
from jgan import config as configs

ROWS = {
    'sngan_20': {'rounds': 1},
    'sngan_46': {'rounds': 3, 'target': .46},
    'sngan_impg': {'rounds': 10},
    'sngan_impgd': {'rounds': 10, 'players': ('gen', 'disc')},
    'sngan_10_percent': {'rounds': 10, 'first': 5000},
}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return small(base(**ROWS[row]), form)


def base(rounds, target=0., players=('gen',), first=0):
  """What all rows share.

  Args:
    rounds: of pruning.
    target: sparsity that they end with; 0: by 20 % a round.
    players: gen, disc, who are pruned.
    first: train on the first so many images; 0: on all.
  """
  c = cifar10.base()
  c.data = {'name': 'cifar10'}
  c.pipeline.update({'first': first, 'dequantize': False})
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 256}
  c.discriminator = {'name': 'sngan', 'width': 128}
  c.method = {'name': 'lottery', 'rounds': rounds, 'target': target,
              'round_steps': 50_000}
  c.steps = (rounds + 1) * c.method.round_steps
  for player in ('gen', 'disc'):
    c.optimizer[player].schedule = {'name': 'constant'}
  for player in players:
    c.optimizer[player].pruning = {'name': 'fixed_mask'}
  c.ema.decay = .999
  c.eval.update({'every': 10_000, 'metrics': ('fd', 'inception_score'),
                 'network': 'inception', 'samples': 10_000, 'split': 'test',
                 'protocol': 'pytorch_fid'})
  c.checkpoint.update({'every': 10_000, 'best': 'eval/FID'})
  c.samples.every = 10_000
  return c


def small(c, form):
  """The `:smoke` form: narrow networks, rounds of two steps."""
  c = cifar10.small(c, form)
  if form:
    c.pipeline.first = 0
    c.method.round_steps = 2
    c.method.rounds = min(c.method.rounds, 3)
    c.steps = (c.method.rounds + 1) * 2
    c.eval.update({'every': 2, 'metrics': ('fd_pixels',), 'network': '',
                   'samples': 64, 'reals': 256, 'split': ''})
    c.checkpoint.best = 'eval/fd_pixels'
  return c
