"""AdversarialNAS: the search on CIFAR-10, hinge loss throughout.

Gao et al. (2020): 25 critic epochs, batches of 120, transposed convolution as
third way up. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/search_adversarial_nas.py \
  --workdir=runs/search_hinge --data_dir=DATA
"""
from experiments.mmd_nas import search_cifar10


def get_config(form=None):
  """The full search; `:smoke` ends in minutes on two CPU cores."""
  c = search_cifar10.base()
  c.loss, c.paired_stats = {'name': 'hinge'}, False
  c.generator.up = ('nearest', 'bilinear', 'conv_transpose')
  c.batch = c.gen_batch = 120
  c.steps = 24 * 417 // 5
  c.method.epochs = 25
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 834
  return search_cifar10.small(c, form)
