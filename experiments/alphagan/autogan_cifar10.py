"""AutoGAN A on CIFAR-10, as alphaGAN re-trained it; FID 13.95, IS 8.38.

python -m jgan.main --config=experiments/alphagan/autogan_cifar10.py \
  --workdir=runs/autogan_cifar10 --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'autogan_cifar10' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('autogan_cifar10', form))))
