"""torch-fidelity's features and metrics of the inputs; needs torch, not jax.

python parity/reference.py FOLDER
"""
import pathlib
import sys

import numpy as np
import torch

try:
  import torchvision  # noqa: F401
except RuntimeError:
  # The torchvision of PyPI is built for CUDA, and beside a torch for the CPU
  # it misses the operators that it wants to describe. None is needed here.
  _ops = torch.library.Library('torchvision', 'DEF')
  for _name in ('nms', 'qnms'):
    _ops.define(f'{_name}(Tensor dets, Tensor scores, float iou) -> Tensor')

import torch_fidelity
from torch_fidelity.feature_extractor_inceptionv3 import (
    FeatureExtractorInceptionV3,
)
from torch_fidelity.interpolate_compat_tensorflow import (
    interpolate_bilinear_2d_like_tensorflow1x,
)

TAPS = ('64', '192', '768', '2048', 'logits_unbiased', 'logits')


class Images(torch.utils.data.Dataset):
  """[n, h, w, 3] uint8 as torch-fidelity takes them."""

  def __init__(self, images):
    self.images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

  def __len__(self):
    return len(self.images)

  def __getitem__(self, i):
    return self.images[i]


def main(folder):
  """Writes the weights as torch does, both ways, and reference.npz."""
  folder = pathlib.Path(folder)
  state = {name: torch.from_numpy(x)
           for name, x in np.load(folder / 'weights.npz').items()}
  for name in list(state):
    if name.endswith('.running_var'):
      counter = name.replace('running_var', 'num_batches_tracked')
      state[counter] = torch.tensor(0)
  weights = str(folder / 'weights.pth')
  torch.save(state, weights)
  torch.save({'state_dict': state}, folder / 'weights_legacy.pth',
             _use_new_zipfile_serialization=False)

  net = FeatureExtractorInceptionV3(
      'inception', list(TAPS), feature_extractor_weights_path=weights)
  images = dict(np.load(folder / 'images.npz'))
  out = {}
  for name, batch in images.items():
    if not name.startswith('images_'):
      continue
    x = Images(batch).images
    for tap, value in zip(TAPS, net(x)):
      out[f'{name}/{tap}'] = value.numpy()
    tf1 = interpolate_bilinear_2d_like_tensorflow1x(
        x.float(), size=(299, 299), align_corners=False)
    half = torch.nn.functional.interpolate(
        x.float(), size=(299, 299), mode='bilinear', align_corners=False)
    for kind, value in (('tf1', tf1), ('torch', half)):
      # Every 13th pixel of a side will do: 13 divides 299.
      out[f'{name}/{kind}'] = value.numpy().transpose(
          0, 2, 3, 1)[:, ::13, ::13]

  metrics = torch_fidelity.calculate_metrics(
      input1=Images(images['fake']), input2=Images(images['real']),
      isc=True, fid=True, kid=True, prc=True, cuda=False, cache=False,
      batch_size=16, feature_extractor='inception-v3-compat',
      feature_extractor_weights_path=weights,
      isc_splits=2, kid_subsets=20, kid_subset_size=20, verbose=False)
  out.update({f'metrics/{name}': value for name, value in metrics.items()})
  np.savez(folder / 'reference.npz', **out)


if __name__ == '__main__':
  main(sys.argv[1])
