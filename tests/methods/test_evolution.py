"""A search by evolution: who is born, who trains, what a run leaves."""
import json
import os
import signal
import zlib

import jax
import numpy as np
import pytest

from jgan import build, experiment, genotype
from jgan import config as configs
from jgan.errors import Stopped, UserError
from jgan.methods import _search, evolution
from jgan.models import adversarial_nas, alphagan
from jgan.ops import flops
from jgan.run import chunks, evolving, loop, restore, scoring, seeds
from jgan.run.logbook import read
from jgan.score import work
from jgan.score.networks import Scoring
from jgan.space import Edge, find
from jgan.verbs import derive, genotypes


@pytest.fixture(scope='module')
def search(game):
  """Makes the config of a search; changes: of config.method or {'a.b': value}.

  Generations after steps 2 and 4 of 5, on two devices.
  """
  def made(**changes):
    c = game(steps=5, batch=8, gen_batch=8, devices=2, **{
        'generator.latent': 6, 'eval.every': 2, 'eval.samples': 16,
        'eval.batch': 16, 'eval.metrics': ('fd_pixels', 'spectrum'),
        'checkpoint.best': 'eval/fd_pixels', 'doctor.every': 0})
    for player in (c.generator, c.discriminator):
      player.relax = 'softmax'
    c.loss = {'name': 'hinge'}
    c.method = {'name': 'evolution', 'population': 4, 'warmup': 2, 'every': 2,
                'generations': 2, **{k: v for k, v in changes.items()
                                     if '.' not in k}}
    c.update_from_flattened_dict({k: v for k, v in changes.items()
                                  if '.' in k})
    return c

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(_search, '_SETTLING', 3)
    yield made


@pytest.fixture(scope='module')
def whole(search, tmp_path_factory):
  """An unbroken run: its folder and last state."""
  folder = tmp_path_factory.mktemp('whole')
  return folder, loop.run(search(), folder)


@pytest.fixture(scope='module')
def first(search):
  """A method on one device, and its first state."""
  method = build.method(search())
  state = jax.jit(lambda: method.init(
      jax.random.key(0), {'image': np.zeros((1, 1, 8, 8, 1))}))()
  return method, state


def scripted(one):
  """Scores that are a function of the genotype alone."""
  number = zlib.crc32(json.dumps(one, sort_keys=True).encode())
  return {'fd_pixels': float(number % 97), 'spectrum': float(number % 13)}


BETTER = {'fd_pixels': 'lower', 'spectrum': 'lower'}


def generations(method, state, count):
  """Records of generations with scripted scores, and the last memory."""
  memory = jax.tree.map(np.asarray, state.extra['evolution'])
  seen, records = set(), []
  for step in range(count):
    memory, brood = method.search.evolve(
        memory, seen, scripted, BETTER, np.random.default_rng(step))
    seen |= {_search.key(record['genotype']) for record in brood}
    records.append(brood)
  return records, memory


def test_the_steps_train_fresh_paths_first_and_then_members_alone(first):
  """In one program: the population is an argument of the step."""
  method, state = first
  step = jax.jit(method.step)
  batch = {'image': np.zeros((1, 8, 8, 8, 1), np.uint8)}
  path = lambda state: {part: np.asarray(x).argmax(-1) for part, x in
                        state.gen.stats['arch'].items()}
  equal = lambda a, b: all((a[part] == b[part]).all() for part in a)
  memory = jax.tree.map(np.asarray, state.extra['evolution'])
  rng = np.random.default_rng(0)
  memory['genes'] = {part: rng.integers(0, 3, x.shape).astype(np.int32)
                     for part, x in memory['genes'].items()}
  members = [{part: x[i] for part, x in memory['genes'].items()}
             for i in range(4)]
  trained = {0: [], 1: []}
  for generation in trained:
    memory['generation'] = np.int32(generation)
    for i in range(30):
      after, _ = step(state.replace(extra={'evolution': memory}), batch,
                      jax.random.key(i))
      trained[generation].append(path(after))
  born = [[equal(path, member) for member in members] for path in trained[1]]
  assert np.all(np.sum(born, 1) == 1) and np.all(np.sum(born, 0) > 0)
  assert not any(equal(path, member) for path in trained[0]
                 for member in members)
  for logits in after.ema.stats['arch'].values():
    np.testing.assert_array_equal(logits, 0.)


def test_children_are_valid_new_and_one_edge_from_a_parent(first):
  method, state = first
  records, memory = generations(method, state, 3)
  every = [_search.key(r['genotype']) for brood in records for r in brood]
  parents = {_search.key(r['genotype']) for r in records[0][:4]}
  for brood in records:
    assert {_search.key(r['genotype']) for r in brood[:4]} == parents
    assert len(brood) == 8 and sum(r['selected'] for r in brood) == 4
    for record in brood:
      genotype.check({'space': 'adversarial_nas',
                      'generator': record['genotype']})
    edges = lambda one: [op for cell in one for op in cell.values()]
    for child in brood[4:]:
      assert min(sum(a != b for a, b in zip(
          edges(child['genotype']), edges(parent['genotype'])))
                 for parent in brood[:4]) == 1
    parents = {_search.key(r['genotype']) for r in brood if r['selected']}
  children = [key for i, key in enumerate(every) if i % 8 >= 4]
  assert len({*children, *every[:4]}) == 4 + 3 * 4
  assert int(memory['generation']) == 3
  assert (np.diff(memory['score']) >= 0.).all()


def test_half_of_the_genes_come_from_another_parent():
  ops = {'c0': 'skip', 'c1': 'conv_1x1'}
  parents = [[dict.fromkeys(ops, 'skip')], [dict.fromkeys(ops, 'conv_1x1')]]
  cells = [{name: Edge('x', 'y', ('none', 'skip', 'conv_1x1', 'conv_3x3'))
            for name in ops}]
  rng = np.random.default_rng(0)
  bred = [evolution.child(rng, parents, cells, mutates=False)
          for _ in range(40)]
  assert all({*one[0].values()} == {'skip', 'conv_1x1'} for one in bred)
  mutants = [evolution.child(rng, parents, cells, mutates=True)
             for _ in range(40)]
  assert all(len({*one[0].values()}) == 2 for one in mutants)
  assert {op for one in mutants for op in one[0].values()} == {
      'none', 'skip', 'conv_1x1', 'conv_3x3'}


def test_individuals_are_within_the_limits(first, search):
  """About half of all are."""
  limits = {'params': (2000, 3000), 'macs': (30_000, 105_000),
            'cell_params': (100, 1700)}
  method = build.method(search(population=2, **limits))
  memory = first[1].extra['evolution']
  two = {**memory, 'score': np.zeros(2), 'generation': 0}
  _, brood = method.search.evolve(two, set(), scripted, BETTER,
                                  np.random.default_rng(0))
  sizes = np.array([[r['params'], r['macs']] for r in brood])
  assert (sizes >= [2000, 30_000]).all() and (sizes <= [3000, 105_000]).all()
  drawn = method.search.draw(np.random.default_rng(1))
  params, _ = built(adversarial_nas, drawn, latent=6, width=4)
  assert 2000 <= count(params) <= 3000
  assert all(100 <= count(params[f'cell_{i}']) <= 1700 for i in (1, 2, 3))


def built(module, genotype, **fields):
  """Shapes of parameters of a genotype's network for 8 x 8, and its MACs."""
  network = module.Generator(8, 1, genotype=json.dumps(genotype), **fields)
  z = np.zeros((1, network.latent))
  variables = jax.eval_shape(lambda: network.init(jax.random.key(0), z, True))
  return variables['params'], flops.total(
      flops.layers(network, variables, z)).macs


def count(tree):
  return sum(x.size for x in jax.tree.leaves(tree))


@pytest.mark.parametrize('module', [adversarial_nas, alphagan])
def test_most_sizes_are_sums_over_edges_and_equal_those_of_networks(
    module, monkeypatch):
  name = module.__name__.split('.')[-1]
  fields, rng = {'latent': 6, 'width': 4}, np.random.default_rng(0)
  space = find(name)
  sizes = evolution.Sizes(module.Generator(8, 1, **fields), module.Generator,
                          name)
  builds, measured = [], sizes._measured
  monkeypatch.setattr(sizes, '_measured',
                      lambda one: builds.append(1) or measured(one))
  some = [space.sample(rng, 'generator') for _ in range(3)]
  mixed = [[{edge: some[rng.integers(3)][i][edge] for edge in cell}
            for i, cell in enumerate(some[0])] for _ in range(40)]
  mixed = [one for one in mixed if space.valid(one, 'generator')][:2]
  own = [sizes.of(one) for one in some + mixed]
  assert len(builds) == 3 and len(mixed) == 2
  for one, size in zip(mixed, own[3:]):
    params, macs = built(module, {'space': name, 'generator': one}, **fields)
    assert size == {'params': count(params), 'macs': macs, 'cell_params': [
        count(params[f'cell_{i + 1}']) for i in range(len(one))]}


def test_the_genotype_of_scgan_is_within_its_limits():
  """7.73 M parameters and 2.43 G multiply-accumulates, at 256 channels."""
  c = experiment.load('experiments/scgan/search_cifar10.py:scgan')
  size = evolution.Sizes(
      adversarial_nas.Generator(32, 3, latent=120, width=256),
      adversarial_nas.Generator, 'adversarial_nas').of(
          genotype.load('scgan')['generator'])
  assert (size['params'], size['macs']) == (7_732_483, 2_430_631_936)
  for name, (low, high) in ((name, c.method[name]) for name in size):
    assert all(low <= x <= high for x in np.atleast_1d(size[name]))


def test_impossible_limits_are_refused_as_a_run_begins(search, monkeypatch):
  monkeypatch.setattr(evolution, '_TRIES', 3)
  method = build.method(search(params=(1, 2)))
  with pytest.raises(UserError, match=r'of 3 architectures none was new, valid '
                     r'and config.method.params=\(1, 2\)'):
    method.search.draw(np.random.default_rng(0))


def test_a_run_records_every_individual(whole):
  folder, state = whole
  records = evolving.read(folder)
  assert [r['step'] for r in records] == [2] * 8 + [4] * 8
  assert [r['generation'] for r in records] == [1] * 8 + [2] * 8
  for record in records:
    assert record['values'].keys() == {'fd_pixels', 'spectrum'}
  chosen = [[r for r in records if r['step'] == step and r['selected']]
            for step in (2, 4)]
  keys = lambda some: sorted(_search.key(r['genotype']) for r in some)
  assert keys(chosen[0]) == keys(records[8:12])
  memory = state.extra['evolution']
  np.testing.assert_allclose(memory['score'], sorted(
      r['values']['fd_pixels'] for r in chosen[1]), rtol=1e-6)
  logged = [r for r in read(folder) if 'evolution/best' in r]
  assert [r['step'] for r in logged] == [2, 4]
  assert logged[1]['evolution/best'] == pytest.approx(
      float(memory['score'][0]))


def test_members_are_scored_as_the_verb_derive_scores_candidates(whole,
                                                                 search):
  """With batch statistics of their own, of the weights at that step."""
  folder, _ = whole
  config = configs.complete(search())
  method = build.method(config)
  at = restore.state_of(config, method, folder, step=4)
  record = evolving.read(folder)[12]
  judge = Scoring(config)
  values, _ = judge.score(judge.sampler(method), method.search.select(
      at.ema, {'generator': record['genotype']}))
  assert values == pytest.approx(record['values'], rel=1e-5)


def test_a_run_that_is_stopped_three_times_ends_with_the_same_bits(
    whole, search, interrupted, tmp_path, monkeypatch):
  """Killed within the first generation, asked to stop after a step without one
  and within the second.
  """
  folder, state = whole
  score = scoring.Scoring.of

  def ends_in(step, how):
    calls = []

    def ending(self, at, net):
      calls.append(at)
      if calls.count(step) == 3:
        how()
      return score(self, at, net)

    return ending

  def killed():
    raise SystemExit

  with monkeypatch.context() as patch, pytest.raises(SystemExit):
    patch.setattr(scoring.Scoring, 'of', ends_in(2, killed))
    loop.run(search(), tmp_path)
  assert not evolving.read(tmp_path)
  interrupted(search(), tmp_path, step=3)
  assert len(evolving.read(tmp_path)) == 8
  with monkeypatch.context() as patch, pytest.raises(Stopped, match='step 4'):
    patch.setattr(scoring.Scoring, 'of', ends_in(
        4, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    loop.run(search(), tmp_path)
  assert len(evolving.read(tmp_path)) == 8
  resumed = loop.run(search(), tmp_path)
  assert jax.tree.all(jax.tree.map(np.array_equal, resumed, state))
  for name in ('evolution.jsonl', 'metrics.jsonl', 'evaluations.jsonl'):
    assert (tmp_path / name).read_text() == (folder / name).read_text()
  one, other = (genotype.load(path / 'genotypes' / '00000005.json')
                for path in (folder, tmp_path))
  assert one['generator'] == other['generator']


def test_derive_writes_the_best_member_and_the_front(whole, search, tmp_path):
  folder, state = whole
  config = configs.complete(search())
  method = build.method(config)
  path = derive.write(config, method, state, tmp_path / 'g.json')
  records = [r for r in evolving.read(folder)[8:] if r['selected']]
  best = min(records, key=lambda r: r['values']['fd_pixels'])
  derived = genotype.load(path)
  assert derived['generator'] == best['genotype']
  assert derived['origin'] == (
      f'evolution, step 5, generation 2, eval/fd_pixels '
      f'{best["values"]["fd_pixels"]:.6g}, {best["params"]:,} parameters')
  sizes = [r['params'] for r in sorted(
      records, key=lambda r: r['values']['fd_pixels'])]
  entries = genotypes.gather(tmp_path / 'g_front')
  assert len(entries) == sum(size < min(sizes[:i], default=np.inf)
                             for i, size in enumerate(sizes))
  assert entries[0].genotype == derived
  assert entries[0].scores['fd_pixels'] == pytest.approx(
      best['values']['fd_pixels'], rel=1e-5)
  assert genotypes.gather(folder)[-1].scores == entries[0].scores
  assert sorted(file.stem for file in (folder / 'genotypes').glob('*')) == [
      '00000002', '00000004', '00000005']


def test_there_is_no_best_member_in_the_warm_up(first, search, tmp_path):
  with pytest.raises(UserError, match='step 0 is of the warm-up'):
    derive.write(configs.complete(search()), *first, tmp_path / 'g.json')


def test_generations_end_dispatches_and_count_among_the_scores(search):
  c = configs.complete(search(warmup=1, every=3))
  assert [*evolving.steps(c)] == [1, 4] and {1, 4} <= {*chunks.ends(c)}
  assert work.steps(c) == 3 + 2 * 8
  c = configs.complete(experiment.load('experiments/mmd_nas/search_random.py'))
  assert not evolving.steps(c)


@pytest.mark.parametrize('changes, words', [
    ({'population': 1}, 'population is 1, it must be at least 2'),
    ({'every': 0}, 'every is 0'),
    ({'generations': 3}, 'generation 3 .* after step 6, and .*steps is 5'),
    ({'selection': 'frnts'}, "did you mean 'fronts'"),
    ({'params': (3,)}, r'params is \(3,\): \(fewest, most\)'),
    ({'macs': (4, 3)}, r'macs is \(4, 3\)'),
    ({'checkpoint.best': ''}, 'has to name the one that comes first'),
    ({'eval.every': 0}, 'config.eval.every is 0'),
    ({'eval.overlap': 'on'}, "method 'evolution' needs a score before"),
    ({'generator.relax': 'gumbel_on_probabilities'}, "'softmax' would be"),
])
def test_what_cannot_be_is_refused(search, changes, words):
  with pytest.raises(UserError, match=words):
    build.method(search(**changes))


@pytest.mark.parametrize('row', ['scgan', 'eagan'])
def test_the_recipes_have_the_published_generations(row):
  """After epochs 40, 50, ..., 190 of 200 epochs of 1,250 steps."""
  c = configs.complete(experiment.load(
      f'experiments/scgan/search_cifar10.py:{row}'))
  assert [step / 1250 for step in evolving.steps(c)] == [*range(40, 200, 10)]
  assert c.steps == 200 * 1250 and c.eval.samples == 5000


@pytest.mark.long
def test_runs_of_one_program_evolve_as_alone(search, tmp_path, monkeypatch):
  monkeypatch.setattr(scoring.Scoring, 'of', lambda self, step, net: scripted(
      {part: np.asarray(x).argmax(-1).tolist() for part, x in
       net.stats['arch'].items()}))
  monkeypatch.setattr(_search, '_SETTLING', 0)
  c = search()
  c.seeds, c.devices = 2, 1
  seeds.run(c, tmp_path / 'both', together=True)
  c.seed, c.seeds = 1, 1
  loop.run(c, tmp_path / 'lone')
  assert evolving.read(tmp_path / 'lone') == evolving.read(
      tmp_path / 'both' / 'seed_1') != evolving.read(
          tmp_path / 'both' / 'seed_0')
