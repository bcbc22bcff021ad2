"""FastGAN and Re-FastGAN on a folder of images, at 256 x 256.

Liu et al. (2021) with the settings of their code: hinge with random margins,
color and translation of all that D sees, D rebuilds the real images, batch 8,
50,000 steps. Rows: fastgan; re_fastgan, whose generator is pruned and grows
(Saxena et al., 2023, whose own settings of it are not published); plain,
without rebuilding. FID, as by pytorch-fid, of 5,000 images against the training
images.
--config.data.size=512 and 1024 take larger images. One accelerator.

python -m jgan.main --config=experiments/re_gan/fastgan.py --workdir=runs/fast \
  --data_dir=FOLDER

Rebuilt images are compared by pixels. The paper's LPIPS needs its weights:
  --config.penalties[0].distance=lpips \
  --config.penalties[0].weights=vgg16-397923af.pth,lpips/weights/v0.1/vgg.pth
"""
from experiments.re_gan import stylegan2
from jgan import config as configs

ROWS = {'fastgan': {}, 're_fastgan': {'re': True}, 'plain': {'decode': False}}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return small(base(**ROWS[row]), form)


def base(*, re=False, decode=True):
  """What all FastGAN experiments share.

  Args:
    re: prune and grow.
    decode: self-supervision of D.
  """
  c = configs.base()
  c.data = {'name': 'image_folder', 'size': 256}
  c.pipeline.flip = True
  c.platform = 'accelerator'
  c.steps, c.batch, c.gen_noise = 50_000, 8, 'shared'
  c.generator = {'name': 'fastgan', 'side': True}
  c.discriminator = {'name': 'fastgan', 'patches': True, 'decode': decode}
  c.loss = {'name': 'hinge_random_margin'}
  if decode:
    c.penalties = ({'name': 'reconstruction', 'reduction': 'sum'},)
  c.augment = ({'name': 'diffaugment', 'policy': ('color', 'translation')},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 2e-4, 'b1': .5, 'b2': .999})
  # Averaged weights want averaged statistics. Those begin with variances of 1,
  # far above what comes: the ramp forgets them, or all images would be grey for
  # thousands of steps.
  c.ema.update({'decay': .999, 'stats': True, 'rampup': .05})
  if re:
    stylegan2.prune(c)
  c.eval.update({'metrics': ('fd',), 'network': 'inception',
                 'protocol': 'pytorch_fid', 'samples': 5000})
  c.checkpoint.best = 'eval/FID'
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 5000
  return c


def small(c, form):
  """The `:smoke` form, at 64 x 64."""
  if form:
    c.generator.latent = 16
  return stylegan2.shrink(c, form, 64)
