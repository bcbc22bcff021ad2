"""AutoGAN A on STL-10, as alphaGAN re-trained it; FID 27.69, IS 9.38.

The 5.853 M parameters that the paper prints include three layers that are never
used (retrain.py); G has 5.066 M.

python -m jgan.main --config=experiments/alphagan/autogan_stl10.py \
  --workdir=runs/autogan_stl10 --data_dir=DATA
"""
from experiments.alphagan import retrain


def get_config(form=None):
  """Row 'autogan_stl10' of retrain.py; `:smoke` ends in minutes."""
  return retrain.get_config(':'.join(filter(None, ('autogan_stl10', form))))
