"""MMD-AdversarialNAS on STL-10 at 48 x 48, the large generator: 19.5 M.

The genotype found on CIFAR-10; train and unlabelled images together. Rank 128
and one linear layer at rank 4 make 5.4 M. Published: FID 12.91, IS 11.60;
compressed FID 13.06, IS 11.28; six seeds gave 13.54 +- 1.12. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/stl10_large.py \
  --workdir=runs/mmd_nas_stl --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  return cifar10_large.small(base(), form, size=48)


def base(width=256):
  """What both widths share."""
  c = cifar10_large.base(width=width, rank=128)
  c.data = {'name': 'stl10'}
  c.steps = c.compress.steps = 500 * 821
  c.log.every = 821
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 5 * 821
  c.eval.first = 821
  c.compress.last = ({'match': r'^linear_2$', 'form': 'svd', 'rank': 4},)
  return c
