"""SCGAN on STL-10 at 48 x 48: the genotype found on CIFAR-10, 7.0 M.

Published: FID 12.54, IS 12.12, by the recipe of MMD-AdversarialNAS, whose own
generator has 12.91 and 11.60. One accelerator.

python -m jgan.main --config=experiments/scgan/stl10.py \
  --workdir=runs/scgan_stl --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large, stl10_large
from experiments.scgan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  c = cifar10.searched(stl10_large.base())
  return cifar10_large.small(c, form, size=48)
