"""StyleGAN2 on Tiny-ImageNet, as row tiny of experiments/re_gan/stylegan2.py.

python -m jgan.main --config=experiments/re_gan/stylegan2_tiny.py \
  --workdir=runs/tiny --data_dir=DATA
"""
from experiments.re_gan import stylegan2


def get_config(form=None):
  """Published FID 20.95; `:smoke` ends in a minute on two CPU cores."""
  return stylegan2.get_config(f'tiny:{form}' if form else 'tiny')
