"""Pictures of genotypes: what is drawn, and how."""
import numpy as np
import pytest
from matplotlib.patches import Circle, FancyArrowPatch
from PIL import Image

from jgan import genotype as genotypes
from jgan import space as spaces
from jgan.errors import UserError
from jgan.report import figure, genotype_graph

space = spaces.find('adversarial_nas')


def texts(page):
  return [t.get_text() for t in page.axes[0].texts]


def patches(page, kind):
  return [p for p in page.axes[0].patches if isinstance(p, kind)]


def test_every_operation_is_an_arrow_with_its_name(pages):
  genotype = genotypes.load('adversarial_nas')
  genotype_graph.draw('x', genotype)
  page, = pages
  ops = [op for cell in genotype['generator'] for op in cell.values()]
  for op in ('skip', 'conv_3x3'):
    assert texts(page).count(op) == ops.count(op) > 0
  # Of the up edges and the fixed skips between cells.
  assert texts(page).count('bilinear') == ops.count('bilinear') + 1
  assert 'none' not in texts(page)
  # Three skips, and two arrows from cell to cell.
  assert len(patches(page, FancyArrowPatch)) == len(ops) - 4 + 3 + 2
  assert len(patches(page, Circle)) == 15


def test_skips_between_cells_are_dashed_and_arrows_miss_the_nodes(pages):
  genotype_graph.draw('x', genotypes.load('mmd_nas'))
  page, = pages
  arrows = patches(page, FancyArrowPatch)
  assert sum(a.get_linestyle() not in ('-', 'solid') for a in arrows) == 3
  centers = np.array([c.get_center() for c in patches(page, Circle)])
  for arrow in arrows:
    points = arrow._path_original.vertices
    gaps = np.linalg.norm(points[:, None] - centers, axis=-1)
    assert gaps.min() >= patches(page, Circle)[0].get_radius()


def test_the_legend_names_the_families_that_occur(pages):
  genotype = genotypes.load('mmd_nas')
  names = lambda page: [t.get_text() for t in page.legends[0].get_texts()]
  genotype_graph.draw('x', genotype)
  cells = space.sample(np.random.default_rng(0), 'discriminator')
  for cell in cells:
    cell.update(down0='avg_pool', down1='max_pool')
  genotype_graph.draw('x', {**genotype, 'discriminator': cells},
                      'discriminator')
  assert names(pages[0]) == ['convolution', 'dilated convolution', 'identity',
                             'interpolation', 'in every network']
  assert names(pages[1])[-1] == 'pooling'


def test_a_node_that_nothing_leads_to_is_faint(pages):
  genotype = genotypes.load('mmd_nas')
  cells = space.sample(np.random.default_rng(0), 'discriminator')
  cells[1].update(c0='none', c1='skip', c2='skip', c3='none', c4='none')
  genotype_graph.draw('x', {**genotype, 'discriminator': cells},
                      'discriminator')
  colors = [t.get_color() for t in pages[0].axes[0].texts
            if t.get_text() == '0']
  assert colors[1] == figure.FAINT
  assert len(colors) == 4 and colors[0] == figure.INK


def test_the_same_genotype_makes_the_same_bytes(tmp_path):
  for name in ('a.png', 'b.png'):
    genotype_graph.draw(tmp_path / name, genotypes.load('mmd_nas'))
  first = (tmp_path / 'a.png').read_bytes()
  assert first == (tmp_path / 'b.png').read_bytes()
  assert np.asarray(Image.open(tmp_path / 'a.png')).std() > 0


def test_a_player_without_a_genotype_is_refused():
  with pytest.raises(UserError, match="no 'discriminator', only: generator"):
    genotype_graph.draw('x', genotypes.load('mmd_nas'), 'discriminator')
