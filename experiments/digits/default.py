"""Handwritten digits at 16 x 16 by a small DCGAN: the default, no download.

Reaches fd_pixels 1.0 in 80 s on two CPU cores (seed 0; untrained 95).

python -m jgan.main --config=experiments/digits/default.py --workdir=runs/digits

In the row `classes` both players are told which digit an image shows, and
samples have a row for each. Reaches fd_pixels 2.0 after its 1,500 steps, a
minute, and a classifier takes all 1,000 images for the digit that they should
be (seed 0):

python -m jgan.main --config=experiments/digits/default.py:classes \
  --workdir=runs/digits_classes
"""
from jgan import config as configs

ROWS = 'plain', 'classes'


def get_config(form=None):
  """About 80 seconds on two CPU cores; `:smoke` some seconds."""
  row, form = configs.row(form, ROWS)
  c = configs.base()
  c.steps = 6000
  c.batch = 64
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 32, 'width': 32}
  c.discriminator = {'name': 'dcgan', 'width': 32, 'norm': 'none'}
  c.loss = {'name': 'hinge'}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 1e-3, 'b1': 0., 'b2': .99,
                                'schedule': {'name': 'linear'}})
  c.ema.decay = .995
  c.eval.update({'every': 1000, 'metrics': ('fd_pixels',), 'samples': 1000})
  c.checkpoint.best = 'eval/fd_pixels'
  if row == 'classes':
    c.steps, c.samples.count = 1500, 80
    c.data.labels, c.classes.fakes = True, 'real'
    c.eval.update({'network': 'classifier', 'metrics': (
        'fd_pixels', 'class_accuracy', 'intra_fd')})
  return configs.small(c, form, {
      'steps': 60, 'log.every': 10, 'samples.every': 30, 'eval.every': 30,
      'eval.samples': 100, 'checkpoint.every': 20, 'generator.width': 4,
      'discriminator.width': 4, 'batch': 16})
