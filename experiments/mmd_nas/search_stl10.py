"""MMD-AdversarialNAS: the search on STL-10 at 48 x 48.

The paper transfers the genotype of CIFAR-10 (experiments/mmd_nas/stl10_*.py);
this searches on the set itself, with the settings of search_cifar10.py. One
accelerator.

python -m jgan.main --config=experiments/mmd_nas/search_stl10.py \
  --workdir=runs/search_stl --data_dir=DATA
"""
from experiments.mmd_nas import search_cifar10


def get_config(form=None):
  """The full search; `:smoke` ends in minutes on two CPU cores."""
  c = search_cifar10.base()
  c.data = {'name': 'stl10'}
  c.steps = 124 * 821 // 5
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 821
  return search_cifar10.small(c, form, size=48)
