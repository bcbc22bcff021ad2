"""WGAN-GP on CIFAR-10 with ResNets: no normalisation in the critic.

Gulrajani et al. (2017), unlabelled: 128 channels in both networks, lambda 10,
five critics of 64 images, Adam 2e-4 (0, .9), linear decay to 0 over 100k steps.
Published: IS 7.86; with the schedule of pytorch-gan-collections IS 7.95, FID
16.95. One accelerator.

python -m jgan.main --config=experiments/sngan/cifar10_wgan_gp.py \
  --workdir=runs/wgan_gp_resnet --data_dir=DATA
"""
from experiments.sngan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.base()
  c.data = {'name': 'cifar10'}
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 128}
  c.discriminator = {'name': 'sngan', 'width': 128, 'conv': 'plain',
                     'dense': 'plain'}
  c.loss = {'name': 'wasserstein'}
  c.penalties = ({'name': 'gradient', 'weight': 10.},)
  return cifar10.small(cifar10.score(c, samples=50_000), form)
