"""alphaGAN(s): the search on CIFAR-10 with 20 steps of each kind.

python -m jgan.main --config=experiments/alphagan/search_s.py \
  --workdir=runs/search_s --data_dir=DATA
"""
from experiments.alphagan import search


def get_config(form=None):
  """Row 's' of search.py; `:smoke` ends in minutes."""
  return search.get_config(':'.join(filter(None, ('s', form))))
