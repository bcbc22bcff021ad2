"""MMD-AdversarialNAS: the search on CelebA at 64 x 64.

The published code transfers the genotype of CIFAR-10
(experiments/mmd_nas/celeba_*.py); this searches on the set itself, with the
settings of search_cifar10.py, flips, and cells that are computed twice to save
memory. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/search_celeba.py \
  --workdir=runs/search_celeba --data_dir=DATA
"""
from experiments.mmd_nas import search_cifar10


def get_config(form=None):
  """The full search; `:smoke` ends in minutes on two CPU cores."""
  c = search_cifar10.base()
  c.data = {'name': 'celeba', 'size': 64}
  c.pipeline.flip = True
  c.generator.remat = c.discriminator.remat = True
  epoch = 202_599 // c.batch
  c.steps = 124 * epoch // c.critics
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = epoch
  return search_cifar10.small(c, form, size=64)
