"""Re-GAN of AutoGAN on CIFAR-10 (Saxena et al., 2023, Table 3); `:ROW`.

Rows (published FID, M real images): a (17.70, 4.7), b (18.08, 5.2), c (17.09,
5.7), re_a (17.61, 4.1), re_b (17.30, 4.2), re_c (16.61, 5.0). AutoGAN's recipe:
hinge, five critics of 64 images for 128 fakes, averaged weights; 10 % pruned,
in phases of 5 epochs, the default of the authors' code. Each row shows D the
real images that the paper reports of it. The default warm-up of that code, 100
epochs, would end after these: 4.1 M are 82 epochs. So it is a fifth of the row,
as of their SNGAN. D starts as PyTorch draws it, as retrain.py of
experiments/alphagan explains. FID and IS as in sngan.py. One accelerator.

python -m jgan.main --config=experiments/re_gan/autogan.py:re_a \
  --workdir=runs/re_autogan_a --data_dir=DATA
"""
from experiments.alphagan import retrain
from experiments.re_gan import sngan
from jgan import config as configs

# M real images, of the dense row and of the pruned one.
_IMAGES = {'A': (4.7, 4.1), 'B': (5.2, 4.2), 'C': (5.7, 5.0)}
ROWS = {f'{form}{letter.lower()}': {
    'genotype': letter, 'images': _IMAGES[letter][bool(form)],
    'grow': bool(form)} for form in ('re_', '') for letter in 'ABC'}
EPOCH = 50_000 // 320  # generator steps


def get_config(form=None):
  """One row, re_a without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  return sngan.small(base(**ROWS[row]), form)


def base(genotype, images, grow):
  """What all rows share.

  Args:
    genotype: A, B or C.
    images: millions of real images that D sees.
    grow: prune and grow the generator.
  """
  c = retrain.base('cifar10', genotype, model='autogan')
  c.steps = round(images * 1e6 / (c.critics * c.batch))
  if grow:
    c.optimizer.gen.pruning = {
        'name': 'prune_grow', 'ratio': .1, 'interval': 5, 'unit': EPOCH,
        'warmup': c.steps // EPOCH // 5}
  sngan.score(c, 5 * EPOCH)
  return c
