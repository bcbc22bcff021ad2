"""Our features and metrics beside the recorded ones: a table, exit 1 if off.

python -m parity.compare FOLDER [--record]

--record also writes tests/features/golden/inception.npz, a part of what
torch-fidelity made of two small images.
"""
import pathlib
import sys

import jax
import numpy as np

from jgan.features import _extractor, _from_torch, _torch_file, inception
from jgan.metrics import fd, inception_score, kid, precision_recall
from jgan.metrics._samples import Samples
from jgan.ops import resize

GOLDEN = pathlib.Path('tests/features/golden/inception.npz')
TAPS = {'pool_64': '64', 'pool_192': '192', 'mixed_768': '768',
        'features': '2048', 'logits': 'logits_unbiased',
        'logits_with_bias': 'logits'}


class Table:
  """Prints a row for each quantity and remembers whether all were right."""

  def __init__(self, reference='torch-fidelity'):
    self.right = True
    print(f'{"quantity":38} {reference:>15} {"jgan":>15} '
          f'{"difference":>11} {"allowed":>8}')

  def row(self, name, theirs, ours, allowed):
    """Arrays or numbers; the difference is relative to the largest."""
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    size = np.abs(theirs).max() or 1.
    off = np.abs(theirs - ours).max() / size
    right = bool(off <= allowed)  # NaN is not
    self.right &= right
    at = np.unravel_index(np.abs(theirs).argmax(), theirs.shape)
    print(f'{name:38} {theirs[at]:15.7g} {ours[at]:15.7g} {off:11.1e} '
          f'{allowed:8.0e} {"" if right else "WRONG"}')


def samples(features, logits):
  """What metrics read."""
  return Samples(len(features), features.mean(0, dtype=np.float64),
                 np.cov(features.astype(np.float64), rowvar=False), features,
                 logits)


def main(folder, record):
  """Returns whether all agree."""
  folder = pathlib.Path(folder)
  images = dict(np.load(folder / 'images.npz'))
  theirs = dict(np.load(folder / 'reference.npz'))
  table = Table()

  net = inception.load(folder / 'weights.pth')
  legacy = inception.convert(
      _torch_file.load(folder / 'weights_legacy.pth').tree['state_dict'],
      'weights_legacy.pth')
  given = _from_torch.variables(
      inception.Inception(), jax.ShapeDtypeStruct((1, 299, 299, 3), 'float32'),
      dict(np.load(folder / 'weights.npz')), 'weights.npz')
  for kind, read in (('zip', net.variables), ('legacy', legacy)):
    table.row(f'weights file, {kind}', *(
        np.concatenate([x.ravel() for x in jax.tree.leaves(tree)])
        for tree in (given, read)), 0)

  run = _extractor.compiled(net, batch=8)
  for name in sorted(n for n in images if n.startswith('images_')):
    x = images[name]
    size = '{1} x {2}'.format(*x.shape)
    for kind in ('tf1', 'torch'):
      ours = resize.bilinear(x.astype(np.float32), inception.SIDE,
                             half_pixel=kind == 'torch')
      table.row(f'{size}: {kind} bilinear', theirs[f'{name}/{kind}'],
                ours[:, ::13, ::13], 1e-5)
    ours = run(x, tuple(TAPS))
    for tap, their_name in TAPS.items():
      table.row(f'{size}: {tap}', theirs[f'{name}/{their_name}'], ours[tap],
                1e-4)

  sets = {}
  for name in ('fake', 'real'):
    out = run(images[name])
    sets[name] = samples(out['features'], out['logits'])
  real, fake = sets['real'], sets['fake']
  scores = {
      'frechet_inception_distance': fd.score(real, fake)[''],
      **{f'inception_score_{suffix or "mean"}': value for suffix, value in
         inception_score.score(None, fake, splits=2, shuffle=True,
                               seed=2020).items()},
      **{f'kernel_inception_distance_{suffix or "mean"}': value
         for suffix, value in kid.score(real, fake, subsets=20, subset_size=20,
                                        seed=2020).items()},
      **precision_recall.score(real, fake),
  }
  for name, value in scores.items():
    table.row(name, theirs[f'metrics/{name}'], value, 1e-3)

  if record and table.right:
    GOLDEN.parent.mkdir(exist_ok=True)
    part = {tap: theirs[f'images_0/{name}'][:, ::8]
            for tap, name in TAPS.items()}
    np.savez(GOLDEN, images=images['images_0'], **part)
  return table.right


if __name__ == '__main__':
  sys.exit(0 if main(sys.argv[1], '--record' in sys.argv) else 1)
