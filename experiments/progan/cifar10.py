"""ProGAN on CIFAR-10 as published; `:paper`, or `:regan`, both scored alike.

Karras et al. (2018): 12 M real images over stages of 4, 8, 16 and 32 pixels,
each blended in, WGAN-GP with a gradient norm of 750 on this set, weight 10 /
750^2, Adam 1e-3 (0, .99) begun anew in each stage, an average of .999; IS 8.80,
FID 15.52 (50,000 fakes against the train split). The new layers of a stage are
blended in during its first half, theirs during 600,000 images: the same but in
the last stage. Row regan has the networks and the settings of re_gan/progan.py
and this protocol. One accelerator.

python -m jgan.main --config=experiments/progan/cifar10.py \
  --workdir=runs/progan --data_dir=DATA
"""
from experiments.re_gan import progan
from jgan import config as configs

ROWS = ('paper', 'regan')
_BOTH = {'width': 512, 'table': 'paper', 'act': 'leaky_relu', 'last_gain': 1.}
# Generator steps of each stage: 600,000 images, twice 1.2 M, and the rest.
_STAGES = (4688, 9375, 9375, 140_625)
_NORM = 750.  # of D's gradient


def get_config(form=None):
  """One row, paper without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  c = progan.base(**progan.ROWS['cifar10'])
  if row == 'paper':
    c.steps = sum(_STAGES)
    c.method = {'name': 'progressive', 'stages': _STAGES, 'fade': .5,
                'batches': (128, 128, 128, 64), 'smooth': True, 'reset': True}
    c.generator = {'name': 'progan', 'latent': 512, 'pixel_norm': 'after',
                   'normalise': True, 'stem_fan': 'in', 'stem_convs': 1,
                   'tanh': False, **_BOTH}
    c.discriminator = {'name': 'progan', 'pixel_norm': 'none', 'hidden': 'in',
                       'rgb_act': True, 'group': 4, **_BOTH}
    c.penalties = ({'name': 'gradient', 'weight': 10. / _NORM**2,
                    'center': _NORM},
                   {'name': 'drift', 'weight': 1e-3})
    for player in ('gen', 'disc'):
      c.optimizer[player].counts = 'shared'
    c.ema.decay = .999
  c.eval.update({'split': '', 'protocol': 'standard', 'samples': 50_000})
  return progan.small(c, form)
