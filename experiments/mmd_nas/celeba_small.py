"""MMD-AdversarialNAS on CelebA at 64 x 64, the small generator: 6.7 M.

128 channels; else as celeba_large.py, without a published score too. One
accelerator.

python -m jgan.main --config=experiments/mmd_nas/celeba_small.py \
  --workdir=runs/mmd_nas_celeba_small --data_dir=DATA
"""
from experiments.mmd_nas import celeba_large, cifar10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  return cifar10_large.small(celeba_large.base(width=128), form, size=64)
