"""What follows from a space's cells alone: jgan/space.py's defaults."""
import itertools
import types

import numpy as np
import pytest

from jgan import space as spaces
from jgan.errors import UserError
from jgan.space import Edge, Space

RNG = np.random.default_rng(0)


def cells(player, *, up=('nearest', 'deconv'),
          normal=('skip', 'conv_1x1', 'conv_3x3')):
  if player == 'discriminator':
    return []
  return [{'up': Edge('in', 'wide', up, 'up', (i,)),
           'first': Edge('wide', 'middle', normal, 'normal', (i, 0)),
           'second': Edge('middle', 'out', normal, 'normal', (i, 1)),
           'past': Edge('wide', 'out', normal, 'normal', (i, 2))}
          for i in range(5)]


@pytest.fixture
def space():
  """Of a file that has cells() alone."""
  return Space(types.SimpleNamespace(cells=cells))


def test_parts_shapes_and_size_follow_from_the_cells(space):
  assert space.pools == {'up': ('nearest', 'deconv'),
                         'normal': ('skip', 'conv_1x1', 'conv_3x3')}
  assert space.ops('generator') == space.pools
  assert spaces.logit_shapes(space.cells('generator')) == {
      'up': (5, 2), 'normal': (5, 3, 3)}
  assert space.log10_size('generator') == pytest.approx(
      np.log10(2.) * 5 + np.log10(3.) * 15)
  for of_nothing in (space.cells, space.allowed, space.skips):
    assert of_nothing('discriminator') == []


def test_drawn_genotypes_survive_logits_and_are_valid(space):
  for pools in ({}, {'normal': ('conv_3x3', 'skip')}):
    drawn = space.sample(RNG, 'generator', **pools)
    assert space.valid(drawn, 'generator')
    arch = space.one_hot(drawn, 'generator', **pools)
    assert space.derive(arch, 'generator', **pools) == drawn
  counts = space.histogram([drawn, drawn], 'generator')
  assert sum(counts['up'].values()) == 10 and counts['normal']['conv_1x1'] == 0


def test_a_files_own_rules_come_before_the_defaults():
  def derive(arch, player, cells, *, reverse=False):
    del arch, player
    return [{name: edge.ops[-1 if reverse else 0]
             for name, edge in edges.items()} for edges in cells]

  space = Space(types.SimpleNamespace(
      cells=cells, derive=derive, EVERY={'normal': ('none',)},
      broken=lambda genotype, player: [
          (i, "past is 'none'") for i, cell in enumerate(genotype)
          if cell['past'] == 'none']))
  assert space.quirks == {'reverse': False}
  arch = {'up': np.zeros([5, 2]), 'normal': np.zeros([5, 3, 2])}
  pools = {'normal': ('conv_3x3', 'none')}
  first = space.derive(arch, 'generator', **pools)
  last = space.derive(arch, 'generator', reverse=True, **pools)
  assert first[0]['past'] == 'conv_3x3' and last[0]['past'] == 'none'
  assert space.valid(first, 'generator')
  assert space.broken(last, 'generator')[4] == (4, "past is 'none'")
  assert all(cell['past'] == 'conv_3x3'
             for cell in space.sample(RNG, 'generator', **pools))


@pytest.mark.parametrize('pools, words', [
    ({'normal': ('conv_9x9',)}, "normal=.*no operation 'conv_9x9': did you"),
    ({'normal': ()}, r'normal=\(\) is no choice.*conv_1x1')])
def test_a_pool_that_is_no_choice_is_refused(space, pools, words):
  with pytest.raises(UserError, match=words):
    space.cells('generator', **pools)


def chain(count):
  """Nodes in a row, and an edge from each to all later ones."""
  return [{f'{a}{b}': Edge(f'n{a}', f'n{b}', ('skip',))
           for a, b in itertools.combinations(range(count), 2)}]


@pytest.mark.parametrize('layout', [
    cells('generator'), chain(3), chain(4), chain(5),
    [{'a': Edge('x', 'p', ()), 'b': Edge('x', 'q', ()), 'c': Edge('p', 'y', ()),
      'd': Edge('q', 'y', ()), 'e': Edge('cell_1/p', 'y', ())}]])
def test_nodes_of_a_picture_are_apart_and_edges_pass_them(layout):
  nodes = spaces.placed(layout)
  names = {name for edge in layout[0].values()
           for name in (edge.start, edge.end) if '/' not in name}
  assert set(nodes) == names
  places = {name: np.array(place) for name, place in nodes.items()}
  for a, b in itertools.combinations(places.values(), 2):
    assert np.linalg.norm(a - b) > .9
  for edge in layout[0].values():
    if '/' in edge.start:
      continue
    a, b = places[edge.start], places[edge.end]
    assert a[0] < b[0]
    line = a + np.linspace(0., 1., 200)[:, None] * (b - a)
    for name in names - {edge.start, edge.end}:
      assert np.linalg.norm(line - places[name], axis=1).min() > .2
  first, *_, last = nodes
  assert first == min(nodes, key=lambda n: nodes[n][0])
  assert last == max(nodes, key=lambda n: nodes[n][0])
