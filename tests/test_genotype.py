"""Genotypes: their files, and what is refused in them."""
import copy
import json
import math

import numpy as np
import pytest

from jgan import genotype as genotypes
from jgan import space as spaces
from jgan.errors import UserError
from jgan.space import Edge

# Two cells of a made-up space, the second of which may skip.
CELLS = [{'a': Edge('x', 'y', ('p', 'q', 'r'), 'one', (0,))},
         {'a': Edge('x', 'y', ('p', 'q', 'r'), 'one', (1,)),
          'skip': Edge('cell_1/y', 'y', ('s', 't'), 'two', (0,))}]


@pytest.fixture
def genotype():
  return genotypes.load('mmd_nas')


def test_the_published_genotypes_can_be_loaded_by_name():
  assert {'adversarial_nas', 'mmd_nas'} <= set(genotypes.names())
  for name in genotypes.names():  # each is checked as it is read
    assert genotypes.load(name)['origin']


def test_a_saved_genotype_is_read_back_and_its_bytes_are_stable(
    tmp_path, genotype):
  file = tmp_path / 'made' / 'a.json'
  genotypes.save(file, genotype)
  assert genotypes.load(file) == genotypes.load(str(file)) == genotype
  published = genotypes._FOLDER / 'mmd_nas.json'
  assert file.read_bytes() == published.read_bytes()
  # Whatever the order of its keys.
  turned = dict(reversed(genotype.items()))
  turned['generator'] = [dict(reversed(cell.items()))
                         for cell in genotype['generator']]
  genotypes.save(file, turned)
  assert file.read_bytes() == published.read_bytes()
  lines = file.read_text().splitlines()
  assert sum('"up0"' in line and '"c4"' in line for line in lines) == 3


def broken(genotype, change):
  genotype = copy.deepcopy(genotype)
  change(genotype)
  return genotype


CASES = {
    'wrong key': (lambda g: g.update(orgin=''),
                  "unknown key 'orgin': did you mean 'origin'"),
    'no space': (lambda g: g.pop('space'),
                 "no 'space', only: generator, origin"),
    'no generator': (lambda g: g.pop('generator'), "no 'generator'"),
    'wrong space': (lambda g: g.update(space='adversarial_nass'),
                    "no space 'adversarial_nass': did you mean"),
    'missing cell': (lambda g: g['generator'].pop(),
                     'generator is a list of 3 cells, not 2'),
    'extra cell': (lambda g: g['generator'].append({}),
                   'a list of 3 cells, not 4'),
    'no list': (lambda g: g.update(generator={}),
                'a list of 3 cells, not dict'),
    'no cell': (lambda g: g['generator'].__setitem__(1, []),
                'cell_2 is a list; an object'),
    'missing edge': (lambda g: g['generator'][1].pop('c3'),
                     "cell_2: edge 'c3' is missing; it takes one of: none"),
    'wrong edge': (lambda g: g['generator'][2].update(c5='skip'),
                   "cell_3: no edge 'c5': did you mean 'c"),
    'wrong operation': (
        lambda g: g['generator'][0].update(c0='conv3x3'),
        "cell_1, edge c0: no operation 'conv3x3': did you mean 'conv_3x3'"),
    'of another edge': (lambda g: g['generator'][0].update(up1='conv_3x3'),
                        'edge up1: no operation .* known: nearest, bilinear, '
                        'bicubic, conv_transpose'),
    'no text': (lambda g: g['generator'][0].update(up1=1), "operation '1'"),
    'node unreached': (lambda g: g['generator'][1].update(c0='none'),
                       'generator, cell_2: no operation leads to node2: c0 '
                       "and c1 are 'none'"),
    'discriminator': (lambda g: g.update(discriminator=[]),
                      'discriminator is a list of 4 cells, not 0'),
}


@pytest.mark.parametrize('case', CASES)
def test_a_malformed_genotype_is_refused_with_its_file(
    tmp_path, genotype, case):
  change, words = CASES[case]
  wrong = broken(genotype, change)
  file = tmp_path / 'mine.json'
  file.write_text(json.dumps(wrong))
  with pytest.raises(UserError, match=rf'mine\.json.*{words}'):
    genotypes.load(file)
  fresh = tmp_path / 'new.json'
  with pytest.raises(UserError, match=rf'new\.json.*{words}'):
    genotypes.save(fresh, wrong)
  assert not fresh.exists()


@pytest.mark.parametrize('content, words', [
    (b'{"space": ', 'is not JSON: Expecting value: line 1'),
    (b'\xff\xfe{', 'is not JSON: .*utf-8'),
    (b'[1]', 'is a list, an object with space'),
])
def test_a_file_of_something_else_is_refused(tmp_path, content, words):
  file = tmp_path / 'mine.json'
  file.write_bytes(content)
  with pytest.raises(UserError, match=rf'mine\.json {words}'):
    genotypes.load(file)


def test_an_unknown_name_is_answered_with_the_nearest():
  with pytest.raises(UserError, match="'mmd_nsa' is neither a file nor a name: "
                                      "did you mean 'mmd_nas'"):
    genotypes.load('mmd_nsa')
  with pytest.raises(UserError, match='neither a file nor'):
    genotypes.load('/')


def test_one_hot_logits_have_the_shape_of_the_parts_and_choose():
  chosen = [{'a': 'q'}, {'a': 'r', 'skip': 't'}]
  arch = spaces.one_hot(chosen, CELLS)
  np.testing.assert_array_equal(arch['one'], [[0, 1, 0], [0, 0, 1]])
  np.testing.assert_array_equal(arch['two'], [[0, 1]])
  assert spaces.strongest(arch, CELLS) == chosen
  with pytest.raises(UserError, match="cell_1, edge a is 'z'.*p, q, r"):
    spaces.one_hot([{'a': 'z'}, chosen[1]], CELLS)


def test_of_equal_scores_the_first_operation_wins():
  level = {'one': np.zeros([2, 3]), 'two': np.zeros([1, 2])}
  assert spaces.strongest(level, CELLS) == [{'a': 'p'},
                                            {'a': 'p', 'skip': 's'}]


def test_samples_are_valid_and_uniform():
  valid = lambda g: g[0]['a'] != g[1]['a']  # 3 * 2 * 2 remain of 18
  rng = np.random.default_rng(0)
  drawn = [spaces.sample(rng, CELLS, valid) for _ in range(2400)]
  assert all(map(valid, drawn))
  counts = {}
  for g in drawn:
    counts[str(g)] = counts.get(str(g), 0) + 1
  assert len(counts) == 12
  # 11 degrees of freedom: beyond 31.3 in one of a thousand seeds.
  assert sum((n - 200)**2 / 200 for n in counts.values()) < 31.3


def test_the_size_of_a_space_counts_every_choice():
  assert spaces.log10_size(CELLS) == pytest.approx(math.log10(18))


def test_a_histogram_counts_by_kind_and_shows_what_never_occurs():
  several = [[{'a': 'p'}, {'a': 'q', 'skip': 't'}],
             [{'a': 'p'}, {'a': 'p', 'skip': 't'}]]
  assert spaces.histogram(several, CELLS) == {
      'one': {'p': 3, 'q': 1, 'r': 0}, 'two': {'s': 0, 't': 2}}
