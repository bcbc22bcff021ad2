"""MMD-AdversarialNAS: the search on CIFAR-10, both players at once.

Super-networks of 160 and 80 channels; repulsive MMD loss for the weights,
hinge for the architecture as in the published code; 125 critic epochs in which
the temperature falls from 5 to 0.1. Genotypes are left in
WORKDIR/genotypes; `--mode=derive --workdir=WORKDIR` writes the last. One
accelerator, about a day.

python -m jgan.main --config=experiments/mmd_nas/search_cifar10.py \
  --workdir=runs/search --data_dir=DATA
"""
from jgan import config as configs


def get_config(form=None):
  """The full search; `:smoke` ends in minutes on two CPU cores."""
  return small(base(), form)


def base():
  """What the searches share."""
  c = configs.base()
  c.data = {'name': 'cifar10'}
  c.platform = 'accelerator'
  c.batch, c.gen_batch, c.critics = 128, 128, 5
  c.steps = 124 * 391 // 5  # of 125 epochs the first only derives
  c.generator = {'name': 'adversarial_nas_super', 'latent': 120, 'width': 160,
                 'relax': 'gumbel_on_probabilities'}
  c.discriminator = {'name': 'adversarial_nas_super', 'width': 80,
                     'relax': 'gumbel_on_probabilities'}
  c.loss = {'name': 'mmd'}
  c.paired_stats = True
  c.method = {'name': 'adversarial_search', 'arch_loss': 'hinge'}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 2e-4, 'b1': 0., 'b2': .9})
  c.ema.decay = .999
  c.eval.update({'every': 391, 'metrics': ('fd', 'inception_score'),
                 'network': 'inception', 'samples': 50000})
  c.checkpoint.update({'every': 391, 'best': 'eval/FID'})
  c.samples.every = 391
  return c


def small(c, form, size=32):
  """The `:smoke` form: narrow super-networks, some steps."""
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'gen_batch': 4, 'critics': 1,
      'generator.width': 4, 'discriminator.width': 4, 'log.every': 1,
      'samples.every': 4, 'samples.count': 16, 'checkpoint.every': 2,
      'checkpoint.best': 'eval/fd_pixels', 'eval.every': 4,
      'eval.metrics': ('fd_pixels',), 'eval.network': '', 'eval.samples': 64,
      'eval.reals': 256}, size)
