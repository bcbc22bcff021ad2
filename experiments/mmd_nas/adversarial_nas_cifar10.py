"""AdversarialNAS on CIFAR-10: its genotype, hinge loss, 8.8 M parameters.

Gao et al. (2020): 20 real and 80 generated images per step (the published
code feeds half of each batch of 40), five critics, 600 critic epochs.
Published: FID 10.87, IS 8.74. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/adversarial_nas_cifar10.py \
  --workdir=runs/adversarial_nas --data_dir=DATA
"""
from experiments.mmd_nas import cifar10_large


def get_config(form=None):
  """The full run; `:smoke` ends in minutes on two CPU cores."""
  return cifar10_large.small(base(), form)


def base(width=256):
  """What both data sets share."""
  c = cifar10_large.base(width=width)
  c.data = {'name': 'cifar10'}
  c.generator.genotype = 'adversarial_nas'
  c.discriminator = {'name': 'autogan', 'width': 128, 'outputs': 1}
  c.loss, c.feedback, c.paired_stats = {'name': 'hinge'}, (), False
  c.batch, c.gen_batch, c.critics = 20, 80, 5
  # A critic's epoch are 1,250 batches of 40, every fifth with a step of G.
  c.steps = 600 * 250
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 5000
  c.eval.first = 0
  c.log.every = 250
  return c
