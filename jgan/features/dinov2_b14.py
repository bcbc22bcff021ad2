"""DINOv2's ViT-B/14, of 87 million parameters."""
from jgan.features import _dinov2


def load(path='', *, data_dir='', cache='~/.cache/jgan'):
  """The Extractor of 'features' [n, 768].

  Args:
    path: a weights file in the layout of the published one; '' for
      data_dir/dinov2/dinov2_vitb14_pretrain.pth if it is there, else the
      published file, which is downloaded into `cache` once.

  Raises:
    UserError: no weights file, or one of another network.
  """
  return _dinov2.load('dinov2_b14', path, data_dir, cache)
