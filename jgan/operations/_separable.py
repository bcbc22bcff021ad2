"""Separable convolutions, of which each size is an operation."""


def separable(x, features, *, kernel, conv, norm, act, train):
  """Twice: activation, depthwise and 1x1 convolution, normalisation.

  [b, h, w, c] -> [b, h, w, features]; there are no biases before the norms.

  Args:
    kernel: size of the depthwise kernels.
    features, conv, norm, act, train: as every operation takes them.
  """
  channels = x.shape[-1]
  for i, width in enumerate((channels, features)):
    x = conv(channels, kernel=kernel, groups=channels, use_bias=False,
             name=f'depthwise_{i}')(act(x))
    x = conv(width, kernel=1, use_bias=False, name=f'pointwise_{i}')(x)
    x = norm(name=f'norm_{i}')(x, train)
  return x
