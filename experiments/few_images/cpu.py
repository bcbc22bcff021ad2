"""500 images of CIFAR-10 at 16 x 16: the same game with what is for few images.

Rows plain, lecam, chain, diffaugment, lecam_diffaugment, chain_diffaugment:
3,000 steps of the game that experiments/mini/claims.py has for few images,
about a minute each on a core; FD of pixels against the 10,000 test images. In
the first tenth LeCam's anchors follow the batch, and CHAIN's p does not move.

python -m jgan.main --config=experiments/few_images/cpu.py:lecam \
  --workdir=runs/few_lecam --data_dir=DATA
"""
from experiments.mini import claims
from jgan import config as configs

ROWS = {'_'.join(filter(None, (part, augment))) or 'plain': {
    'part': part, 'augment': augment or 'plain'}
        for augment in ('', 'diffaugment') for part in ('', 'lecam', 'chain')}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in seconds, on drawn images."""
  row, form = configs.row(form, ROWS)
  return claims.small(base(**ROWS[row]), form)


def base(part, augment):
  """One row; part: '' | lecam | chain, augment: plain | diffaugment."""
  c = claims.few(augment)
  if part:
    c.penalties = ({'name': part, 'start': c.steps // 10},)
  if part == 'chain':
    c.discriminator.norm = 'chain'
  return c
