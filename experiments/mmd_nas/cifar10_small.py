"""MMD-AdversarialNAS on CIFAR-10, the small generator: 5.9 M parameters.

128 channels; compressed at rank 128: 1.6 M. Published: FID 7.48, IS 9.32;
compressed FID 8.18, IS 9.38. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/cifar10_small.py \
  --workdir=runs/mmd_nas_small --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  c = cifar10_large.base(width=128, rank=128)
  c.data = {'name': 'cifar10'}
  return cifar10_large.small(c, form)
