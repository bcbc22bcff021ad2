"""StyleGAN2 on a folder of few images, as row stylegan2 of few_shot.py.

python -m jgan.main --config=experiments/re_gan/few_shot_stylegan2.py \
  --workdir=runs/few --data_dir=FOLDER
"""
from experiments.re_gan import few_shot


def get_config(form=None):
  """40,000 steps; `:smoke` ends in a minute on two CPU cores."""
  return few_shot.get_config(f'stylegan2:{form}' if form else 'stylegan2')
