"""DINOv2's ViT-L/14, of 304 million parameters."""
from jgan.features import _dinov2


def load(path='', *, data_dir='', cache='~/.cache/jgan'):
  """The Extractor of 'features' [n, 1024].

  Args:
    path: a weights file in the layout of the published one; '' for
      data_dir/dinov2/dinov2_vitl14_pretrain.pth if it is there, else the
      published file, which is downloaded into `cache` once.

  Raises:
    UserError: no weights file, or one of another network.
  """
  return _dinov2.load('dinov2_l14', path, data_dir, cache)
