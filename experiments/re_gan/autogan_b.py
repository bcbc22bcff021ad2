"""Re-GAN of AutoGAN B on CIFAR-10: row 're_b' of autogan.py.

python -m jgan.main --config=experiments/re_gan/autogan_b.py \
  --workdir=runs/re_autogan_b --data_dir=DATA
"""
from experiments.re_gan import autogan


def get_config(form=None):
  """The row; `:smoke` ends in a minute on two CPU cores."""
  return autogan.get_config(':'.join(filter(None, ('re_b', form))))
