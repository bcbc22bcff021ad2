"""DCGAN on CelebA with plain 3 x 3 convolutions: 2.4 M and 1.6 M parameters.

python -m jgan.main --config=experiments/soft_octave/celeba_plain.py \
  --workdir=runs/celeba_plain --data_dir=DATA
"""
from experiments.soft_octave import celeba


def get_config(form=None):
  """Row 'dcgan_plain' of celeba.py; `:smoke` ends in a minute."""
  return celeba.get_config(':'.join(filter(None, ('dcgan_plain', form))))
