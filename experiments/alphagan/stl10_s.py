"""alphaGAN(s) on STL-10 at 48 x 48; published FID 22.63, IS 9.92.

python -m jgan.main --config=experiments/alphagan/stl10_s.py \
  --workdir=runs/stl10_s --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'stl10_s' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('stl10_s', form))))
