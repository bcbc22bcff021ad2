"""WGAN-GP with and without SDP on CIFAR-10 at small width, on a CPU.

Rows wgan_gp, wgan_gp_sdp and, at the rate of .001 that the paper stresses them
with, wgan_gp_fast, wgan_gp_fast_sdp: 500 steps of two critics, batch 32, some
four minutes each on a core. The penalty begins, and k grows, at about the same
shares of the run and of the batch as in the paper's 100k steps.

python -m jgan.main --config=experiments/sdp/cpu.py:wgan_gp_sdp \
  --workdir=runs/sdp_cpu --data_dir=DATA
"""
from experiments.mmd_nas import cpu
from experiments.sdp import cifar10
from jgan import config as configs

ROWS = {row: cifar10.ROWS[row] for row in (
    'wgan_gp', 'wgan_gp_sdp', 'wgan_gp_fast', 'wgan_gp_fast_sdp')}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  c = cifar10.base('cifar10', **ROWS[row])
  c.platform = 'any'
  c.steps, c.batch, c.critics = 500, 32, 2
  c.generator.width = c.discriminator.width = 16
  cifar10.penalise(c, k=3, k_every=50, start=20)
  cpu.score(c)
  c.eval.samples = 1000
  c.eval.every = c.checkpoint.every = c.samples.every = 100
  return cifar10.small(c, form)
