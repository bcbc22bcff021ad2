"""SNGAN on STL-10 at 48 x 48, train and unlabelled images together.

Miyato et al. (2018), with the schedule of experiments/sngan/cifar10.py. Scored
as there: FID of 5,000 fakes against 10,000 of the images. One accelerator.

python -m jgan.main --config=experiments/sngan/stl10.py --workdir=runs/stl10 \
  --data_dir=DATA
"""
from experiments.sngan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.base()
  c.data = {'name': 'stl10'}
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 64}
  c.discriminator = {'name': 'sngan', 'width': 64}
  cifar10.score(c, samples=5000, reals=10_000)
  return cifar10.small(c, form, size=48)
