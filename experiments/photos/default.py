"""Your own photos: some hundred to some thousand, on any machine.

FastGAN with color and translation of all that D sees, as in
experiments/re_gan/fastgan.py, narrow enough for a CPU; at 32 x 32, which
FastGAN does not have, a ResNet with R1 and the same augmentation. (Of 999
flowers at 64 x 64, after 200 steps of 26 and 27 GFLOPs on a CPU, seed 0,
FastGAN had shapes of flowers and fd_pixels 410, the ResNet blocks of colour and
544.) Rows are the side of the images: 64, 32, 128, 256. Photos that are damaged
or smaller are left out, which is said; --config.data.upscale=True takes small
ones. The scores need no network: fd_pixels, and how many fakes are no copies of
photos.

Without --config this is what photos are trained by, in a folder, a zip file or
Parquet files:

jgan --data_dir=PHOTOS --size=64 --workdir=runs/photos
python -m jgan.main --config=experiments/photos/default.py:64 \
  --workdir=runs/photos --data_dir=PHOTOS

20,000 steps of 8 images (at 32: 16); --config.steps=40000 is longer. An
accelerator has room for the published width: --config.generator.width=64
--config.discriminator.width=64.
"""
from experiments.re_gan import fastgan
from jgan import config as configs

ROWS = {'64': {'width': 16}, '32': {'width': 32}, '128': {'width': 16},
        '256': {'width': 16}}


def get_config(form=None):
  """One size; `:SIZE:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  size, width = int(row), ROWS[row]['width']
  c = small_resnet(width) if size < 64 else fastgan.base()
  c.platform, c.steps = 'any', 20_000
  c.data = {'name': 'image_folder', 'size': size, 'skip_bad': True}
  c.pipeline.flip = True
  c.generator.update({'latent': 128, 'width': width})
  c.discriminator.width = width
  c.eval.update({'metrics': ('fd_pixels', 'memorisation_pixels'), 'network': '',
                 'protocol': 'standard', 'samples': 1000})
  c.checkpoint.best = 'eval/fd_pixels'
  c.samples.initial, c.log.every = True, 50
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 500
  c = fastgan.small(c, form) if size >= 64 else configs.small(c, form, {
      'steps': 4, 'generator.width': 4, 'discriminator.width': 4,
      'eval.every': 2, 'eval.samples': 64, 'checkpoint.every': 2,
      'samples.every': 2, 'samples.count': 4, 'log.every': 1}, size)
  return c


def small_resnet(width):
  """SNGAN's ResNets without spectral normalisation, with R1 in its place."""
  c = configs.base()
  c.batch = 16
  c.generator = {'name': 'sngan', 'width': width}
  c.discriminator = {'name': 'sngan', 'width': width, 'conv': 'plain',
                     'dense': 'plain'}
  c.penalties = ({'name': 'r1', 'gamma': 1.},)
  c.augment = ({'name': 'diffaugment', 'policy': ('color', 'translation')},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 2e-4, 'b1': 0., 'b2': .99})
  c.ema.update({'decay': .999, 'rampup': .05})
  return c
