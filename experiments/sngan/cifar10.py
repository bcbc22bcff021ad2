"""SNGAN on CIFAR-10, 32 x 32: ResNets, hinge loss, five critics per step.

Miyato et al. (2018) with the settings of pytorch-gan-collections: 100k steps,
32 M real images, linear decay to 0. Published with these: FID 14.32, IS 8.31
(50k fakes against the train split, as scored here; hinge). One accelerator; on
a CPU shrink it:

python -m jgan.main --config=experiments/sngan/cifar10.py --workdir=runs/sngan \
  --data_dir=DATA
"""
from jgan import config as configs


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = base()
  c.data = {'name': 'cifar10'}
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 256}
  c.discriminator = {'name': 'sngan', 'width': 128}
  return small(score(c, samples=50_000), form)


def base():
  """What all SNGAN experiments share."""
  c = configs.base()
  c.steps, c.batch, c.gen_batch, c.critics = 100_000, 64, 128, 5
  c.platform = 'accelerator'
  c.loss = {'name': 'hinge'}
  c.pipeline.dequantize = True
  for player in ('gen', 'disc'):
    c.optimizer[player].update({
        'lr': 2e-4, 'b1': 0., 'b2': .9, 'schedule': {'name': 'linear'}})
  c.samples.every = 5000
  c.checkpoint.every = 5000
  return c


def score(c, samples, reals=0):
  """FID and IS of so many fakes, every 5,000 steps; the best FID stays.

  reals: number of real images, 0 for all.
  """
  c.eval.update({'every': 5000, 'metrics': ('fd', 'inception_score'),
                 'network': 'inception', 'samples': samples, 'reals': reals})
  c.checkpoint.best = 'eval/FID'
  return c


def small(c, form, size=32):
  """The `:smoke` form: the same networks, narrow, scored by their pixels."""
  pixels = {'eval.metrics': ('fd_pixels',), 'eval.network': '',
            'eval.samples': 64, 'eval.reals': 256, 'eval.every': 2,
            'checkpoint.best': 'eval/fd_pixels'} if c.eval.network else {}
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'gen_batch': 16, 'critics': 2, 'log.every': 1,
      'samples.every': 2, 'samples.count': 16, 'checkpoint.every': 2,
      'generator.width': 8, 'discriminator.width': 8, **pixels}, size)
