"""Ablation of table 1: MMD-AdversarialNAS with b_u fixed at 32.

Pulakurthi et al. (2024) published FID 7.06, IS 9.60 with it, and 6.08, 9.92
with the growing bound of experiments/mmd_nas/cifar10_large.py. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/cifar10_fixed32.py \
  --workdir=runs/fixed32 --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  c = cifar10_large.base()
  c.data = {'name': 'cifar10'}
  c.loss.b_u = 32.
  c.feedback = ()
  return cifar10_large.small(c, form)
