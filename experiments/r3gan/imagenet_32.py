"""R3GAN on ImageNet at 32 x 32: 1,000 M images in batches of 4,096.

Huang et al. (2024); published: FID 1.27 (50k fakes against the train split)
with class labels, 1,000 of them: that is the row `classes`. Without labels no
number is published. The images are those of tensorflow-datasets, which
docs/data.md says how to get. Several accelerators.

python -m jgan.main --config=experiments/r3gan/imagenet_32.py:classes \
  --workdir=runs/r3gan_imagenet_32 --data_dir=DATA
"""
from experiments.r3gan import cifar10
from jgan import config as configs

ROWS = cifar10.ROWS


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = cifar10.base({'name': 'tfds:imagenet_resized/32x32', 'size': 32},
                   batch=4096, gamma=.5, p=.5, half_life=50e6, images=1000e6,
                   ramp=200e6, width=1536, most=1536, group=32)
  return cifar10.told(cifar10.small(c, form, 32), row, 1000)
