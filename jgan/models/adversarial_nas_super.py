"""The super-networks of AdversarialNAS's space (Gao et al., 2020): every edge
is the weighted sum of all its operations.

The logits behind the weights are the collection 'arch' (generator: 'normal'
[3, 5, 7] and 'up' [3, 2, 3]; discriminator: 'normal' [4, 5, 7] and 'down'
[4, 2, 6]), the temperature of their relaxation is 'temperature' in
'schedule'. With a key for 'noise' every forward draws its own.

The kernels of like edges are stacked, in the order of cells and edges, and
summed before they are convolved with (layers/kernel_bank.py). `derived` takes
those of a genotype out of the stacks. Operations with other parameters
('conv_transpose', jgan/operations) are each edge's own.
"""
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan import space
from jgan.layers import norm, relax
from jgan.layers.kernel_bank import KernelBank, by_dilation, convolve_edges
from jgan.layers.mixed import CONVS, FREE, RESIZES, Mixed, MixedUp
from jgan.models import _cells, adversarial_nas
from jgan.spaces import adversarial_nas as rules

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
  def __call__(self, x, skips, weighted, train):
    """x, skips: as of its parent; weighted: {bank: {node: Edges}}."""
    normal = weighted['normal']

    def sums(names, h, edges):
      return _sums(self, names, h, edges, self.act, train, norm=self.norm)

    node0, node1 = self._doubled(x, weighted['up']['x'], train)
    c0, c2 = sums(('c0', 'c2'), node0, normal['node0'])
    c1, c3 = sums(('c1', 'c3'), node1, normal['node1'])
    node2 = self.add_skips(c0 + c1, skips)
    c4, = sums(('c4',), node2, normal['node2'])
    return node2, c2 + c3 + c4

  def _doubled(self, x, edges, train):
    """The outputs of up0 and up1."""
    nodes = [0., 0.]
    if edges.kernels:
      h = jnp.concatenate([self.act(RESIZES[op](x)) for op in edges.kernels],
                          -1)
      nodes = convolve_edges(
          h, {1: jnp.concatenate([*edges.kernels.values()], axis=3)},
          edges.bias)
    return _add_own(MixedUp, self, ('up0', 'up1'), x, nodes, edges, train,
                    act=self.act, norm=self.norm)


class DownCell(adversarial_nas.DownCell):
  """A cell of the super-network."""

  @nn.compact
  def __call__(self, x, weighted, train):
    """x: as of its parent; weighted: {bank: {node: Edges}}."""
    normal, down = weighted['normal'], weighted['down']
    act, first = self.act, ('c0', 'c1', 'c2')
    if self.images:
      c0, c1, c2 = _sums(self, first, x, weighted['image']['x'], lambda h: h,
                         train)
    else:
      c0, c1, c2 = _sums(self, first, x, normal['x'], act, train)
    c3, c4 = _sums(self, ('c3', 'c4'), c0, normal['node0'], act, train)
    down0, = _sums(self, ('down0',), c1 + c3, down['node1'], act, train,
                   stride=2)
    down1, = _sums(self, ('down1',), c2 + c4, down['node2'], act, train,
                   stride=2)
    return down0 + down1


class Generator(adversarial_nas.CellGenerator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  width: int = 160
  relax: Callable = relax.gumbel_on_probabilities
  normal: tuple[str, ...] = rules.NORMAL  # operations, in logits' order
  up: tuple[str, ...] = rules.UP  # the same of up edges
  remat: bool = False  # compute cells twice, to hold only their outputs

  @nn.compact
  def __call__(self, z, train):
    cells = _cells.cells_of(self, SPACE, 'generator')
    weights = _cells.edge_weights(self, cells)
    up = {op: (1, 1) for op in self.up if op in RESIZES}
    banks = {
        'up': _take(self, 'up', cells, weights, up, self.width, summed=False),
        'normal': _take(self, 'normal', cells, weights, CONVS, self.width)}
    return self.through(
        z, train, (None,) * 3, _by_cell(banks, 3),
        nn.remat(UpCell, static_argnums=4) if self.remat else UpCell)


class Discriminator(adversarial_nas.CellDiscriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many."""
  width: int = 80
  relax: Callable = relax.gumbel_on_probabilities
  normal: tuple[str, ...] = rules.NORMAL  # operations, in logits' order
  down: tuple[str, ...] = rules.DOWN  # the same of down edges
  remat: bool = False  # as of Generator

  @nn.compact
  def __call__(self, x, train):
    cells = _cells.cells_of(self, SPACE, 'discriminator')
    weights = _cells.edge_weights(self, cells)
    banks = {bank: _take(self, bank, cells, weights, CONVS, channels)
             for bank, channels in (('image', self.colors),
                                    ('normal', self.width),
                                    ('down', self.width))}
    return self.through(
        x, train, (None,) * 4, _by_cell(banks, 4),
        nn.remat(DownCell, static_argnums=3) if self.remat else DownCell)


def _by_cell(banks, count):
  """{bank: [{node: Edges} per cell]} -> [{bank: {node: Edges}} per cell]."""
  return [{bank: nodes[i] for bank, nodes in banks.items()}
          for i in range(count)]


def _places(bank, cells):
  """(cell, node that it reads, edge) of each row of a bank.

  The edges that read one node stand together. D's first ones, which read
  images, are the bank 'image': their kernels have another shape.
  """
  places = []
  for i, edges in enumerate(cells):
    here = [(i, edge.start, name) for name, edge in edges.items()
            if bank == ('image' if i == 0 and edge.start == 'x'
                        and edge.part == 'normal' else edge.part)]
    starts = [start for _, start, _ in here]
    places += sorted(here, key=lambda place, order=starts: order.index(
        place[1]))
  return places


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
  kernels, bias = KernelBank(layers, len(places), model.width,
                             _cells.convolutions(model),
                             name=f'{bank}_edges')(channels, by_op)
  if summed:
    kernels = by_dilation(kernels, layers)
  others = {op: w for op, w in by_op.items()
            if op not in layers and op != 'none'}
  taken = [{} for _ in cells]
  for i, node in dict.fromkeys((i, node) for i, node, _ in places):
    at = [r for r, place in enumerate(places) if place[:2] == (i, node)]
    taken[i][node] = Edges(*jax.tree.map(
        lambda x, r=at: x[r[0]:r[-1] + 1], (kernels, bias, others)))
  return taken


def _sums(cell, names, h, edges, act, train, *, stride=1, norm=norm.none):
  """The outputs of the edges `names` of a cell, which read the node h."""
  outs = convolve_edges(act(h), edges.kernels, edges.bias, stride=stride)
  for op, weights in edges.weights.items():
    if op in FREE:
      free = FREE[op](h)
      outs = [out + weight.astype(out.dtype) * free
              for out, weight in zip(outs, weights)]
  return _add_own(Mixed, cell, names, h, outs, edges, train, act=act,
                  norm=norm, stride=stride)


def _add_own(kind, cell, names, h, outs, edges, train, **parts):
  """Adds to the outputs of edges the operations with parameters of their own.

  kind: Mixed or MixedUp; `parts` are fields of it.
  """
  own = tuple(op for op in edges.weights if op not in FREE)
  if not own:
    return outs
  weights = jnp.stack([edges.weights[op] for op in own], -1)
  return [out + kind(own, cell.features, cell.conv, name=name, **parts)(
      h, row, train) for name, out, row in zip(names, outs, weights)]


def derived(params, genotype, player, **pools):
  """The parameters of a genotype's network among the super-network's.

  Args:
    params: of the super-network, or its 'spectral' vectors.
    genotype: as jgan/genotype.py has it.
    player: 'generator' or 'discriminator'.
    **pools: of the super-network.

  Returns:
    Nested dict for adversarial_nas.Generator or Discriminator.
  """
  cells = space.find(SPACE).cells(player, **pools)
  taken = {name: dict(part) for name, part in params.items()
           if not name.endswith('_edges')}
  for i, edges in enumerate(cells):
    cell = taken.setdefault(f'cell_{i + 1}', {})
    for edge in edges:  # what the operations have that are in no bank
      own, op = cell.pop(edge, {}), genotype[player][i][edge]
      names = ('depthwise', op) if op == 'conv_transpose' else (op,)
      if op in own:
        cell[edge] = {name: own[name] for name in names if name in own}
  for name, bank in params.items():
    if not name.endswith('_edges'):
      continue
    for row, (i, _, edge) in enumerate(_places(name[:-6], cells)):
      op = genotype[player][i][edge]
      if op in bank:
        taken[f'cell_{i + 1}'][edge] = {
            op: jax.tree.map(lambda x, r=row: x[r], bank[op])}
  return {name: part for name, part in taken.items() if part}
