"""AdversarialNAS on STL-10 at 48 x 48: 270 channels, 8.9 M parameters.

Gao et al. (2020): 64 real and 256 generated images per step. Published: FID
26.98, IS 9.63; users report collapse after epoch 100, so keep the best
checkpoint. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/adversarial_nas_stl10.py \
  --workdir=runs/adversarial_nas_stl --data_dir=DATA
"""
from experiments.mmd_nas import adversarial_nas_cifar10, cifar10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  c = adversarial_nas_cifar10.base(width=270)
  c.data = {'name': 'stl10'}
  c.batch, c.gen_batch = 64, 256
  c.steps = 600 * 164  # 821 batches of 128 per critic's epoch
  return cifar10_large.small(c, form, size=48)
