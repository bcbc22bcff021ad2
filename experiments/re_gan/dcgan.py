"""Re-GAN of DCGAN on CIFAR-10 (Saxena et al., 2023, figure 2); `:ROW`.

Rows dcgan and re_dcgan: the fully convolutional networks of
experiments/dcgan/cifar10.py, with warm-up, phases, epochs and FID of
experiments/re_gan/sngan.py, one update of D per step. The figure names no
network but DCGAN, and the paper no setting of it and no number. One
accelerator.

python -m jgan.main --config=experiments/re_gan/dcgan.py:re_dcgan \
  --workdir=runs/re_dcgan --data_dir=DATA
"""
from experiments.dcgan import cifar10
from experiments.re_gan import sngan
from jgan import config as configs

ROWS = ('dcgan', 're_dcgan')
EPOCH = 50_000 // 64  # generator steps


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = cifar10.get_config()
  c.steps = 1000 * EPOCH
  c.eval.reals = 0
  if row == 're_dcgan':
    c.optimizer.gen.pruning = {'name': 'prune_grow', 'unit': EPOCH,
                               **sngan.GROW}
  sngan.score(c, 20 * EPOCH)
  return sngan.small(c, form)
