"""alphaGAN: training of found architectures; `:ROW` is a row of the tables.

Tian et al. (2020): hinge loss, spectral norm in D alone, five critics of 64
images for one generator step of 128; 50,000 of those on CIFAR-10, 80,000 on
STL-10 at 48 x 48. Rows (published FID, IS): cifar10_s (12.86, 8.72),
cifar10_l (11.38, 8.51), stl10_s (22.63, 9.92), stl10_l (26.31, 9.64),
autogan_cifar10 (13.95, 8.38), autogan_stl10 (27.69, 9.38). With so many
channels in both G and D (figure 1, table 5): cifar10_s_32, _64, _128, _160,
_256, _384; cifar10_l_64, _96, _128, _192, _256, _384; autogan_cifar10_64, _128,
_192, _256, _384, _512; D of the other rows has 128. With a genotype of your
own: --config.generator.genotype=FILE. One accelerator.

The paper's 5.192 M and 5.853 M parameters of AutoGAN, 4.405 and 5.066 M here,
include three transposed convolutions that its code makes and never calls: one
of 2 x 2 and 256 channels in each cell, 262,400 parameters, beside the
interpolation that genotype A chose.

D starts as PyTorch draws it: the published scripts of alphaGAN and AutoGAN
write Xavier's numbers to a copy of its spectrally normalised kernels, which is
not trained. --config.discriminator.initializer=xavier_kernel is the other
reading.

python -m jgan.main --config=experiments/alphagan/retrain.py:cifar10_s \
  --workdir=runs/alphagan_s --data_dir=DATA
"""
from jgan import config as configs

ROWS = {
    **{f'{data}_{size}': {'data': data, 'genotype': f'alphagan_{size}'}
       for data in ('cifar10', 'stl10') for size in ('s', 'l')},
    **{f'autogan_{data}': {'data': data, 'model': 'autogan', 'genotype': 'A'}
       for data in ('cifar10', 'stl10')},
    **{f'cifar10_{size}_{width}': {
        'data': 'cifar10', 'genotype': f'alphagan_{size}', 'width': width,
        'disc_width': width} for size, widths in (
            ('s', (32, 64, 128, 160, 256, 384)),
            ('l', (64, 96, 128, 192, 256, 384))) for width in widths},
    **{f'autogan_cifar10_{width}': {
        'data': 'cifar10', 'model': 'autogan', 'genotype': 'A', 'width': width,
        'disc_width': width} for width in (64, 128, 192, 256, 384, 512)},
}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return small(base(**ROWS[row]), form)


def base(data, genotype, model='alphagan', width=256, disc_width=128):
  """What all rows share.

  Args:
    data: cifar10 or stl10.
    genotype: a name in jgan/genotypes, a path, or of AutoGAN a letter.
    model: of the generator.
    width, disc_width: channels of G and D.
  """
  stl10 = data == 'stl10'
  c = configs.base()
  c.data = {'name': data}
  c.platform = 'accelerator'
  c.steps, c.batch, c.gen_batch, c.critics = 50_000, 64, 128, 5
  c.generator = {'name': model, 'genotype': genotype, 'latent': 128,
                 'width': width, 'initializer': 'xavier_kernel'}
  c.discriminator = {'name': 'autogan', 'width': disc_width}
  c.loss = {'name': 'hinge'}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 2e-4, 'b1': .5 if stl10 else 0.,
                                'b2': .9})
  c.ema.decay = .999
  c.eval.update({'every': 3000, 'metrics': ('fd', 'inception_score'),
                 'network': 'inception', 'samples': 50000})
  c.checkpoint.update({'every': 3000, 'best': 'eval/FID'})
  c.samples.every = 3000
  if stl10:
    c.steps = 80_000
    for section in (c.eval, c.checkpoint, c.samples):
      section.every = 6560  # 20 epochs of D
  return c


def small(c, form):
  """The `:smoke` form: narrow networks, some steps, a score of pixels."""
  return configs.small(c, form, {
      'steps': 4, 'batch': 4, 'gen_batch': 8, 'critics': 1, 'log.every': 1,
      'generator.width': 8, 'discriminator.width': 8, 'samples.every': 2,
      'samples.count': 16, 'checkpoint.every': 2,
      'checkpoint.best': 'eval/fd_pixels', 'eval.every': 2,
      'eval.metrics': ('fd_pixels',), 'eval.network': '', 'eval.samples': 64,
      'eval.reals': 256}, 48 if c.data.name == 'stl10' else 32)
