"""StyleGAN2 with LeCam regularization and few images: the authors' own rows.

Tseng et al. (2021), the relu of their code. Rows obama, grumpy, panda, cat and
dog: some hundred images at 256 x 256 with DiffAugment, published FID 33.16,
24.93, 10.16, 34.18, 54.88 (46.87, 27.08, 12.06, 42.44, 58.85 without); lambda
of these is not published, it is that of their FFHQ run, 3e-7. Row cifar10_10:
the first tenth of CIFAR-10 with ADA, lambda 1e-6, settings of StyleGAN2-ADA's
`cifar`; of all of CIFAR-10 they have 2.47. Rows plain_NAME are the same without
it. FID against the training images, of cifar10_10 against all 50,000. One
accelerator; --data_dir as for re_gan/few_shot.py.

python -m jgan.main --config=experiments/few_images/lecam.py:obama \
  --workdir=runs/obama_lecam --data_dir=DATA
"""
from experiments.re_gan import few_shot, stylegan2
from experiments.stylegan2 import cifar10
from jgan import config as configs

_SETS = ('obama', 'grumpy', 'panda', 'cat', 'dog', 'cifar10_10')
ROWS = {f'{plain}{name}': {'name': name, 'weighs': not plain}
        for plain in ('', 'plain_') for name in _SETS}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  return stylegan2.small(base(**ROWS[row]), form)


def base(name, weighs):
  """One row.

  Args:
    name: of the images.
    weighs: with LeCam regularization.
  """
  if name == 'cifar10_10':
    c, weight = cifar10.base(first=5000), 1e-6
  else:
    c, weight = few_shot.base(re=False, augment='diffaug', name=name), 3e-7
  if weighs:
    c.penalties += ({'name': 'lecam', 'weight': weight, 'decay': .99,
                     'start': 0},)
  return c
