"""Our DINOv2 beside the recorded one: a table, exit 1 if off.

python -m parity.compare_dinov2 FOLDER [--record]

--record also writes tests/features/golden/dinov2.npz, the features of the tiny
network.
"""
import pathlib
import sys

import jax
import numpy as np

from jgan.features import _dinov2, _extractor, _torch_file, dinov2_s14
from parity import inputs
from parity.compare import Table

GOLDEN = pathlib.Path('tests/features/golden/dinov2.npz')


def main(folder, record):
  """Returns whether all agree."""
  folder = pathlib.Path(folder)
  images = np.load(folder / 'images.npz')['square']
  theirs = dict(np.load(folder / 'reference_dinov2.npz'))
  table = Table('torch, float64')

  net = dinov2_s14.load(folder / 'dinov2_s14.pth')
  given = _dinov2.convert(_dinov2.NETWORKS['dinov2_s14'].model,
                          dict(np.load(folder / 'dinov2_s14.npz')), 'weights')
  table.row('weights file', *(
      np.concatenate([x.ravel() for x in jax.tree.leaves(tree)])
      for tree in (given, net.variables)), 0)
  ours = _extractor.compiled(net, batch=2)(images, ('features',))['features']
  table.row('dinov2_s14: features', theirs['dinov2_s14'], ours, 1e-5)

  path = folder / 'dinov2_tiny.pth'
  tiny = _dinov2.ViT(*inputs.TINY)
  variables = _dinov2.convert(tiny, _torch_file.load(path).tree, path)
  x = (images.astype(np.float32) / 255 - _dinov2._MEAN) / _dinov2._STD
  with jax.default_matmul_precision('highest'):
    ours = jax.jit(tiny.apply)(variables, x)['features']
  table.row('tiny network: features', theirs['dinov2_tiny'], ours, 1e-5)

  if record and table.right:
    np.savez(GOLDEN, features=theirs['dinov2_tiny'])
  return table.right


if __name__ == '__main__':
  sys.exit(0 if main(sys.argv[1], '--record' in sys.argv) else 1)
