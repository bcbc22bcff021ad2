"""GAN-SDP on CIFAR-100; `:ROW` is a row of the paper's table I.

As experiments/sdp/cifar10.py. Rows (published FID without -> with, _sdp, the
penalty): lsgan 39.14 -> 38.50, wgan_gp 37.26 -> 32.05, hinge 38.54 -> 36.39,
sngan 21.10 -> 20.74, autogan 25.70 -> 23.46. One accelerator.

python -m jgan.main --config=experiments/sdp/cifar100.py:wgan_gp_sdp \
  --workdir=runs/cifar100_sdp --data_dir=DATA
"""
from experiments.sdp import cifar10
from jgan import config as configs

ROWS = cifar10.rows({game: {'game': game} for game in (
    'lsgan', 'wgan_gp', 'hinge', 'sngan', 'autogan')})


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return cifar10.small(cifar10.base('cifar100', **ROWS[row]), form)
