"""The space of AdversarialNAS: sizes, rules and derivation."""
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import genotype as genotypes
from jgan import space as spaces
from jgan.errors import UserError
from jgan.spaces import adversarial_nas as rules

space = spaces.find('adversarial_nas')

PLAYERS = ('generator', 'discriminator')
SHAPES = {'generator': {'normal': (3, 5, 7), 'up': (3, 2, 3)},
          'discriminator': {'normal': (4, 5, 7), 'down': (4, 2, 6)}}


def indices(genotype, player, **up):
  """The published form: numbers of the operations, per cell."""
  return [[edge.ops.index(cell[name]) for name, edge in edges.items()]
          for cell, edges in zip(genotype, space.cells(player, **up))]


def fill(player, normal, other=0.):
  """Logits from {edge: {operation: value}}, the same in all cells."""
  arch = {part: np.zeros(shape) for part, shape in SHAPES[player].items()}
  for name, values in normal.items():
    for op, value in values.items():
      arch['normal'][:, int(name[1]), rules.NORMAL.index(op)] = value
  return arch


@pytest.mark.parametrize('name, rows', [
    ('mmd_nas', [[0, 1, 3, 4, 6, 4, 1], [1, 1, 4, 0, 5, 5, 3],
                 [0, 1, 4, 5, 6, 4, 4]]),
    ('adversarial_nas', [[1, 1, 1, 0, 3, 3, 1], [1, 1, 0, 1, 3, 3, 3],
                         [0, 1, 0, 3, 3, 0, 3]]),
])
def test_the_published_genotypes_are_the_published_numbers(name, rows):
  assert indices(genotypes.load(name)['generator'], 'generator') == rows


def test_the_space_has_its_published_size():
  size = sum(space.log10_size(player) for player in PLAYERS)
  assert size == pytest.approx(38.228, abs=5e-4)


@pytest.mark.parametrize('player', PLAYERS)
def test_samples_are_valid_and_survive_logits_and_files(tmp_path, player):
  rng = np.random.default_rng(0)
  for _ in range(50):
    drawn = space.sample(rng, player)
    assert space.valid(drawn, player)
    arch = space.one_hot(drawn, player)
    assert {k: x.shape for k, x in arch.items()} == SHAPES[player]
    assert all((x.sum(-1) == 1).all() for x in arch.values())
    assert space.derive(arch, player) == drawn
    jax_arch = {k: 1e4 * jnp.asarray(x) for k, x in arch.items()}
    assert space.derive(jax_arch, player) == drawn
  genotype = {**genotypes.load('mmd_nas'), player: drawn}
  genotypes.save(tmp_path / 'a.json', genotype)
  assert genotypes.load(tmp_path / 'a.json') == genotype


def test_the_third_way_up_depends_on_the_order_asked_for():
  first = ('nearest', 'bilinear', 'conv_transpose')
  cells = genotypes.load('mmd_nas')['generator']
  cells[0]['up0'] = 'conv_transpose'
  assert space.valid(cells, 'generator')
  arch = space.one_hot(cells, 'generator', up=first)
  assert space.derive(arch, 'generator', up=first) == cells
  assert space.derive(arch, 'generator')[0]['up0'] == 'bicubic'
  with pytest.raises(UserError, match="edge up0 is 'conv_transpose'.*bicubic"):
    space.one_hot(cells, 'generator')
  with pytest.raises(UserError, match="no operation 'nearst': did you mean"):
    space.cells('generator', up=('nearst',))


def test_derivation_reproduces_the_published_code():
  arch = {'normal': np.sin(1.7 * np.arange(105)).reshape(3, 5, 7),
          'up': np.sin(2.3 * np.arange(18)).reshape(3, 2, 3)}
  assert indices(space.derive(arch, 'generator'), 'generator') == [
      [1, 0, 1, 5, 2, 2, 6], [0, 0, 3, 3, 0, 4, 1], [2, 2, 1, 5, 2, 6, 3]]


def test_the_edges_least_sure_of_none_are_repaired():
  best = {0: (3, 1.), 1: (4, 1.5), 2: (2, .3), 3: (6, .9), 4: (1, .1)}
  arch = {'normal': np.zeros([3, 5, 7]), 'up': np.zeros([3, 2, 3])}
  arch['normal'][..., 0] = 2.
  arch['normal'][0, 0, 0] = 3.
  for edge, (op, value) in best.items():
    arch['normal'][:, edge, op] = value
  found = indices(space.derive(arch, 'generator'), 'generator')
  assert [row[2:] for row in found] == [[0, 4, 0, 6, 0]] * 3


def test_the_best_repair_is_found_however_small_its_probability():
  arch = fill('generator', {f'c{e}': {'none': 5e3, 'conv_5x5': 1.}
                            for e in range(5)})
  for cell in space.derive(arch, 'generator'):
    assert [cell[f'c{e}'] for e in range(5)] == ['conv_5x5', 'none', 'conv_5x5',
                                                 'none', 'none']


def test_an_edge_of_the_discriminator_that_is_read_is_not_none():
  # node1 has c3 alone, which reads node0: so c0, all but none, is repaired.
  arch = fill('discriminator', {
      'c0': {'none': 9., 'conv_5x5': 2.}, 'c1': {'none': 9.},
      'c2': {'skip': 9.}, 'c3': {'none': 3., 'conv_1x1': 2.},
      'c4': {'none': 9.}})
  first, *others = space.derive(arch, 'discriminator')
  for cell in others:
    assert [cell[f'c{e}'] for e in range(5)] == ['conv_5x5', 'none', 'skip',
                                                 'conv_1x1', 'none']
  # The first cell reads images there: its five operations, from conv_1x1 on,
  # stand at the logits that are none's, skip's, ... in other cells.
  assert first['c0'] == 'conv_1x1'
  assert {first['c1'], first['c2']} <= set(rules.NORMAL[2:])
  # Without a reader node0 may stay unreached.
  arch['normal'][:, 1, rules.NORMAL.index('skip')] = 10.
  assert all(cell['c0'] == 'none' and cell['c3'] == 'none'
             for cell in space.derive(arch, 'discriminator')[1:])


def test_the_first_cell_of_the_discriminator_reads_five_of_seven_logits():
  arch = fill('discriminator', {})
  arch['normal'][0, :3] = np.arange(7)  # the two largest choose nothing
  cell, *_ = space.derive(arch, 'discriminator')
  assert [cell[f'c{e}'] for e in range(3)] == ['dil_conv_5x5'] * 3


def test_the_softmax_over_edges_changes_the_discriminator_alone():
  rng = np.random.default_rng(0)
  arch = {player: {k: .1 * rng.standard_normal(s) for k, s in parts.items()}
          for player, parts in SHAPES.items()}
  quirk = {p: space.derive(arch[p], p, softmax_over_edges=True)
           for p in PLAYERS}
  assert quirk['generator'] == space.derive(arch['generator'], 'generator')
  assert quirk['discriminator'] != space.derive(arch['discriminator'],
                                                'discriminator')
  # The whole row of an edge is divided by sums over the edges of its cell,
  # but those of down edges by sums over their operations.
  down = arch['discriminator']['down']
  assert [[rules.DOWN.index(cell[name]) for name in ('down0', 'down1')]
          for cell in quirk['discriminator']] == down.argmax(-1).tolist()
  normal = arch['discriminator']['normal']
  shares = np.exp(normal) / np.exp(normal).sum(1, keepdims=True)
  for cell, best in zip(quirk['discriminator'][1:], shares.argmax(-1)[1:]):
    # Of edges that no repair has touched.
    assert all(cell[f'c{e}'] in ('none', rules.NORMAL[best[e]])
               or rules.NORMAL[best[e]] == 'none' for e in range(5))


def test_the_softmax_over_edges_changes_a_third_of_the_normal_edges():
  """At random logits of deviation .1; and no down edge."""
  rng = np.random.default_rng(1)
  changed = []
  for _ in range(60):
    arch = {k: .1 * rng.standard_normal(s)
            for k, s in SHAPES['discriminator'].items()}
    pair = [space.derive(arch, 'discriminator', softmax_over_edges=over)
            for over in (False, True)]
    assert all(a[f'down{e}'] == b[f'down{e}'] for a, b in zip(*pair)
               for e in range(2))
    changed += [a[f'c{e}'] != b[f'c{e}'] for a, b in zip(*pair)
                for e in range(5)]
  assert np.mean(changed) == pytest.approx(.33, abs=.05)


@pytest.mark.parametrize('player', PLAYERS)
def test_any_logits_derive_a_valid_network(player):
  rng = np.random.default_rng(2)
  for _ in range(40):
    arch = {k: rng.standard_normal(s) for k, s in SHAPES[player].items()}
    arch['normal'][..., 0] += 1.5
    for over in (False, True):
      assert space.valid(space.derive(arch, player, softmax_over_edges=over),
                         player)


def test_a_histogram_counts_each_edge_once():
  cells = genotypes.load('mmd_nas')['generator']
  counts = space.histogram([cells], 'generator')
  assert counts['up'] == {'nearest': 2, 'bilinear': 4, 'bicubic': 0,
                          'conv_transpose': 0}
  # Layers 1 to 13 of the paper's figure 3 are convolutions.
  assert counts['normal'] == {'none': 1, 'skip': 1, 'conv_1x1': 0,
                              'conv_3x3': 2, 'conv_5x5': 6, 'dil_conv_3x3': 3,
                              'dil_conv_5x5': 2}


@pytest.mark.parametrize('player', PLAYERS)
def test_nodes_and_families_are_known_to_pictures(player):
  for edges, skips in zip(space.allowed(player), space.skips(player),
                          strict=True):
    for edge in (*edges.values(), *skips.values()):
      assert edge.start.split('/')[-1] in space.nodes(player)
      assert edge.end in space.nodes(player)
      for op in edge.ops:
        families = [ops for ops in space.families().values() if op in ops]
        assert len(families) == (op != 'none')
