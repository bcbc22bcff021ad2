"""SNGAN with classes on CIFAR-10: conditional norms, projection in D.

Miyato & Koyama (2018) with the settings of the code published with the paper:
50k steps of five critics, 16 M real images, rates that fall to 0 from the first
step on, pixels without noise, no mirroring. That code comes with no number for
it. Published by others: FID 13.25, IS 8.68 (PyTorch-StudioGAN, 10k fakes
against the test split), FID 17.5 (quoted by later papers for the method). It is
scored as the other SNGAN recipes, by 50k fakes against the train split. One
accelerator.

python -m jgan.main --config=experiments/sngan/cifar10_classes.py \
  --workdir=runs/sngan_classes --data_dir=DATA
"""
from experiments.sngan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.base()
  c.steps = 50_000
  c.data = {'name': 'cifar10'}
  c.pipeline.dequantize = False
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 256,
                 'norm': {'name': 'batch', 'eps': 2e-5}}
  c.discriminator = {'name': 'sngan', 'width': 128}
  c = cifar10.small(cifar10.score(c, samples=50_000), form)
  c.data.labels = True
  return c
