"""Lottery tickets of SNGAN on CIFAR-10 by iterative magnitude pruning.

Table 4 and figure 4 of Re-GAN (Saxena et al., 2023) compare tickets with the
rows of sngan.py, and so do these: all settings are those of its row sngan, with
no average, 64 fakes and 1,000 epochs, and each round is such a training. Rows
(published FID, M real images; here they see 100 and 200 M in all rounds):

sngan_20        one round of 20 % (18.96, 92.5)
sngan_46        three rounds to 46 % (18.22, 150)
sngan_20_of_N   figure 4: one round of 20 % on the first N = 10, 20, 40, 80
                percent of the images

How the rounds of 46 % were cut is not published: 20 % in each and the rest in
the last. The others are where the tickets come from, with the settings of
GAN-LTH (Chen et al., 2021), not comparable with the former: 50,000 generator
steps a round, 128 fakes, an average of .999 (176 M real images):

sngan_impg        IMPG: ten rounds of 20 %, .107 remain
sngan_impgd       IMPGD: of the discriminator's convolutions too
sngan_10_percent  IMPG on the first tenth of the images, as Chen et al. (Ultra
                  data-efficient GAN training, 2021) without its augmentation

The dense SNGAN of the same run, its first round, stands beside the tickets. The
best checkpoint is sought in each round, so in the end it is a ticket of the
last. Scores fall on the ends of rounds: in metrics.csv of the workdir the rows
of one step have ticket/density, the part of the prunable weights that remains,
and eval/FID. --config.method.rewind=1000 goes back to that step. One
accelerator.

python -m jgan.main --config=experiments/re_gan/lottery.py:sngan_20 \
  --workdir=runs/ticket --data_dir=DATA
"""
from experiments.re_gan import sngan
from experiments.sngan import cifar10
from jgan import config as configs

ROWS = {
    'sngan_20': {'rounds': 1},
    'sngan_46': {'rounds': 3, 'target': .46},
    **{f'sngan_20_of_{n}': {'rounds': 1, 'percent': n}
       for n in (10, 20, 40, 80)},
    'sngan_impg': {'rounds': 10, 'lth': True},
    'sngan_impgd': {'rounds': 10, 'lth': True, 'players': ('gen', 'disc')},
    'sngan_10_percent': {'rounds': 10, 'lth': True, 'percent': 10},
}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return small(base(**ROWS[row]), form)


def base(rounds, target=0., players=('gen',), percent=100, lth=False):
  """What all rows share.

  Args:
    rounds: of pruning.
    target: sparsity that they end with; 0: by 20 % a round.
    players: gen, disc, who are pruned.
    percent: of the training images, the first ones.
    lth: the settings of GAN-LTH, else those of sngan.py.
  """
  c = sngan.base(percent=percent)
  if lth:
    c.steps, c.gen_batch, c.ema.decay = 50_000, 128, .999
    sngan.score(c, 10_000)
  c.method = {'name': 'lottery', 'rounds': rounds, 'target': target,
              'round_steps': c.steps}
  c.steps *= rounds + 1
  for player in players:
    c.optimizer[player].pruning = {'name': 'fixed_mask'}
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
