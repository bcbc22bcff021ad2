"""StyleGAN2 on FFHQ at 1024 x 1024, as row ffhq_1024_70k of stylegan2.py.

python -m jgan.main --config=experiments/re_gan/stylegan2_ffhq.py \
  --workdir=runs/ffhq --data_dir=FOLDER
"""
from experiments.re_gan import stylegan2


def get_config(form=None):
  """Published FID 4.35; `:smoke` ends in a minute on two CPU cores."""
  row = 'ffhq_1024_70k'
  return stylegan2.get_config(f'{row}:{form}' if form else row)
