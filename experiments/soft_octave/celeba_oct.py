"""DCGAN on CelebA with octave convolutions, half of the channels low.

python -m jgan.main --config=experiments/soft_octave/celeba_oct.py \
  --workdir=runs/celeba_oct --data_dir=DATA
"""
from experiments.soft_octave import celeba


def get_config(form=None):
  """Row 'dcgan_oct' of celeba.py; `:smoke` ends in a minute."""
  return celeba.get_config(':'.join(filter(None, ('dcgan_oct', form))))
