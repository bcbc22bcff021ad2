"""Re-GAN of AutoGAN C on CIFAR-10: row 're_c' of autogan.py.

python -m jgan.main --config=experiments/re_gan/autogan_c.py \
  --workdir=runs/re_autogan_c --data_dir=DATA
"""
from experiments.re_gan import autogan


def get_config(form=None):
  """The row; `:smoke` ends in a minute on two CPU cores."""
  return autogan.get_config(':'.join(filter(None, ('re_c', form))))
