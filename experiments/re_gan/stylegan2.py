"""StyleGAN2 and Re-StyleGAN2: CIFAR-10, Tiny-ImageNet and FFHQ, all or a part.

Saxena et al. (2023), tables 1, 2 and 6: the generator is pruned and grows in
turns of 5,000 steps after a warm-up of 10,000, but for its layers to RGB; a
tenth of its weights, of FFHQ three. Rows, with the published FID, and of
re_ROW behind the stroke: cifar10 13.19/12.16, cifar10_50 17.22/16.09,
cifar10_20 29.77/27.98, cifar10_10 36.45/32.91 (the first so many per cent of
the images), tiny 20.95/20.21, tiny_50 30.03/29.19, tiny_20 65.26/62.34, tiny_10
84.86/82.63 (so many per cent, drawn from all classes: the files are sorted by
class), ffhq_1024_70k 4.35/4.19, ffhq_1024_10k 13.06/11.22, ffhq_1024_5k
21.76/19.13, ffhq_1024_1k 40.24/36.3 (the first so many). FID as by pytorch-fid:
10,000 images and the test split (of Tiny-ImageNet the validation split), of
FFHQ 50,000 images and all 70,000, for which --data_dir is the folder of the
images. One accelerator.

What other papers' tables cite (Zhao et al., 2020; Jiang et al., 2021) has rows
too, whose average follows 1 M images: cifar10_diffaug (with color and cutout;
9.89), and stl10, stl10_diffaug (20.84 without), at 64 pixels, which these
networks need, scored by 50,000 images against those they train on. The tables
have STL-10 at 48.

python -m jgan.main --config=experiments/re_gan/stylegan2.py:re_cifar10 \
  --workdir=runs/re_cifar10 --data_dir=DATA
"""
from jgan import config as configs
from jgan.optim.lazy import lazy

_CIFAR10 = {'data': {'name': 'cifar10'}, 'split': 'test', 'width': 128,
            'gamma': .1, 'full': False}
_TINY = {'data': {'name': 'tiny_imagenet'}, 'split': 'val', 'width': 128,
         'gamma': 1., 'full': False}
_FFHQ = {'data': {'name': 'image_folder', 'size': 1024}, 'samples': 50_000,
         'ratio': .3}
_DENSE = {
    **{f'{name}{"" if part == 100 else f"_{part}"}': {
        **fields, **({} if part == 100 else some(part))}
       for name, fields, some in (
           ('cifar10', _CIFAR10, lambda part: {'first': 500 * part}),
           ('tiny', _TINY, lambda part: {'fraction': part / 100}))
       for part in (100, 50, 20, 10)},
    'ffhq_1024_70k': _FFHQ,
    **{f'ffhq_1024_{part}k': {**_FFHQ, 'first': 1000 * part}
       for part in (10, 5, 1)},
}
_CITED = {'half_life': 1_000_000}
_STL10 = {'data': {'name': 'stl10', 'size': 64}, 'width': 128, 'gamma': .1,
          'full': False, 'samples': 50_000, **_CITED}
ROWS = _DENSE | {f're_{name}': fields | {'re': True}
                 for name, fields in _DENSE.items()} | {
    'cifar10_diffaug': {**_CIFAR10, **_CITED, 'policy': ('color', 'cutout')},
    'stl10': _STL10,
    'stl10_diffaug': {**_STL10, 'policy': ('color', 'translation', 'cutout')},
}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return small(base(**ROWS[row]), form)


def base(data, *, first=0, fraction=1., split='', width=0, gamma=10., full=True,
         re=False, ratio=.1, samples=10_000, half_life=10_000, policy=()):
  """What all StyleGAN2 experiments share: that of Karras et al. (2020).

  Args:
    data: its section of the config.
    first: images to train on, 0 for all.
    fraction: of the images to train on, a random one.
    split: of the data, to score against; '': all images there are.
    width: channels at full size; 0: those of the paper.
    gamma: of R1.
    full: path length, and R1 lazily, in updates of their own; False: neither,
      as for small images.
    re: prune and grow.
    ratio: how much.
    samples: per score.
    half_life: of the averaged generator, in images.
    policy: of DiffAugment; (): none.
  """
  c = configs.base()
  c.data = data
  c.pipeline.update({'first': first, 'fraction': fraction, 'flip': True})
  c.platform = 'accelerator'
  c.steps, c.batch = 800_000, 32
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'stylegan2', 'width': width}
  c.loss = {'name': 'nonsaturating'}
  adam = {'lr': .002, 'b1': 0., 'b2': .99}
  if full:
    c.lazy = 'apart'
    c.penalties = ({'name': 'r1', 'gamma': gamma, 'every': 16},
                   {'name': 'path_length', 'every': 4})
    c.optimizer.gen.update(lazy(4, **adam))
    c.optimizer.disc.update(lazy(16, **adam))
  else:
    c.penalties = ({'name': 'r1', 'gamma': gamma},)
    for player in ('gen', 'disc'):
      c.optimizer[player].update(adam)
  c.ema.decay = .5**(c.batch / half_life)
  if policy:
    c.augment = ({'name': 'diffaugment', 'policy': policy},)
  if re:
    # The published code prunes with .002 itself, not the .0016 of its warm-up
    # (by 4/5 for path length), from the second sparse step on.
    rates = {'sparse_factor': 5 / 4, 'grow_factor': .1 * 5 / 4} if full else {}
    prune(c, ratio=ratio, first_extra=1, skip='to_rgb', **rates)
  c.eval.update({'split': split, 'subset': False,
                 'metrics': ('fd', 'inception_score'),
                 'network': 'inception', 'protocol': 'pytorch_fid',
                 'samples': samples})
  c.checkpoint.best = 'eval/FID'
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 10_000
  return c


def prune(c, **fields):
  """Makes it a Re-GAN, with the durations of the paper in steps."""
  c.optimizer.gen.pruning = {'name': 'prune_grow', 'warmup': 10_000,
                             'interval': 5000, **fields}


def small(c, form, size=8):
  """The `:smoke` form: narrow networks, a phase of one step each."""
  for player in ('generator', 'discriminator') if form else ():
    c[player].most = 16
  if form:
    c.generator.update({'latent': 16, 'depth': 2})
  return shrink(c, form, size)


def shrink(c, form, size):
  """The same of any Re-GAN: some steps on drawn images, a score of pixels."""
  if form and c.optimizer.gen.pruning.name == 'prune_grow':
    c.optimizer.gen.pruning.update({'warmup': 1, 'interval': 1})
  return configs.small(c, form, {
      'steps': 4, 'batch': 8, 'log.every': 1, 'pipeline.first': 0,
      'pipeline.fraction': 1.,
      'generator.width': 4, 'discriminator.width': 4, 'samples.every': 2,
      'samples.count': 16, 'checkpoint.every': 2,
      'checkpoint.best': 'eval/spectrum', 'eval.every': 2, 'eval.split': '',
      'eval.metrics': ('spectrum',), 'eval.network': '', 'eval.samples': 64,
      'eval.reals': 64}, size)
