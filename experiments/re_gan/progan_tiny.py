"""ProGAN on Tiny-ImageNet at 64 x 64, as row tiny of progan.py.

python -m jgan.main --config=experiments/re_gan/progan_tiny.py \
  --workdir=runs/progan_tiny --data_dir=DATA
"""
from experiments.re_gan import progan


def get_config(form=None):
  """Published FID 40.27; `:smoke` ends in a minute on two CPU cores."""
  return progan.get_config(f'tiny:{form}' if form else 'tiny')
