"""Separable 7x7 convolution, as DARTS has it (Liu et al., 2019)."""
from jgan.operations._separable import separable

PLACES = ('keeps',)


def apply(x, features, *, conv, norm, act, train):
  """[b, h, w, c] -> [b, h, w, features]."""
  return separable(x, features, kernel=7, conv=conv, norm=norm, act=act,
                   train=train)
