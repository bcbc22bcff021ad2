"""DCGAN on CelebA at 128 x 128: resized 3 x 3 convolutions, 50 epochs.

The plain twin of the octave networks of Durall et al. (2021): BCE loss, Adam
2e-4 (.5, .999), batch 64. One accelerator.

python -m jgan.main --config=experiments/dcgan/celeba.py --workdir=runs/celeba \
  --data_dir=DATA
"""
from jgan import config as configs


def get_config(form=None, model='dcgan'):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = base()
  c.steps = 50 * 3165  # epochs of full batches of 202,599 images
  c.platform = 'accelerator'
  c.data = {'name': 'celeba', 'size': 128}
  c.generator = {'name': model, 'latent': 100, 'width': 32}
  c.discriminator = {'name': model, 'width': 32}
  return small(c, form)


def base():
  """What all DCGAN experiments share."""
  c = configs.base()
  c.batch = 64
  c.loss = {'name': 'nonsaturating'}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 2e-4, 'b1': .5, 'b2': .999})
  return c


def small(c, form, size=32):
  """The `:smoke` form: narrow networks for some steps."""
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'critics': 1, 'log.every': 1,
      'samples.every': 2, 'samples.count': 16, 'checkpoint.every': 2,
      'generator.width': 4, 'discriminator.width': 4}, size)
