"""The search of experiments/mmd_nas/cpu.py: narrow super-networks, CIFAR-10.

python -m jgan.main --config=experiments/mmd_nas/cpu_search.py \
  --workdir=runs/cpu_search --data_dir=DATA
"""
from experiments.mmd_nas import cpu, search_cifar10


def get_config(form=None):
  """The full search; `:smoke` ends in a minute."""
  c = search_cifar10.base()
  c.platform = 'any'
  c.steps, c.batch, c.gen_batch, c.critics = 400, 64, 32, 1
  c.generator.width = c.discriminator.width = 8
  # Few steps: the logits have to move faster than in a day's search.
  c.method.arch_lr = 3e-3
  cpu.score(c)
  c.eval.every = c.checkpoint.every = c.samples.every = 100
  return search_cifar10.small(c, form)
