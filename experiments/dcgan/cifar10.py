"""DCGAN on CIFAR-10: the fully convolutional CNN, BCE loss, 100k steps.

Scored as the sample differences penalization paper scores these networks: FID
of 10,000 fakes against 10,000 real images. One accelerator; on a CPU a
shortened run takes an hour.

python -m jgan.main --config=experiments/dcgan/cifar10.py \
  --workdir=runs/dcgan_cifar10 --data_dir=DATA
"""
from experiments.dcgan import celeba


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = celeba.base()
  c.steps = 100_000
  c.platform = 'accelerator'
  c.data = {'name': 'cifar10'}
  c.generator = {'name': 'cnn', 'latent': 128, 'width': 64}
  c.discriminator = {'name': 'cnn', 'width': 64}
  return celeba.small(celeba.score(c, 5000), form)
