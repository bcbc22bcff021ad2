"""R3GAN on CIFAR-10 at reduced width, on a CPU.

16 channels at full size and at most 128, a residual block a stage; batch 32,
without augmentation, which so few images do not need. FD-resnet56 of 2,000
fakes 22.95 at step 1,000, 27.35 at the end, seed 0; 51 minutes at the lowest
priority on two cores that other jobs kept busy.

python -m jgan.main --config=experiments/r3gan/cifar10_cpu.py \
  --workdir=runs/r3gan --data_dir=DATA
"""
from experiments.mmd_nas import cpu
from experiments.r3gan import cifar10


def get_config(form=None):
  """1,500 steps; `:smoke` ends in a minute on two CPU cores."""
  steps, batch = 1500, 32
  c = cifar10.base({'name': 'cifar10'}, batch=batch, gamma=.05, p=0.,
                   half_life=100 * batch, images=steps * batch,
                   ramp=steps * batch, width=16, most=128,
                   blocks=(1, 1, 1, 1))
  c.platform, c.dtype = 'any', 'float32'
  c.augment = ()
  for player in ('gen', 'disc'):
    c.optimizer[player].lr = 5e-4  # of so few steps
  cpu.score(c)
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 250
  return cifar10.small(c, form)
