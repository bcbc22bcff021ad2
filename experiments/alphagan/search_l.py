"""alphaGAN(l): the search on CIFAR-10 with 390 steps of weights.

python -m jgan.main --config=experiments/alphagan/search_l.py \
  --workdir=runs/search_l --data_dir=DATA
"""
from experiments.alphagan import search


def get_config(form=None):
  """Row 'l' of search.py; `:smoke` ends in minutes."""
  return search.get_config(':'.join(filter(None, ('l', form))))
