"""SNGAN on CIFAR-10 with the paper's standard CNN.

As in pytorch-gan-collections: batch 128, one critic, latents of 100; published
with these: FID 17.81, IS 7.84 (50k fakes against the train split, as scored
here). One accelerator.

python -m jgan.main --config=experiments/sngan/cifar10_cnn.py \
  --workdir=runs/sngan_cnn --data_dir=DATA
"""
from experiments.sngan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.base()
  c.batch, c.gen_batch, c.critics = 128, 0, 1
  c.data = {'name': 'cifar10'}
  c.generator = {'name': 'sn_cnn', 'latent': 100}
  c.discriminator = {'name': 'sn_cnn'}
  return cifar10.small(cifar10.score(c, samples=50_000), form)
