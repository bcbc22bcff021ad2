"""Skip-layer excitation (Liu et al., 2021)."""
from collections.abc import Callable

import flax.linen as nn

from jgan.layers import act


class SkipExcitation(nn.Module):
  """Gates the channels of a large feature map by a small one.

  (big [b, h, w, c], small [b, k, k, d]) -> [b, h, w, c]. `small` is
  average-pooled to 4 x 4 and convolved to a gate in (0, 1) for each image and
  channel.

  Attributes:
    conv: makes both convolutions.
  """
  conv: Callable

  @nn.compact
  def __call__(self, big, small):
    b, k, _, d = small.shape
    features = big.shape[-1]
    x = small.reshape(b, 4, k // 4, 4, k // 4, d).mean((2, 4))
    x = act.swish(self.conv(features, kernel=4, padding=0, name='conv_0')(x))
    return big * nn.sigmoid(self.conv(features, kernel=1, name='conv_1')(x))
