"""DCGAN on CelebA at 128 x 128 with 4 x 4 transposed convolutions.

Otherwise as experiments/dcgan/celeba.py. One accelerator.

python -m jgan.main --config=experiments/dcgan/celeba_deconv.py \
  --workdir=runs/celeba_deconv --data_dir=DATA
"""
from experiments.dcgan import celeba


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  return celeba.get_config(form, model='dcgan_deconv')
