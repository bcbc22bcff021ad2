"""alphaGAN(l) on STL-10 at 48 x 48; published FID 26.31, IS 9.64.

python -m jgan.main --config=experiments/alphagan/stl10_l.py \
  --workdir=runs/stl10_l --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'stl10_l' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('stl10_l', form))))
