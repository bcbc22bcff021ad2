"""Octave against plain DCGAN on CIFAR-10 at small width, on a CPU.

`:plain`, `:oct` and `:combi`, 1,000 steps each, some minutes on one core; then
their scores side by side, how each went, and the bands of frequency.

python -m jgan.main --config=experiments/soft_octave/cpu.py:combi \
  --workdir=runs/combi --data_dir=DATA
python -m jgan.main --mode=report --runs=runs/plain,runs/oct,runs/combi \
  --out=runs/report
"""
from experiments.mmd_nas import cpu
from experiments.soft_octave import celeba
from jgan import config as configs

ROWS = ('plain', 'oct', 'combi')


def get_config(form=None):
  """One row, plain without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  c = celeba.base(row, batches=20, size=32, **celeba.GAMES['dcgan'])
  c.data = {'name': 'cifar10'}
  c.platform = 'any'
  c.batch = 32
  c.generator.width = c.discriminator.width = 16
  cpu.score(c)  # FD-resnet56, no FID
  c.eval.samples = 1000
  c.eval.metrics = ('fd', 'spectrum', 'spectrum_bands')
  c.eval.every = c.checkpoint.every = c.samples.every = 100
  return celeba.small(c, form)
