"""ProGAN, Re-ProGAN (Saxena et al., 2023): CIFAR-10, Tiny-ImageNet, few images.

Progressive growing as their code has it: WGAN-GP, Adam that is kept from stage
to stage, no average. Re-ProGAN prunes a tenth of the generator in turns, in
the last stage only. Rows, with the published FID, and of re_ROW behind the
stroke:
  tables 1, 2  cifar10 26.14/21.17, cifar10_50 28.33/25.74, cifar10_20
               28.64/27.19, cifar10_10 30.08/29.33, tiny 40.27/37.47, tiny_50
               49/46.78, tiny_20 77.86/75.22, tiny_10 83.27/79.08 (of CIFAR-10
               the first so many per cent of the images; of Tiny-ImageNet,
               whose files are sorted by class, as many of all classes); 10,000
               fakes against the test split, of Tiny-ImageNet the validation
               split
  table 5      obama 129.52/110.46, grumpy 135.89/124.06, panda 235.86/205.82,
               cat 289.73/283.29, dog 259.32/227.59, flowers 224.70/198.56, at
               256 x 256, mirrored; 5,000 fakes against the training images.
               --data_dir has the folders of the releases, FOLDERS below; of
               the flowers, sorted by class too, 1,000 are drawn

The lengths of the stages are not published (the code has placeholders of 2, 2,
2 and 8 epochs). Here they are as 2 to 8, and show D the real images that the
paper reports: 19.5 M of CIFAR-10, also where it is a part, 9.4 M of
Tiny-ImageNet; 1 M of few images, of which it does not tell. So it is with
batches above 32 pixels, which are those of Karras et al. (2018), and with the
phases: of CIFAR-10 some 10 epochs, as the authors' README has it, else 10
phases. FID as by pytorch-fid. One accelerator.

python -m jgan.main --config=experiments/re_gan/progan.py:re_cifar10 \
  --workdir=runs/re_progan --data_dir=DATA
"""
from jgan import config as configs

_CIFAR10 = {'data': {'name': 'cifar10'}, 'split': 'test',
            'stages': (22_000,) * 3 + (172_000,), 'warmup': 8000,
            'interval': 8200}
_TINY = {'data': {'name': 'tiny_imagenet'}, 'split': 'val',
         'stages': (9000,) * 3 + (19_000, 147_000), 'warmup': 17_000,
         'interval': 13_000}
# The folders of the releases, data-efficient-gans and Oxford's 102 flowers, and
# the number of images to train on.
FOLDERS = {'obama': ('100-shot-obama', 100), 'panda': ('100-shot-panda', 100),
           'grumpy': ('100-shot-grumpy_cat', 100),
           'cat': ('AnimalFace-cat', 160), 'dog': ('AnimalFace-dog', 389),
           'flowers': ('jpg', 1000)}
_DENSE = {
    **{f'{name}{"" if part == 100 else f"_{part}"}': {
        **fields, 'count': count * part // 100,
        **({'fraction': part / 100} if name == 'tiny' else {})}
       for name, fields, count in (('cifar10', _CIFAR10, 50_000),
                                   ('tiny', _TINY, 100_000))
       for part in (100, 50, 20, 10)},
    **{name: {
        'data': {'name': 'image_folder', 'folder': folder, 'size': 256},
        'stages': (800, 800, 800, 1600, 3200, 6400, 50_000), 'warmup': 10_000,
        'interval': 4000, 'count': count, 'few': True}
       for name, (folder, count) in FOLDERS.items()},
}
ROWS = _DENSE | {f're_{name}': fields | {'re': True}
                 for name, fields in _DENSE.items()}
_BATCHES = (128, 128, 128, 64, 32, 16, 8)


def get_config(form=None):
  """One row, cifar10 without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  return small(base(**ROWS[row]), form)


def base(data, count, stages, warmup, interval, *, fraction=1., split='',
         few=False, re=False):
  """What all rows share.

  Args:
    data: its section of the config.
    count: images to train on.
    stages: generator steps of each.
    warmup, interval: of pruning, in steps of the last stage.
    fraction: of all images, to draw these at random; 1: take the first ones.
    split: of the data, to score against; '': what it trains on.
    few: images of a folder, drawn at random if it has more, and mirrored.
    re: prune and grow.
  """
  c = configs.base()
  c.data, c.platform = data, 'accelerator'
  c.pipeline.update({'first': count if fraction == 1 else 0,
                     'order': 'random' if few else 'files',
                     'fraction': fraction, 'flip': few})
  batches = _BATCHES[:len(stages)]
  c.steps, c.batch = sum(stages), batches[-1]
  c.gen_noise = 'shared'
  # Their epochs count from 1, and so blend in an epoch ahead.
  c.method = {'name': 'progressive', 'stages': stages, 'batches': batches,
              'ahead': count}
  c.generator = {'name': 'progan', 'latent': 512, 'width': 512}
  c.discriminator = {'name': 'progan', 'width': 512}
  c.loss = {'name': 'wasserstein'}
  c.penalties = ({'name': 'gradient', 'weight': 10.},
                 {'name': 'drift', 'weight': 1e-3})
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 1e-3, 'b1': 0., 'b2': .99,
                                'counts': 'own'})
  if re:
    prune(c, warmup, interval)
  c.eval.update({'split': split, 'network': 'inception',
                 'protocol': 'pytorch_fid', 'samples': 5000 if few else 10_000,
                 'metrics': ('fd',) if few else ('fd', 'inception_score')})
  c.checkpoint.best = 'eval/FID'
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 1600 if few else 4000
  return c


def prune(c, warmup, interval):
  """Makes it a Re-GAN: prune and grow in the last stage, a tenth."""
  c.optimizer.gen.pruning = {
      'name': 'prune_grow', 'ratio': .1, 'interval': interval,
      'warmup': sum(c.method.stages[:-1]) + warmup}


def small(c, form):
  """The `:smoke` form: narrow networks, from 4 to 16 pixels."""
  if form:
    c.method.update({'stages': (2, 2, 4), 'batches': (8, 8, 8), 'ahead': 8})
    if c.optimizer.gen.pruning.name == 'prune_grow':
      prune(c, warmup=1, interval=1)
  return configs.small(c, form, {
      'steps': 8, 'batch': 8, 'log.every': 1, 'pipeline.first': 0,
      'pipeline.fraction': 1.,
      'generator.latent': 8, 'generator.width': 4, 'discriminator.width': 4,
      'samples.every': 2, 'samples.count': 16, 'checkpoint.every': 2,
      'checkpoint.best': 'eval/fd_pixels', 'eval.every': 2, 'eval.split': '',
      'eval.metrics': ('fd_pixels',), 'eval.network': '', 'eval.samples': 64,
      'eval.reals': 256}, 16)
