"""DCGAN on CelebA with octave convolutions, .99 of the channels low.

python -m jgan.main --config=experiments/soft_octave/celeba_low.py \
  --workdir=runs/celeba_low --data_dir=DATA
"""
from experiments.soft_octave import celeba


def get_config(form=None):
  """Row 'dcgan_low' of celeba.py; `:smoke` ends in a minute."""
  return celeba.get_config(':'.join(filter(None, ('dcgan_low', form))))
