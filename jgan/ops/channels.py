"""Channels that a network can lose without another layer noticing."""
from typing import NamedTuple


class Group(NamedTuple):
  """Channels between layers, all of which are known.

  Layers are named as their parameters are, 'block_0/conv_0'. All makers have
  a 'kernel' [..., n] and all takers one [..., n, d].

  Attributes:
    makers: layers whose outputs, added up, are the channels.
    norms: layers that treat each of them alone; may have no parameters.
    takers: layers that they go into, and nothing else sees them.
  """
  makers: tuple[str, ...]
  norms: tuple[str, ...]
  takers: tuple[str, ...]
