"""Random search on the space of MMD-AdversarialNAS, with the same budget.

The super-networks train with one operation per edge, drawn for every step;
then 200 architectures are scored with their weights:
`--mode=derive --workdir=runs/random`. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/search_random.py \
  --workdir=runs/random --data_dir=DATA
"""
from experiments.mmd_nas import search_cifar10


def get_config(form=None):
  """The full search; `:smoke` ends in minutes on two CPU cores."""
  c = search_cifar10.base()
  c.method = {'name': 'random_search', 'candidates': 200}
  for player in (c.generator, c.discriminator):
    player.relax = 'softmax'
  if form == 'smoke':
    c.method.candidates = 2
  return search_cifar10.small(c, form)
