"""SNGAN on Tiny-ImageNet at 64 x 64, with Miyato's ResNet-64, 64 channels.

250k steps, the rate decaying from step 200k; batch 64, five critics. FID of
10,000 fakes against 10,000 of the images, as published for SN-GAN on this set
with the sample differences penalization (51.47). One accelerator.

python -m jgan.main --config=experiments/sngan/tiny_imagenet.py \
  --workdir=runs/tiny --data_dir=DATA
"""
from experiments.sngan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.base()
  c.steps = 250_000
  c.data = {'name': 'tiny_imagenet'}
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 64}
  c.discriminator = {'name': 'sngan', 'width': 64}
  for player in ('gen', 'disc'):
    c.optimizer[player].schedule.start = 0 if form else 200_000
  cifar10.score(c, samples=10_000, reals=10_000)
  return cifar10.small(c, form, size=64)
