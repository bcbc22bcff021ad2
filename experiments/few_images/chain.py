"""FastGAN whose discriminator has CHAIN in its layers, and a folder of images.

Ni and Koniusz (2024) with the settings of their code for some hundred images at
256 x 256: hinge, color and translation of all that D sees, batch 8, Adam (.5,
.999) at 2e-4, lambda 20, tau .5, p moves from step 5,000 on. Rows: chain, with
p_0 = .1 as for their smallest sets; chain_0, with 0; plain, FastGAN's own batch
normalisation in D. Theirs is a larger D of their own, without decoders and with
statistics over several batches: no row of their tables is this one, so no
number stands beside it. FID of 5,000 images, as by pytorch-fid, against the
training images. One accelerator.

python -m jgan.main --config=experiments/few_images/chain.py \
  --workdir=runs/chain --data_dir=FOLDER
"""
from experiments.re_gan import fastgan
from jgan import config as configs

ROWS = {'chain': {'floor': .1}, 'chain_0': {'floor': 0.}, 'plain': {}}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return fastgan.small(base(**ROWS[row]), form)


def base(floor=None):
  """FastGAN without decoders; floor: p_0 of CHAIN, None: without it."""
  c = fastgan.base(decode=False)
  c.loss = {'name': 'hinge'}
  if floor is not None:
    c.discriminator.norm = 'chain'
    c.penalties = ({'name': 'chain', 'base': floor},)
  return c
