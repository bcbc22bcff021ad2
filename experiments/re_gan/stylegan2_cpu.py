"""StyleGAN2 and Re-StyleGAN2 on CIFAR-10 at reduced width, on a CPU.

At most 64 channels, latents of 64 and two layers that map them; batch 16, lazy
R1 and path length. Rows: stylegan2, and re_stylegan2, pruned and grown in turns
of 100 steps after 200. Some minutes each on one core.

python -m jgan.main --config=experiments/re_gan/stylegan2_cpu.py \
  --workdir=runs/stylegan2 --data_dir=DATA
"""
from experiments.mmd_nas import cpu
from experiments.re_gan import stylegan2
from jgan import config as configs

ROWS = {'stylegan2': {}, 're_stylegan2': {'re': True}}


def get_config(form=None):
  """600 steps; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = stylegan2.base({'name': 'cifar10'}, width=16, gamma=.1, **ROWS[row])
  c.platform = 'any'
  c.steps, c.batch = 600, 16
  c.generator.update({'most': 64, 'latent': 64, 'depth': 2})
  c.discriminator.most = 64
  if 're' in ROWS[row]:
    c.optimizer.gen.pruning.update({'warmup': 200, 'interval': 100})
  c.ema.decay = .99  # of so few steps
  cpu.score(c)
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 200
  return stylegan2.small(c, form)
