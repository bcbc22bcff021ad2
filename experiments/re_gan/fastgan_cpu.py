"""FastGAN and Re-FastGAN at reduced width, on a CPU.

For a folder of photographs, as the Oxford flowers of 64 pixels. Rows: fastgan,
and re_fastgan, pruned and grown in turns of 50 steps after 100, at 64 x 64,
some minutes each on one core; few_256, for some hundred images at 256 x 256,
mirrored and distorted, a quarter of an hour on two.

python -m jgan.main --config=experiments/re_gan/fastgan_cpu.py \
  --workdir=runs/flowers --data_dir=FOLDER
"""
from experiments.re_gan import fastgan
from jgan import config as configs

ROWS = {'fastgan': {}, 're_fastgan': {'re': True}, 'few_256': {}}


def get_config(form=None):
  """400 steps; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = fastgan.base(**ROWS[row])
  c.platform = 'any'
  c.data.size = 256 if row == 'few_256' else 64
  c.steps, c.generator.latent = 400, 64
  c.generator.width = c.discriminator.width = 16
  if 're' in ROWS[row]:
    c.optimizer.gen.pruning.update({'warmup': 100, 'interval': 50})
  c.ema.decay = .99  # of so few steps
  c.eval.update({'metrics': ('spectrum',), 'network': '', 'samples': 512,
                 'reals': 2000})
  c.checkpoint.best = 'eval/spectrum'
  c.log.every = 50
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 100
  return fastgan.small(c, form)
