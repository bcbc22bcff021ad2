"""alphaGAN on a folder of your own images, at 64 x 64; `:search`, `:train`.

The search is that of search.py:s with the widths of the paper's search on
STL-10, the training that of retrain.py; both mirror the images and score by
FID, whose weights are downloaded once: --config.eval.every=0
--config.checkpoint.best= does without. D halves the map three times. Other
sizes, multiples of 8, by --config.data.size; docs/search.md has it step by
step. One accelerator.

python -m jgan.main --config=experiments/alphagan/folder.py:search \
  --workdir=runs/photos_search --data_dir=FOLDER
python -m jgan.main --mode=derive --workdir=runs/photos_search
python -m jgan.main --config=experiments/alphagan/folder.py:train \
  --config.generator.genotype=runs/photos_search/genotype.json \
  --workdir=runs/photos --data_dir=FOLDER
"""
from experiments.alphagan import retrain, search
from jgan import config as configs

ROWS = {'search': search, 'train': retrain}


def get_config(form=None):
  """One stage; `:ROW:smoke` ends in minutes."""
  row, form = configs.row(form, ROWS)
  if row == 'search':
    c = search.base()
    c.method.update(search.S)
    c.generator.width = c.discriminator.width = 64
    search.timed(c, 100)
  else:
    c = retrain.base('image_folder', 'alphagan_s')
  c.data = {'name': 'image_folder', 'size': 64}
  c.pipeline.flip = True
  c.discriminator.halvings = 0  # 3 at 64 pixels
  c.eval.samples = 10_000
  c = ROWS[row].small(c, form)
  c.data.size = 64
  return c
