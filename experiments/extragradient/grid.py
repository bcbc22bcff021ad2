"""25 Gaussians with one critic: alternating and extra-gradient steps.

WGAN-GP with the networks of mini/grid.py, both players at one rate. Rows:
alternating, 5,000 steps; extra_adam, 2,500, which are as many gradients;
past_extra_adam and optim_adam, 5,000. Half a minute each on a core.

python -m jgan.main --config=experiments/extragradient/grid.py:extra_adam \
  --workdir=runs/grid_extra
"""
from experiments.extragradient import cifar10
from experiments.mini import grid
from jgan import config as configs

ROWS = {'alternating': None, **cifar10.ROWS}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in seconds."""
  row, form = configs.row(form, ROWS)
  c = grid.get_config(form)
  c.critics = 1
  if form is None and row == 'extra_adam':
    c.steps = 2500
    c.eval.every = 500
  return c if ROWS[row] is None else cifar10.play(c, **ROWS[row])
