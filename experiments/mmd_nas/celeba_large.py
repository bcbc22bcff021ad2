"""MMD-AdversarialNAS on CelebA at 64 x 64, the large generator: 21.7 M.

After scripts/train_arch_celeba.sh of the published code (MMD-AdversarialNAS):
the genotype found on CIFAR-10, 202,599 images with flips, 500 epochs, a
discriminator that halves the map twice. The paper (Pulakurthi et al., 2024)
has no CelebA, and no score is published with the code; the compression is that
of STL-10. --config.discriminator.halvings=3 is the deeper discriminator. One
accelerator.

python -m jgan.main --config=experiments/mmd_nas/celeba_large.py \
  --workdir=runs/mmd_nas_celeba --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large, stl10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  return cifar10_large.small(base(), form, size=64)


def base(width=256):
  """What both widths share."""
  c = stl10_large.base(width=width)
  c.data = {'name': 'celeba', 'size': 64}
  c.pipeline.flip = True
  c.log.every = 202_599 // c.batch  # an epoch, without its last batch
  c.steps = c.compress.steps = 500 * c.log.every
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 5 * c.log.every
  c.eval.first = c.log.every
  return c
