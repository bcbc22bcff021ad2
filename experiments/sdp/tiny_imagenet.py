"""GAN-SDP on Tiny-ImageNet, 64 x 64; `:ROW` is a row of the paper's table II.

As experiments/sdp/cifar10.py. Rows (published FID without -> with, _sdp, the
penalty): lsgan 61.45 -> 53.91, wgan_gp 47.79 -> 44.96, hinge 64.10 -> 56.95,
sngan 51.47 -> 52.48. One accelerator.

python -m jgan.main --config=experiments/sdp/tiny_imagenet.py:wgan_gp_sdp \
  --workdir=runs/tiny_sdp --data_dir=DATA
"""
from experiments.sdp import cifar10
from jgan import config as configs

ROWS = cifar10.rows({game: {'game': game} for game in (
    'lsgan', 'wgan_gp', 'hinge', 'sngan')})


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return cifar10.small(cifar10.base('tiny_imagenet', **ROWS[row]), form, 64)
