"""MMD-AdversarialNAS on a folder of your own images; `:STAGE_SIZE`.

Rows: search_64, train_64, search_128, train_128. The search is that of
search_cifar10.py, of both players, with fewer channels; the training that of
cifar10_small.py. Both mirror the images and score by FID, whose weights are
downloaded once: --config.eval.every=0 --config.checkpoint.best=
--config.feedback="()" does without. D halves the map three times at 64
pixels, four times at 128. Other sizes, multiples of 16, by --config.data.size;
docs/search.md has it step by step. One accelerator.

python -m jgan.main --config=experiments/mmd_nas/folder.py:search_64 \
  --workdir=runs/photos_search --data_dir=FOLDER
python -m jgan.main --mode=derive --workdir=runs/photos_search
python -m jgan.main --config=experiments/mmd_nas/folder.py:train_64 \
  --config.generator.genotype=runs/photos_search/genotype.json \
  --workdir=runs/photos --data_dir=FOLDER
"""
from experiments.mmd_nas import cifar10_large, search_cifar10
from jgan import config as configs

# Widths of G and D, and images per step.
ROWS = {
    'search_64': {'widths': (80, 40), 'batch': 64},
    'train_64': {'widths': (128, 256), 'batch': 64},
    'search_128': {'widths': (40, 20), 'batch': 32},
    'train_128': {'widths': (64, 128), 'batch': 32},
}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in minutes."""
  row, form = configs.row(form, ROWS)
  stage, size = row.split('_')
  base = {'search': search_cifar10, 'train': cifar10_large}[stage]
  c = base.base()
  c.data = {'name': 'image_folder', 'size': int(size)}
  c.pipeline.flip = True
  c.batch = c.gen_batch = ROWS[row]['batch']
  c.generator.width, c.discriminator.width = ROWS[row]['widths']
  c.eval.samples = 10_000
  if stage == 'search':
    c.steps, c.log.every = 10_000, 50
    c.generator.remat = c.discriminator.remat = True
  else:
    c.steps, c.log.every = 100_000, 500
    c.discriminator.halvings = 0
    # Which layers lose little is known of the published genotype alone: of
    # another one the sensitivity says it.
    c.compress.update({'rules': (), 'ranks': (32, 64), 'steps': c.steps,
                       'last': ({'match': r'^linear_2$', 'form': 'svd',
                                 'rank': 4},)})
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = c.steps // 20
  c.eval.first = 0
  c = base.small(c, form)
  c.data.size = int(size)
  return c
