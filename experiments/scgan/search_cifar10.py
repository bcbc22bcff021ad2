"""The searches behind SCGAN and EAGAN: evolution on CIFAR-10, generator only.

One super-network of 256 channels trains on the paths of random architectures
for 40 epochs, then on those of 32 members of a population. After epochs 40, 50,
... 190 of 200 it has 32 children, and 32 of both survive. `:scgan` has SCGAN's
limits of size and its selection by clusters; `:eagan` has none, and selects by
fronts, the inception score first. SCGAN's objectives are not published, jgan's
are FID, inception score and parameters. Then `--mode=derive` writes the best
member and, into genotype_front, those that none beats in score and size.
Published: 0.4 GPU-days for SCGAN's, 1.2 for both stages of EAGAN's. One
accelerator.

python -m jgan.main --config=experiments/scgan/search_cifar10.py \
  --workdir=runs/scgan_search --data_dir=DATA
"""
from experiments.mmd_nas import search_cifar10
from jgan import config as configs

ROWS = 'scgan', 'eagan'
EPOCH = 50000 // 40


def get_config(form=None):
  """The full search; `:smoke` ends in minutes on two CPU cores."""
  row, rest = configs.row(form, ROWS)
  return small(base(row), rest)


def base(row='scgan'):
  """The search of one row."""
  c = search_cifar10.base()
  c.batch, c.gen_batch, c.critics = 40, 80, 1
  c.steps = 200 * EPOCH
  c.generator = {'name': 'adversarial_nas_super', 'latent': 120, 'width': 256,
                 'relax': 'softmax',
                 'up': ('nearest', 'bilinear', 'conv_transpose')}
  c.discriminator = {'name': 'dcgan_deconv', 'width': 64}
  c.loss, c.paired_stats = {'name': 'hinge'}, False
  c.optimizer.disc.lr = 4e-5
  c.ema.decay = 0.
  c.method = {'name': 'evolution', 'population': 32, 'warmup': 40 * EPOCH,
              'every': 10 * EPOCH, 'generations': 16}
  if row == 'scgan':
    c.method.update({'selection': 'clusters', 'params': (6.5e6, 15e6),
                     'macs': (1.5e9, 3e9), 'cell_params': (.5e6, 2.2e6)})
  else:
    c.method.selection = 'fronts'
    c.checkpoint.best = 'eval/inception_score-inception'
  c.eval.samples = 5000
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 10 * EPOCH
  return c


def small(c, form):
  """The `:smoke` form: narrow networks without limits, one generation."""
  if form == 'smoke':
    c.method.update({'population': 2, 'warmup': 2, 'every': 2,
                     'generations': 1, 'params': (), 'macs': (),
                     'cell_params': ()})
    c.generator.latent = 12
  return search_cifar10.small(c, form)
