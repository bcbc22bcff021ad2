"""DCGAN on any folder of images, at 64 x 64 with flips.

python -m jgan.main --config=experiments/dcgan/folder.py --workdir=runs/folder \
  --data_dir=FOLDER

--config.data.size=128 takes larger images, --config.data.skip_bad=True leaves
out files that cannot be read instead of stopping at them. The score, fd_pixels,
needs no network; --config.eval.metrics=fd --config.eval.network=inception
--config.checkpoint.best=eval/FID gives the FID.
"""
from experiments.dcgan import celeba


def get_config(form=None):
  """10,000 steps; `:smoke` ends in a minute on two CPU cores."""
  c = celeba.base()
  c.steps = 10_000
  c.data = {'name': 'image_folder', 'size': 64}
  c.pipeline.flip = True
  c.generator = {'name': 'dcgan', 'latent': 100, 'width': 64}
  c.discriminator = {'name': 'dcgan', 'width': 64}
  c.ema.decay = .999
  c.eval.update({'every': 1000, 'metrics': ('fd_pixels',), 'samples': 1000})
  c.checkpoint.best = 'eval/fd_pixels'
  if form:
    c.eval.update({'every': 2, 'samples': 64})
  return celeba.small(c, form, size=16)
