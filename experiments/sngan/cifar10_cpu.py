"""SNGAN with classes on CIFAR-10, small enough for two CPU cores in two hours.

64 channels in both players, conditional norms and projection; instead of five
critics one at twice the generator's rate (Heusel et al., 2017), which sees each
fake that the generator learns from; rates that fall to 0, mirrored images, an
average of decay .999. 10,000 steps of 32 images took two hours on two cores of
an Intel Xeon (2.5 GHz, AVX-512): FD-resnet56 6.64 at its best, 10,000 fakes
against the 50,000 training images, seed 0 (docs/results.md).

python -m jgan.main --config=experiments/sngan/cifar10_cpu.py \
  --workdir=runs/sngan_cpu --data_dir=DATA
"""
from experiments.mmd_nas import cpu
from experiments.sngan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.base()
  c.platform = 'any'
  c.steps, c.batch, c.critics = 10_000, 32, 1
  c.data = {'name': 'cifar10'}
  c.pipeline.flip = True
  c.generator = {'name': 'sngan', 'latent': 128, 'width': 64}
  c.discriminator = {'name': 'sngan', 'width': 64}
  c.optimizer.disc.lr = 4e-4
  c.ema.decay = .999
  cpu.score(c)
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 500
  c = cifar10.small(c, form)
  c.gen_batch, c.gen_noise = 0, 'shared'
  c.data.labels = True
  return c
