"""All stages of MMD-AdversarialNAS on CIFAR-10 at small width, on a CPU.

Search, training with the growing b_u, sensitivity of every layer, CPD of the
convolutions, fine-tuning, SVD of two linear layers and a report, in about half
an hour on two cores. docs/results.md has what came out.

python -m jgan.main --mode=pipeline --config=experiments/mmd_nas/cpu.py \
  --workdir=runs/cpu --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes."""
  c = cifar10_large.base(width=16, rank=16)
  c.data = {'name': 'cifar10'}
  c.search = 'experiments/mmd_nas/cpu_search.py' + (f':{form}' if form else '')
  c.platform = 'any'
  c.steps, c.batch = 1500, 32
  c.discriminator.width = 32
  score(c)
  c.eval.every = c.checkpoint.every = c.samples.every = 150
  c.eval.first = 0
  c.feedback = ({'name': 'kernel_bound', 'metric': 'eval/FD-resnet56',
                 'patience': 2},)
  c.compress.update({
      'rules': (), 'genotype': '', 'penalty': 0.,  # the sensitivity decides
      'steps': 600, 'ranks': (4, 16), 'budget': 5.})
  return cifar10_large.small(c, form)


def score(c):
  """FD on features of a CIFAR-10 classifier: quick, and no FID."""
  c.eval.update({'metrics': ('fd',), 'network': 'resnet56', 'samples': 2000,
                 'reals': 10000})
  c.checkpoint.best = 'eval/FD-resnet56'
  c.log.every = 50
