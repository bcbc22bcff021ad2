"""Re-GAN of AutoGAN on CIFAR-10 (Saxena et al., 2023, Table 3); `:ROW`.

FID: a 17.70, b 18.08, c 17.09; re_a 17.61, re_b 17.30, re_c 16.61. 320 epochs
of AutoGAN's recipe: hinge, five critics of 64 images for 128 fakes, averaged
weights. Warm-up of 100 epochs and phases of 5, the defaults of the authors'
code, and 10 % as in their paper. D starts as PyTorch draws it, as retrain.py of
experiments/alphagan explains. FID and IS as in sngan.py. One accelerator.

python -m jgan.main --config=experiments/re_gan/autogan.py:re_a \
  --workdir=runs/re_autogan_a --data_dir=DATA
"""
from experiments.alphagan import retrain
from experiments.re_gan import sngan
from jgan import config as configs

ROWS = {f'{form}{letter.lower()}': {'genotype': letter, 'grow': bool(form)}
        for form in ('re_', '') for letter in 'ABC'}
EPOCH = 50_000 // 320  # generator steps


def get_config(form=None):
  """One row, re_a without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  return sngan.small(base(**ROWS[row]), form)


def base(genotype, grow):
  """What all rows share.

  Args:
    genotype: A, B or C.
    grow: prune and grow the generator.
  """
  c = retrain.base('cifar10', genotype, model='autogan')
  c.steps = 320 * EPOCH
  if grow:
    c.optimizer.gen.pruning = {'name': 'prune_grow', 'ratio': .1, 'warmup': 100,
                               'interval': 5, 'unit': EPOCH}
  sngan.score(c, 20 * EPOCH)
  return c
