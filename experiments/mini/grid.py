"""25 Gaussians on a grid, as points of the plane: who covers all modes?

python -m jgan.main --config=experiments/mini/grid.py --workdir=runs/grid
"""
from jgan import config as configs


def get_config(form=None, kind='grid'):
  """WGAN-GP with small fully-connected networks, a minute on two cores."""
  c = configs.base()
  c.steps, c.batch, c.critics = 5000, 256, 2
  c.data = {'name': 'mixture', 'kind': kind, 'render': 'points', 'std': .02}
  c.generator = {'name': 'mlp', 'latent': 16, 'width': 128}
  c.discriminator = {'name': 'mlp', 'width': 128}
  c.loss = {'name': 'wasserstein'}
  c.penalties = ({'name': 'gradient', 'weight': .1},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 1e-3, 'b1': 0., 'b2': .9})
  c.ema.decay = .995
  c.samples.count = 1000
  c.eval.update({'every': 1000, 'metrics': ('modes',), 'samples': 2500})
  return configs.small(c, form, {
      'steps': 40, 'log.every': 10, 'samples.every': 20, 'samples.count': 100,
      'checkpoint.every': 20, 'eval.every': 20, 'eval.samples': 100})
