"""Re-SNGAN beside SNGAN on 10 % of CIFAR-10 at reduced width, on a CPU.

Rows: sngan, and re_sngan with prune-and-grow of the generator: warm-up of 4
epochs, then 2 epochs sparse and 2 dense in turns. Both have the same seeds,
images and steps; some minutes each on one core. docs/results.md has what came
out.

python -m jgan.main --config=experiments/re_gan/cpu.py:re_sngan \
  --workdir=runs/re_sngan --data_dir=DATA --config.seed=1
"""
from experiments.mmd_nas import cpu
from experiments.sngan import cifar10
from jgan import config as configs

ROWS = ('sngan', 're_sngan')
EPOCH = 78  # generator steps: 5,000 images, two batches of 32 a step


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = cifar10.base()
  c.data = {'name': 'cifar10'}
  c.platform = 'any'
  c.pipeline.first = 5000  # the first tenth, as the authors take it
  c.pipeline.dequantize = False
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 16}
  c.discriminator = {'name': 'sngan', 'width': 16}
  c.steps, c.batch, c.gen_batch, c.critics = 12 * EPOCH, 32, 32, 2
  for player in ('gen', 'disc'):
    c.optimizer[player].schedule = {'name': 'constant'}
  if row == 're_sngan':
    c.optimizer.gen.pruning = {'name': 'prune_grow', 'ratio': .1, 'warmup': 4,
                               'interval': 2, 'unit': EPOCH}
  cpu.score(c)
  c.eval.metrics = ('fd', 'stability')
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = EPOCH * 2
  c.log.every = EPOCH
  return small(c, form)


def small(c, form):
  """The `:smoke` form: narrow networks, a phase of one step each."""
  for player in ('gen', 'disc'):
    if form and c.optimizer[player].pruning.name == 'prune_grow':
      c.optimizer[player].pruning.update({'warmup': 1, 'interval': 1,
                                          'unit': 1})
  c.pipeline.first = 0 if form else c.pipeline.first
  c = cifar10.small(c, form)
  if form:
    c.eval.update({'every': 2, 'metrics': ('fd_pixels', 'stability'),
                   'network': '', 'samples': 64, 'reals': 256})
    c.checkpoint.best = 'eval/fd_pixels'
  return c
