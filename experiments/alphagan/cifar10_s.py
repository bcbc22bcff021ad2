"""alphaGAN(s) on CIFAR-10: 2.95 M parameters; published FID 12.86.

python -m jgan.main --config=experiments/alphagan/cifar10_s.py \
  --workdir=runs/cifar10_s --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'cifar10_s' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('cifar10_s', form))))
