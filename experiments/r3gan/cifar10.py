"""R3GAN on CIFAR-10, 32 x 32: pairs, R1 and R2, grouped residual networks.

Huang et al. (2024) with the settings of the code published with the paper: 250
M images, in the first 20 M of which all rates move. Published: FID 1.96 (50k
fakes against the train split, as scored here) with class labels: that is the
row `classes`, in which fakes have the labels of the reals beside them. Without
labels no number is published. In bfloat16 but for the stage of 4 x 4, as there;
four days on eight L40 there. A device with all 512 images of the batch holds
109 GiB in float32, one of eight an eighth.

python -m jgan.main --config=experiments/r3gan/cifar10.py:classes \
  --workdir=runs/r3gan --data_dir=DATA
"""
from jgan import config as configs

ROWS = 'plain', 'classes'


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = base({'name': 'cifar10'}, batch=512, gamma=.05, p=.55, half_life=5e6,
           images=250e6)
  return told(small(c, form), row)


def base(data, *, batch, gamma, p, half_life, images, ramp=20e6, **network):
  """What all R3GAN experiments share.

  Args:
    data: its section of the config.
    batch: real images of a step.
    gamma: of R1 and R2 at the start; it falls to a tenth.
    p: of the augmentations at the end; it rises from 0.
    half_life: of the averaged generator at the end, in images; from 0 too.
    images: to train on.
    ramp: images in which all of these, the learning rate and b2 move.
    network: fields of both networks.
  """
  c = configs.base()
  c.data = data
  c.pipeline.flip = True
  c.platform, c.dtype = 'accelerator', 'bfloat16'
  c.steps, c.batch = round(images / batch), batch
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'r3gan', **network}
  c.loss = {'name': 'relativistic_pairing'}
  end = ramp / batch
  c.penalties = tuple({'name': name, 'gamma': gamma, 'final': .1, 'end': end,
                       'plain': True} for name in ('r1', 'r2'))
  c.augment = ({'name': 'ada', 'rule': 'cosine', 'final': p,
                'kimg': ramp / 1000, 'color': .5, 'cutout': 1.},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({
        'lr': 2e-4, 'b1': 0., 'b2': .9, 'final_b2': .99, 'end': end,
        'schedule': {'name': 'cosine', 'final': .25, 'end': end}})
  c.ema.update({'decay': .5**(batch / half_life), 'end': end})
  c.eval.update({'metrics': ('fd',), 'network': 'inception',
                 'samples': 50_000})
  c.checkpoint.best = 'eval/FID'
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 5000
  return c


def told(c, row, classes=0):
  """The row 'classes': both players are told the class of each image.

  classes: their number, where only the files of the data set say it.
  """
  if row == 'classes':
    c.data.labels, c.classes.fakes = True, 'real'
    if c.data.name != 'mixture':  # of the small form
      c.classes.names = tuple(map(str, range(classes)))
  return c


def small(c, form, size=32):
  """The `:smoke` form: narrow networks, a score of pixels."""
  for player in ('generator', 'discriminator') if form else ():
    c[player].update({'width': 8, 'most': 8, 'group': 8,
                      'blocks': (1,) * (size.bit_length() - 2)})
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'dtype': 'float32', 'log.every': 1,
      'samples.every': 2, 'samples.count': 16, 'checkpoint.every': 2,
      'checkpoint.best': 'eval/fd_pixels', 'eval.every': 2,
      'eval.metrics': ('fd_pixels',), 'eval.network': '', 'eval.samples': 64,
      'eval.reals': 256}, size)
