"""alphaGAN(l) on CIFAR-10: 8.62 M parameters; published FID 11.38.

python -m jgan.main --config=experiments/alphagan/cifar10_l.py \
  --workdir=runs/cifar10_l --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'cifar10_l' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('cifar10_l', form))))
