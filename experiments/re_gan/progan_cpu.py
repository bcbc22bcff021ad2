"""ProGAN and Re-ProGAN on CIFAR-10 at 32 x 32 and small width, on a CPU.

Rows: progan, and re_progan with prune-and-grow of the generator in the last
stage. Stages of 4, 8, 16 and 32 pixels that blend in through their first
half, and optimizers that are kept; some 4 minutes on one core.

python -m jgan.main --config=experiments/re_gan/progan_cpu.py:re_progan \
  --workdir=runs/re_progan --data_dir=DATA
"""
from experiments.mmd_nas import cpu
from experiments.re_gan import progan
from jgan import config as configs

ROWS = {'progan': {}, 're_progan': {'re': True}}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in seconds."""
  row, form = configs.row(form, ROWS)
  c = progan.base({'name': 'cifar10'}, 50_000, (300, 300, 400, 500), 100, 100,
                  **ROWS[row])
  c.platform = 'any'
  c.pipeline.first = 0
  c.batch = 16
  c.method.update({'batches': (32, 32, 32, 16), 'fade': .5, 'ahead': 0})
  c.generator.update({'latent': 64, 'width': 32})
  c.discriminator.width = 32
  cpu.score(c)
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 500
  return progan.small(c, form)
