"""8 Gaussians on a ring, as points of the plane.

python -m jgan.main --config=experiments/mini/ring.py --workdir=runs/ring
"""
from experiments.mini import grid


def get_config(form=None):
  """As the grid."""
  return grid.get_config(form, kind='ring')
