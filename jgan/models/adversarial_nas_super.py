"""The super-networks of AdversarialNAS's space (Gao et al., 2020): every edge
is the weighted sum of all its operations.

The logits behind the weights are the collection 'arch' (generator: 'normal'
[3, 5, 7] and 'up' [3, 2, 3]; discriminator: 'normal' [4, 5, 7] and 'down'
[4, 2, 6]), the temperature of their relaxation is 'temperature' in
'schedule'. With a key for 'noise' every forward draws its own.

The kernels of like edges are stacked, in the order of cells and edges, and
summed before they are convolved with (layers/kernel_bank.py). `derived` takes
those of a genotype out of the stacks.
"""
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.layers import relax
from jgan.layers.kernel_bank import KernelBank, by_dilation, convolve_edges
from jgan.layers.mixed import CONVS, FREE, RESIZES, MixedUp, edge_weights
from jgan.models import adversarial_nas
from jgan.spaces import adversarial_nas as space

SPACE = 'adversarial_nas'  # jgan/spaces: what a search chooses from


class Edges(NamedTuple):
  """What the edges that read one node took from a bank: [edges, ...] each.

  Attributes:
    kernels: {dilation: kernels}, summed; those of up edges {operation: ...}.
    bias: summed.
    weights: {operation: weights}, of operations without a kernel in the bank.
  """
  kernels: dict
  bias: Any
  weights: dict


class UpCell(adversarial_nas.UpCell):
  """A cell of the super-network."""

  @nn.compact
  def __call__(self, x, skips, given):
    """x, skips: as of its parent; given: {bank: {node: Edges}}."""
    normal = given['normal']
    node0, node1 = self._doubled(x, given['up']['x'])
    c0, c2 = _sums(node0, self.act, normal['node0'])
    c1, c3 = _sums(node1, self.act, normal['node1'])
    node2 = self.add_skips(c0 + c1, skips)
    c4, = _sums(node2, self.act, normal['node2'])
    return node2, c2 + c3 + c4

  def _doubled(self, x, edges):
    """The outputs of up0 and up1."""
    h = jnp.concatenate([self.act(RESIZES[op](x)) for op in edges.kernels], -1)
    nodes = convolve_edges(
        h, {1: jnp.concatenate([*edges.kernels.values()], axis=3)}, edges.bias)
    for op, weights in edges.weights.items():
      # Its depthwise kernel is the edge's own.
      nodes = [node + weight.astype(node.dtype) * MixedUp(
          (op,), self.features, self.conv, self.act, name=f'up{i}')(x)
               for i, (node, weight) in enumerate(zip(nodes, weights))]
    return nodes


class DownCell(adversarial_nas.DownCell):
  """A cell of the super-network."""

  @nn.compact
  def __call__(self, x, given):
    """x: as of its parent; given: {bank: {node: Edges}}."""
    if self.images:
      c0, c1, c2 = _sums(x, lambda h: h, given['image']['x'])
    else:
      c0, c1, c2 = _sums(x, self.act, given['normal']['x'])
    c3, c4 = _sums(c0, self.act, given['normal']['node0'])
    down0, = _sums(c1 + c3, self.act, given['down']['node1'], stride=2)
    down1, = _sums(c2 + c4, self.act, given['down']['node2'], stride=2)
    return down0 + down1


class Generator(adversarial_nas.CellGenerator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  width: int = 160
  relax: Callable = relax.gumbel_on_probabilities
  up: tuple[str, ...] = space.UP  # operations of up edges, in logits' order
  remat: bool = False  # compute cells twice, to hold only their outputs

  @nn.compact
  def __call__(self, z, train):
    cells = space.cells('generator', up=self.up)
    weights = edge_weights(self, cells)
    up = {op: (1, 1) for op in self.up if op in RESIZES}
    banks = {
        'up': _take(self, 'up', cells, weights, up, self.width, summed=False),
        'normal': _take(self, 'normal', cells, weights, CONVS, self.width)}
    given = [{bank: found[i] for bank, found in banks.items()}
             for i in range(3)]
    return self.through(z, train, (None,) * 3, given,
                        nn.remat(UpCell) if self.remat else UpCell)


class Discriminator(adversarial_nas.CellDiscriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many."""
  width: int = 80
  relax: Callable = relax.gumbel_on_probabilities
  remat: bool = False  # as of Generator

  @nn.compact
  def __call__(self, x, train):
    del train
    cells = space.cells('discriminator')
    weights = edge_weights(self, cells)
    banks = {bank: _take(self, bank, cells, weights, CONVS, channels)
             for bank, channels in (('image', self.colors),
                                    ('normal', self.width),
                                    ('down', self.width))}
    given = [{bank: found[i] for bank, found in banks.items()}
             for i in range(4)]
    return self.through(x, (None,) * 4, given,
                        nn.remat(DownCell) if self.remat else DownCell)


def _places(bank, cells):
  """(cell, node that it reads, edge) of each row of a bank.

  The edges that read one node stand together. D's first ones, which read
  images, are the bank 'image': their kernels have another shape.
  """
  found = []
  for i, edges in enumerate(cells):
    mine = [(i, edge.start, name) for name, edge in edges.items()
            if bank == ('image' if len(edge.ops) < len(cells[-1][name].ops)
                        else edge.part)]
    starts = [start for _, start, _ in mine]
    found += sorted(mine, key=lambda place, order=starts: order.index(place[1]))
  return found


def _take(model, bank, cells, weights, convs, channels, summed=True):
  """Weighted kernels of one bank: {node: Edges} per cell.

  Args:
    model: the super-network that the bank belongs to.
    weights: {edge: [operations]} per cell.
    convs: {operation: (kernel size, dilation)}.
    channels: of the inputs.
    summed: add up what one convolution can do.
  """
  places = _places(bank, cells)
  i, _, name = places[0]
  ops = cells[i][name].ops
  rows = jnp.stack([weights[i][name] for i, _, name in places])
  by_op = {op: rows[:, k] for k, op in enumerate(ops)}
  layers = {op: convs[op] for op in ops if op in convs}
  kernels, bias = KernelBank(layers, len(places), model.width, model.part(),
                             name=f'{bank}_edges')(channels, by_op)
  if summed:
    kernels = by_dilation(kernels, layers)
  free = {op: w for op, w in by_op.items()
          if op not in layers and op != 'none'}
  found = [{} for _ in cells]
  for i, node in dict.fromkeys((i, node) for i, node, _ in places):
    mine = [r for r, place in enumerate(places) if place[:2] == (i, node)]
    found[i][node] = Edges(*jax.tree.map(
        lambda x, r=mine: x[r[0]:r[-1] + 1], (kernels, bias, free)))
  return found


def _sums(h, act, edges, stride=1):
  """The outputs of edges that read one node."""
  outs = convolve_edges(act(h), edges.kernels, edges.bias, stride=stride)
  for op, weights in edges.weights.items():
    free = FREE[op](h)
    outs = [out + weight.astype(out.dtype) * free
            for out, weight in zip(outs, weights)]
  return outs


def derived(params, genotype, player, *, up=space.UP):
  """The parameters of a genotype's network among the super-network's.

  Args:
    params: of the super-network, or its 'spectral' vectors.
    genotype: as jgan/genotype.py has it.
    player: 'generator' or 'discriminator'.
    up: of the super-network.

  Returns:
    Nested dict for adversarial_nas.Generator or Discriminator.
  """
  cells = space.cells(player, up=up)
  found = {name: dict(part) for name, part in params.items()
           if not name.endswith('_edges')}
  for i in range(len(cells)):
    found.setdefault(f'cell_{i + 1}', {})
  for name, bank in params.items():
    if not name.endswith('_edges'):
      continue
    for row, (i, _, edge) in enumerate(_places(name[:-6], cells)):
      cell, op = found[f'cell_{i + 1}'], genotype[player][i][edge]
      if op in bank:
        cell[edge] = {op: jax.tree.map(lambda x, r=row: x[r], bank[op])}
      elif op != 'conv_transpose':
        cell.pop(edge, None)
  for i, edges in enumerate(cells):
    cell = found[f'cell_{i + 1}']
    for edge in edges:  # what is left of a way that was not taken
      if edge in cell and genotype[player][i][edge] not in cell[edge]:
        del cell[edge]
  return {name: part for name, part in found.items() if part}
