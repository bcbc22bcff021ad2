"""StyleGAN2 and Re-StyleGAN2 on CIFAR-10 at reduced width, on a CPU.

16 channels at full size and at most 64, latents of 64 and two layers that map
them; batch 16. As usual on CIFAR-10 (Karras et al., 2020, ADA) styles are not
mixed and path lengths not penalised; R1 is lazy. Rows: stylegan2, and
re_stylegan2, pruned and grown in turns of 500 steps after 1,000. Ten minutes
each on two cores: at first noise stands for detail, and objects with edges come
after 2,000 steps.

python -m jgan.main --config=experiments/re_gan/stylegan2_cpu.py \
  --workdir=runs/stylegan2 --data_dir=DATA
"""
from experiments.mmd_nas import cpu
from experiments.re_gan import stylegan2
from jgan import config as configs
from jgan.optim.lazy import lazy

ROWS = {'stylegan2': {}, 're_stylegan2': {'re': True}}


def get_config(form=None):
  """4,000 steps; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = stylegan2.base({'name': 'cifar10'}, width=16, full=False, **ROWS[row])
  c.platform = 'any'
  c.steps, c.batch = 4000, 16
  c.generator.update({'most': 64, 'latent': 64, 'depth': 2, 'mixing': 0.})
  c.discriminator.most = 64
  c.lazy = 'apart'
  c.penalties = ({'name': 'r1', 'gamma': .1, 'every': 16},)
  adam = {'lr': .0025, 'b1': 0., 'b2': .99}
  c.optimizer.gen.update(adam)
  c.optimizer.disc.update(lazy(16, **adam))
  if 're' in ROWS[row]:
    c.optimizer.gen.pruning.update({'warmup': 1000, 'interval': 500})
  c.ema.decay = .995  # of so few steps
  cpu.score(c)
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 500
  return stylegan2.small(c, form)
