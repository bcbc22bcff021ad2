"""Soft octave GANs on 64 x 64 flowers; `:ROW` is GAME_CONVOLUTION.

The rows of celeba.py on the 7,985 JPEG files of the Oxford flowers, or on any
other folder of so many. Weights move, and scores are taken, every four passes
of 124 batches; there are 200 passes. Not in the paper, so there is no score to
reach. One accelerator.

python -m jgan.main --config=experiments/soft_octave/flowers.py:dcgan_combi \
  --workdir=runs/flowers_combi --data_dir=FOLDER
"""
from experiments.soft_octave import celeba
from jgan import config as configs

ROWS = celeba.ROWS


def get_config(form=None):
  """One row, dcgan_plain without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  game, convolution = ROWS[row]
  c = celeba.base(convolution, batches=4 * 124, size=64, **celeba.GAMES[game])
  c.data = {'name': 'image_folder', 'size': 64}
  return celeba.small(c, form)
