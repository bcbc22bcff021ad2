"""alphaGAN(s) at 128 channels, CIFAR-10 (table 5): 0.89 M parameters.

python -m jgan.main --config=experiments/alphagan/cifar10_s_128.py \
  --workdir=runs/cifar10_s_128 --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'cifar10_s_128' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('cifar10_s_128', form))))
