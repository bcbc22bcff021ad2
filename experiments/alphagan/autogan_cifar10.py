"""AutoGAN A on CIFAR-10, as alphaGAN re-trained it; FID 13.95, IS 8.38.

The 5.192 M parameters that the paper prints include three layers that are never
used (retrain.py); G has 4.405 M.

python -m jgan.main --config=experiments/alphagan/autogan_cifar10.py \
  --workdir=runs/autogan_cifar10 --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'autogan_cifar10' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('autogan_cifar10', form))))
