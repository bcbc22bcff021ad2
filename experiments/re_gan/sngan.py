"""Re-GAN of SNGAN on CIFAR-10 (Saxena et al., 2023); `:ROW` is one of theirs.

Table 4 (FID, M real images): sngan (20.12, 30), re_sngan (17.87, 31.5),
re_sngan_lr with one rate in all phases (19.06), re_sngan_ri which grows back
from random weights (19.71); its tickets are in lottery.py. Figure 4: sngan_N
and re_sngan_N with the first N = 10, 20, 40, 80 percent of the images.
Figure 6: re_P_N_gG prunes N = 10, 30, 50 percent of P = gen, disc, both in
phases of G = 50, 100 epochs. Table 7: sngan_5e-4, sngan_7e-4, re_sngan_1e-4,
re_sngan_1e-5 are learning rates. Beyond the paper, re_sngan_channels_N prunes
whole channels inside the blocks, which --mode=shrink takes out at the end.

1,000 epochs; warm-up of 200, phases of 100, as the authors' README has it, and
10 % as their paper, whose code defaults to 30. FID as by pytorch-fid, and IS,
of 10,000 fakes against the 10,000 test images, every 20 epochs. One
accelerator.

python -m jgan.main --config=experiments/re_gan/sngan.py:re_sngan \
  --workdir=runs/re_sngan --data_dir=DATA
"""
from experiments.sngan import cifar10
from jgan import config as configs

GROW = {'ratio': .1, 'warmup': 200, 'interval': 100}
ROWS = {
    're_sngan': {'pruning': GROW},
    'sngan': {},
    're_sngan_lr': {'pruning': {**GROW, 'grow_factor': 1.}},
    're_sngan_ri': {'pruning': {**GROW, 'reinit': True}},
    **{f'sngan_{n}': {'percent': n} for n in (10, 20, 40, 80)},
    **{f're_sngan_{n}': {'percent': n, 'pruning': GROW}
       for n in (10, 20, 40, 80)},
    **{f're_{who}_{n}_g{g}': {
        'players': players, 'pruning': {**GROW, 'ratio': n / 100,
                                        'interval': g}}
       for who, players in (('gen', ('gen',)), ('disc', ('disc',)),
                            ('both', ('gen', 'disc')))
       for n in (10, 30, 50) for g in (50, 100)},
    **{f're_sngan_channels_{n}': {'pruning': {
        **GROW, 'name': 'prune_grow_channels', 'ratio': n / 100}}
       for n in (10, 30, 50)},
    **{f'sngan_{lr:.0e}'.replace('e-0', 'e-'): {'lr': lr}
       for lr in (5e-4, 7e-4)},
    **{f're_sngan_{lr:.0e}'.replace('e-0', 'e-'): {'lr': lr, 'pruning': GROW}
       for lr in (1e-4, 1e-5)},
}


def get_config(form=None):
  """One row, re_sngan without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  return small(base(**ROWS[row]), form)


def base(percent=100, pruning=None, players=('gen',), lr=2e-4):
  """What all rows share.

  Args:
    percent: of the training images, the first ones.
    pruning: arguments of prune_grow, durations in epochs; None: no pruning.
    players: whose weights are pruned.
    lr: of both players.
  """
  c = cifar10.get_config()
  c.gen_batch = 0
  epoch = percent * 50_000 // 100 // (c.critics * c.batch)
  c.steps = 1000 * epoch
  c.pipeline.dequantize = False
  c.pipeline.first = 0 if percent == 100 else percent * 500
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': lr, 'schedule': {'name': 'constant'}})
  if pruning:
    for player in players:
      c.optimizer[player].pruning = {'name': 'prune_grow', 'unit': epoch,
                                     **pruning}
  score(c, 20 * epoch)
  return c


def score(c, every):
  """The protocol of the paper on CIFAR-10: 10,000 fakes, the test split."""
  c.eval.update({'every': every, 'split': 'test', 'samples': 10000,
                 'metrics': ('fd', 'inception_score', 'stability'),
                 'network': 'inception', 'protocol': 'pytorch_fid'})
  c.checkpoint.update({'every': every, 'best': 'eval/FID'})
  c.samples.every = every


def small(c, form):
  """The `:smoke` form: narrow networks, and phases of one step."""
  if form:
    c.pipeline.first = 0
    c.eval.update({'every': 2, 'metrics': ('fd_pixels', 'stability'),
                   'network': '', 'split': '', 'samples': 64, 'reals': 256})
    c.checkpoint.best = 'eval/fd_pixels'
    for player in ('gen', 'disc'):
      if c.optimizer[player].pruning.name != 'none':
        c.optimizer[player].pruning.update({'warmup': 1, 'interval': 1,
                                            'unit': 1})
  return cifar10.small(c, form)
