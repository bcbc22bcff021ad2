"""Handwritten digits at 16 x 16 by a small DCGAN: the default, no download.

python -m jgan.main --config=experiments/digits/default.py --workdir=runs/digits
"""
from jgan import config as configs


def get_config(form=None):
  """About a minute on two CPU cores; `:smoke` some seconds."""
  c = configs.base()
  c.steps = 4000
  c.batch = 32
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 32, 'width': 16}
  c.discriminator = {'name': 'dcgan', 'width': 16, 'norm': 'none'}
  c.loss = {'name': 'hinge'}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 1e-3, 'b1': 0., 'b2': .99})
  c.ema.decay = .99
  c.eval.update({'every': 1000, 'metrics': ('fd_pixels',), 'samples': 1000})
  c.checkpoint.best = 'eval/fd_pixels'
  return configs.small(c, form, {
      'steps': 60, 'log.every': 10, 'samples.every': 30, 'eval.every': 30,
      'eval.samples': 100, 'checkpoint.every': 20, 'generator.width': 4,
      'discriminator.width': 4, 'batch': 16})
