"""MMD-AdversarialNAS on STL-10 at 48 x 48, the small generator: 5.6 M.

128 channels; compressed 1.7 M. Published: FID 14.57, IS 11.39; compressed FID
14.84, IS 11.66. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/stl10_small.py \
  --workdir=runs/mmd_nas_stl_small --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large, stl10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  return cifar10_large.small(stl10_large.base(width=128), form, size=48)
