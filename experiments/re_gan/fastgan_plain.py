"""FastGAN whose discriminator rebuilds nothing: row plain of fastgan.py.

python -m jgan.main --config=experiments/re_gan/fastgan_plain.py \
  --workdir=runs/plain --data_dir=FOLDER
"""
from experiments.re_gan import fastgan


def get_config(form=None):
  """50,000 steps; `:smoke` ends in a minute on two CPU cores."""
  return fastgan.get_config(f'plain:{form}' if form else 'plain')
