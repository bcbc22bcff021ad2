"""All of MMD-AdversarialNAS in one command, from the search on; `:ROW`.

Rows cifar10_large, cifar10_small, stl10_large, stl10_small: the search on
CIFAR-10, whose architecture the paper transfers to STL-10, then training,
sensitivity, compression, fine-tuning, the last layers and a report. What is
found is not the published architecture, so its layers are chosen by their own
sensitivity; with the published one `pipeline` takes cifar10_large.py and its
like. One accelerator, days.

python -m jgan.main --mode=pipeline \
  --config=experiments/mmd_nas/whole.py:cifar10_small --workdir=runs/whole \
  --data_dir=DATA
"""
from experiments.mmd_nas import (
  cifar10_large,
  cifar10_small,
  stl10_large,
  stl10_small,
)
from jgan import config as configs

ROWS = {'cifar10_large': cifar10_large, 'cifar10_small': cifar10_small,
        'stl10_large': stl10_large, 'stl10_small': stl10_small}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in minutes."""
  row, form = configs.row(form, ROWS)
  c = ROWS[row].get_config(form)
  c.search = 'experiments/mmd_nas/search_cifar10.py' + (
      f':{form}' if form else '')
  return c
