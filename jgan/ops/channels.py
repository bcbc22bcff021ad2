"""Channels that can be removed without changing any other layer."""
from typing import NamedTuple


class Group(NamedTuple):
  """n channels, and all layers that compute, normalise or read them.

  Layers are named by the path of their parameters, 'block_0/conv_0'. Each
  maker has a 'kernel' [..., n] and each taker has a 'kernel' [..., n, d].

  Attributes:
    makers: layers whose summed outputs are the channels.
    norms: layers that normalise each channel by itself; some have no
      parameters.
    takers: all layers that read the channels.
  """
  makers: tuple[str, ...]
  norms: tuple[str, ...]
  takers: tuple[str, ...]
