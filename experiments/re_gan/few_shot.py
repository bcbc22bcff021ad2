"""A folder of some hundred images at 256 x 256: one command, any generator.

Table 5 of Saxena et al. (2023), and FastGAN. Published FID on Obama, grumpy
cat, panda, cats, dogs, flowers:
  stylegan2             86.67   51.3    95.08   81.91   157.63   147.67
  re_stylegan2          72.92   38.23   78.45   73.05   133.4    138.35
  stylegan2_apa         68.74   33.72   18.24   62.71   81.13    85.88
  re_stylegan2_apa      64.28   31.74   16.33   60.26   77.44    82.19
  stylegan2_diffaug     46.31   28.6    12.89   42.85   58.47    46.21
  re_stylegan2_diffaug  45.7    27.36   12.6    42.11   57.2     45.13
  fastgan, re_fastgan   not in the paper
These rows take all images of a folder. With _obama, _grumpy, _panda, _cat, _dog
or _flowers behind their names, those of StyleGAN2 are the table's: --data_dir
has the folders of the releases, as for progan.py, and of the flowers 1,000 are
drawn, the same as there.

40,000 steps of 32 images, of FastGAN 50,000 of 8 with color and translation.
All mirror the real images, and score 5,000 images against the training images
by FID as by pytorch-fid, whose weights are downloaded once;
--config.eval.every=0 --config.checkpoint.best= trains without. One accelerator.

python -m jgan.main --config=experiments/re_gan/few_shot.py:fastgan \
  --workdir=runs/few --data_dir=FOLDER
python -m jgan.main --workdir=runs/obama --data_dir=DATA \
  --config=experiments/re_gan/few_shot.py:re_stylegan2_obama
"""
from experiments.re_gan import fastgan, progan, stylegan2
from jgan import config as configs

ROWS = {
    **{name: {'re': name.startswith('re_')}
       for name in ('fastgan', 're_fastgan')},
    **{'_'.join(filter(None, (f'{re}stylegan2', augment, name))): {
        're': bool(re), 'augment': augment, 'name': name}
       for name in ('', *progan.FOLDERS)
       for augment in ('', 'apa', 'diffaug') for re in ('', 're_')},
}
# All of color, translation and cutout, and the published rate of APA.
_AUGMENT = {'': (), 'apa': ({'name': 'adaptive_pseudo', 'kimg': 500.},),
            'diffaug': ({'name': 'diffaugment'},)}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  if 'augment' not in ROWS[row]:
    return fastgan.small(fastgan.base(**ROWS[row]), form)
  return stylegan2.small(base(**ROWS[row]), form)


def base(re, augment, name=''):
  """StyleGAN2 on few images.

  Args:
    re: prune and grow.
    augment: '' | apa | diffaug.
    name: of a set of table 5; '': all images of a folder.
  """
  folder, count = progan.FOLDERS[name] if name else ('', 0)
  c = stylegan2.base({'name': 'image_folder', 'folder': folder, 'size': 256},
                     first=count, re=re, samples=5000)
  c.pipeline.order = 'random'
  c.eval.subset = True
  c.steps = 40_000
  c.augment = _AUGMENT[augment]
  # With DiffAugment the slope is that at the images before it.
  c.penalties[0]['plain'] = augment == 'diffaug'
  c.eval.metrics = ('fd',)
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 2000
  return c
