"""The space of alphaGAN: sizes, rules, derivation (alphagan.md 1.1 to 1.4)."""
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import genotype as genotypes
from jgan import space as spaces
from jgan.errors import UserError
from jgan.report import genotype_graph
from jgan.spaces import alphagan as rules

space = spaces.find('alphagan')

PLAYERS = ('generator', 'discriminator')
SHAPES = {'generator': {'normal': (3, 3, 6), 'up': (3, 2, 3),
                        'skip_2': (1, 3), 'skip_3': (2, 3)},
          'discriminator': {'normal': (4, 2, 3)}}
UPS = [('nearest', 'bilinear'), ('deconv', 'nearest_conv', 'bilinear_conv')]


@pytest.mark.parametrize('name, rows', [
    ('s', [[2, 0, 0, 3, 0], [0, 0, 4, 3, 3, 1], [0, 1, 4, 3, 3, 0, 2]]),
    ('l', [[0, 2, 2, 2, 4], [0, 2, 2, 0, 1, 1], [1, 2, 0, 2, 3, 2, 1]])])
def test_the_published_genotypes_are_the_papers(name, rows):
  """Numbers of the operations: up edges, normal edges, skips."""
  cells = genotypes.load(f'alphagan_{name}')['generator']
  assert [[edge.ops.index(cell[name]) for name, edge in edges.items()]
          for cell, edges in zip(cells, space.cells('generator'))] == rows


def test_the_space_has_its_published_size():
  assert round(10**space.log10_size('generator') / 1e3) == 198_359_290
  count = 1
  for edges in space.cells('generator'):
    for edge in edges.values():
      count *= len(edge.ops)
  assert count == 198_359_290_368


@pytest.mark.parametrize('player', PLAYERS)
def test_drawn_networks_survive_logits_and_files(tmp_path, player):
  rng = np.random.default_rng(0)
  for _ in range(30):
    drawn = space.sample(rng, player)
    arch = space.one_hot(drawn, player)
    assert {k: x.shape for k, x in arch.items()} == SHAPES[player]
    assert all((x.sum(-1) == 1).all() for x in arch.values())
    assert space.derive(arch, player) == drawn
  assert sum(x[..., 0].size for x in arch.values()) == {
      'generator': 18, 'discriminator': 8}[player]
  jax_arch = {k: 1e4 * jnp.asarray(x) for k, x in arch.items()}
  assert space.derive(jax_arch, player) == drawn
  genotype = {**genotypes.load('alphagan_s'), player: drawn}
  genotypes.save(tmp_path / 'a.json', genotype)
  assert genotypes.load(tmp_path / 'a.json') == genotype


def test_derivation_takes_the_largest_logit_and_of_equals_the_first():
  arch = {part: np.zeros(shape) for part, shape in SHAPES['generator'].items()}
  arch['skip_3'][1, 1] = .5
  arch['normal'][1, 2, [3, 5]] = .5
  first, second, third = space.derive(arch, 'generator')
  assert set(first.values()) == {'deconv', 'conv_1x1'}
  assert second['n_34'] == 'sep_conv_3x3' and second['skip_1'] == 'deconv'
  assert third['skip_1'] == 'deconv' and third['skip_2'] == 'nearest'


@pytest.mark.parametrize('up', UPS)
def test_another_pool_of_ways_up_is_for_the_skips_too(up):
  rng = np.random.default_rng(1)
  drawn = space.sample(rng, 'generator', up=up)
  assert {drawn[2][name] for name in ('up_01', 'up_03', 'skip_1', 'skip_2')
          } <= set(up)
  arch = space.one_hot(drawn, 'generator', up=up)
  assert arch['skip_3'].shape == (2, len(up))
  assert space.derive(arch, 'generator', up=up) == drawn
  genotypes.check({'space': 'alphagan', 'generator': drawn})
  with pytest.raises(UserError, match="edge up_01 is '.*conv', which"):
    space.one_hot([{**cell, 'up_01': 'nearest_conv'} for cell in drawn],
                  'generator')


def test_with_none_in_the_pool_every_cell_still_leads_through():
  normal = ('none', *rules.NORMAL)
  rng = np.random.default_rng(2)
  for _ in range(50):
    arch = {k: rng.normal(size=(*shape[:-1], 7 if k == 'normal' else 3))
            for k, shape in SHAPES['generator'].items()}
    arch['normal'][..., 0] += 2.
    found = space.derive(arch, 'generator', normal=normal)
    assert space.valid(found, 'generator')
    plain = spaces.strongest(arch, space.cells('generator', normal=normal))
    for cell, best, logits in zip(found, plain, arch['normal'][:, 2]):
      if cell != best:
        assert best['n_34'] == 'none' and 'none' in (best['n_12'],
                                                     best['n_24'])
        assert cell == {**best, 'n_34': normal[1 + logits[1:].argmax()]}
    assert space.valid(space.sample(rng, 'generator', normal=normal),
                       'generator')


def test_a_cell_that_leads_nowhere_is_refused():
  genotype = genotypes.load('alphagan_s')
  genotype['generator'][1].update(n_34='none', n_12='none')
  with pytest.raises(UserError, match='cell_2: nothing leads through'):
    genotypes.check(genotype)
  genotype['generator'][1].update(n_34='skip')
  genotypes.check(genotype)


@pytest.mark.parametrize('pools, words', [
    ({'up': ('deconf',)}, "no operation 'deconf': did you mean 'deconv'"),
    ({'normal': ('conv_3x3', 'nearest')}, "normal=.*no operation 'nearest'"),
    ({'normal': ('none',)}, r"normal=\('none',\) is no choice"),
    ({'up': ()}, r'up=\(\) is no choice.*deconv')])
def test_a_pool_that_is_no_choice_is_refused(pools, words):
  with pytest.raises(UserError, match=words):
    space.cells('generator', **pools)


def test_a_histogram_counts_each_edge_once():
  cells = genotypes.load('alphagan_s')['generator']
  counts = space.histogram([cells, cells], 'generator')
  assert counts['skip_3'] == {'deconv': 2, 'nearest': 0, 'bilinear': 2,
                              'nearest_conv': 0, 'bilinear_conv': 0}
  assert counts['normal']['sep_conv_3x3'] == 10
  assert sum(counts['normal'].values()) == 18


@pytest.mark.parametrize('player', PLAYERS)
def test_nodes_and_families_are_known_to_pictures(tmp_path, player):
  for edges, skips in zip(space.allowed(player), space.skips(player),
                          strict=True):
    for edge in (*edges.values(), *skips.values()):
      assert edge.start.split('/')[-1] in space.nodes(player)
      assert edge.end in space.nodes(player)
      for op in edge.ops:
        families = [ops for ops in space.families().values() if op in ops]
        assert len(families) == (op != 'none')
  drawn = space.sample(np.random.default_rng(3), player)
  genotype_graph.draw(tmp_path / 'a.png', {
      **genotypes.load('alphagan_l'), player: drawn}, player)
  assert (tmp_path / 'a.png').stat().st_size > 10_000
