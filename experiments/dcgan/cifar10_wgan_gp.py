"""WGAN-GP on CIFAR-10 with the DCGAN networks: layer norm in the critic.

Gulrajani et al. (2017): five critics, lambda 10, Adam 2e-4 (.5, .999) as the
CNNs of the sample differences penalization paper use. One accelerator.

python -m jgan.main --config=experiments/dcgan/cifar10_wgan_gp.py \
  --workdir=runs/wgan_gp --data_dir=DATA
"""
from experiments.dcgan import celeba, cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.get_config()
  c.critics = 5
  c.discriminator.norm = 'layer'
  c.loss = {'name': 'wasserstein'}
  c.penalties = ({'name': 'gradient', 'weight': 10.},)
  return celeba.small(c, form)
