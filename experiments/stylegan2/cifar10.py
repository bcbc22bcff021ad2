"""StyleGAN2 with classes and ADA on CIFAR-10, the tuned configuration.

Karras et al. (2020, "Training GANs with limited data") with the settings of the
code published with the paper, NVlabs/stylegan2-ada-pytorch: 100 M images; 512
channels everywhere, a mapping of two layers, a discriminator without shortcuts;
R1 every 16th step, neither path lengths nor mixed styles. Published: FID 2.42
(50k fakes against the train split, as scored here). There in float16 with
clipped activations, here in float32; augment/ada.py says how its images differ.
Fakes have the labels of random training images there, which is uniform, as all
classes of CIFAR-10 have as many. One accelerator.

python -m jgan.main --config=experiments/stylegan2/cifar10.py \
  --workdir=runs/stylegan2_classes --data_dir=DATA
"""
from experiments.re_gan import stylegan2
from jgan.optim.lazy import lazy


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = stylegan2.small(base(), form)
  c.data.labels = True
  return c


def base(first=0):
  """The same without classes, of the first so many images; 0: all."""
  c = stylegan2.base({'name': 'cifar10'}, first=first, full=False,
                     samples=50_000)
  c.steps, c.batch = 1_562_500, 64
  c.pipeline.flip = False
  c.generator.update({'depth': 2, 'mixing': 0.})
  c.discriminator.update({'group': 32, 'residual': False})
  c.lazy = 'apart'
  c.penalties = ({'name': 'r1', 'gamma': .01, 'every': 16, 'plain': True},)
  # G's rates are those of a penalty every 4th step, although there is none.
  for player, every in (('gen', 4), ('disc', 16)):
    c.optimizer[player].update(lazy(every, lr=.0025, b1=0., b2=.99))
  c.augment = ({'name': 'ada'},)
  c.ema.update({'decay': .5**(c.batch / 500_000), 'rampup': .05})
  c.eval.protocol = 'nvlabs'
  return c
