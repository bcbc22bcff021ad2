"""DCGAN on CelebA at 128 x 128: resized 3 x 3 convolutions, 50 epochs.

The plain twin of the octave networks of Durall et al. (2021): BCE loss, Adam
2e-4 (.5, .999), batch 64, FID of 10,000 fakes after every epoch. One
accelerator.

python -m jgan.main --config=experiments/dcgan/celeba.py --workdir=runs/celeba \
  --data_dir=DATA
"""
from jgan import config as configs


def get_config(form=None, model='dcgan'):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = base()
  epoch = 3165  # full batches of 202,599 images
  c.steps = 50 * epoch
  c.platform = 'accelerator'
  c.data = {'name': 'celeba', 'size': 128}
  c.generator = {'name': model, 'latent': 100, 'width': 32}
  c.discriminator = {'name': model, 'width': 32}
  return small(score(c, epoch), form)


def base():
  """What all DCGAN experiments share."""
  c = configs.base()
  c.batch = 64
  c.loss = {'name': 'nonsaturating'}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 2e-4, 'b1': .5, 'b2': .999})
  return c


def score(c, every):
  """FID of 10,000 fakes against as many real images; the best stays."""
  c.eval.update({'every': every, 'metrics': ('fd',), 'network': 'inception',
                 'samples': 10_000, 'reals': 10_000})
  c.checkpoint.update({'every': every, 'best': 'eval/FID'})
  return c


def small(c, form, size=32):
  """The `:smoke` form: narrow networks for some steps, scored by pixels."""
  pixels = {'eval.metrics': ('fd_pixels',), 'eval.network': '',
            'eval.samples': 64, 'eval.reals': 256, 'eval.every': 2,
            'checkpoint.best': 'eval/fd_pixels'} if c.eval.network else {}
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'critics': 1, 'log.every': 1,
      'samples.every': 2, 'samples.count': 16, 'checkpoint.every': 2,
      'generator.width': 4, 'discriminator.width': 4, **pixels}, size)
