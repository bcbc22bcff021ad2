"""Random search: what is drawn, what is averaged, what is derived."""
import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, experiment, genotype
from jgan import config as configs
from jgan.errors import UserError
from jgan.methods import _search
from jgan.score.networks import Scoring
from jgan.types import Network
from jgan.verbs import derive


@pytest.fixture(scope='module')
def drawn(game):
  """A random search's config, method and first state."""
  c = game(**{'eval.metrics': ('fd_pixels',), 'eval.samples': 20,
              'eval.batch': 10})
  c.method = {'name': 'random_search'}
  c = configs.complete(c)
  method = build.method(c)
  state = jax.jit(lambda: method.init(
      jax.random.key(0), {'image': jnp.zeros((1, 1, 8, 8, 1))}))()
  return c, method, state


def test_a_logit_that_chooses_nothing_is_never_drawn(drawn):
  """D's first edges read images: 5 of their 7 logits choose."""
  space = _search.Space(drawn[0], build.models(drawn[0], (8, 8, 1)))
  has = space.choices('discriminator')
  paths = jax.vmap(lambda key: _search.uniform(key, has))(
      jax.random.split(jax.random.key(0), 500))
  often = {part: np.asarray(x).sum(0) for part, x in paths.items()}
  assert (often['normal'][0, :3, 5:] == 0.).all()
  for part, x in often.items():
    assert ((x > 0.) == (has[part] > 0.)).all()
  assert (space.choices('generator')['normal'] == 1.).all()


def test_a_step_trains_one_path_and_levels_the_average(drawn):
  _, method, state = drawn
  after, _ = jax.jit(method.step)(
      state, {'image': np.zeros((1, 8, 8, 8, 1), np.uint8)},
      jax.random.key(1))
  for old, new in ((state.gen, after.gen), (state.disc, after.disc)):
    for part, logits in new.stats['arch'].items():
      chosen = np.asarray(logits) > 0.
      np.testing.assert_array_equal(chosen.sum(-1), 1)
      name = f'operations_{part}'
      trained = np.asarray(old.params[name] != new.params[name]).any(-1)
      assert trained.any() and (trained <= chosen).all()
  for logits in after.ema.stats['arch'].values():
    np.testing.assert_array_equal(logits, 0.)
  assert float(after.ema.stats['schedule']['temperature']) == 1.


def test_the_recipe_has_the_published_budget():
  """100 epochs of 391 batches of one half, every fifth with an update of G;
  then 200 architectures, of which the inception score chooses.
  """
  config = configs.complete(
      experiment.load('experiments/alphagan/search.py:random'))
  assert (config.steps * config.critics, config.steps) == (39_100, 7_820)
  assert (config.batch, config.gen_batch or config.batch) == (64, 64)
  assert config.pipeline.fraction == .5 and not config.eval.subset
  assert build.method(config).search.candidates == 200
  assert 'inception_score' in config.eval.metrics
  assert config.checkpoint.best == 'eval/inception_score-inception'


def test_the_recipe_says_how_many_candidates_there_are(drawn, monkeypatch,
                                                       tmp_path):
  config, method, state = drawn
  counts = []

  def best_of(config, method, state, derived, count, *rest):
    counts.append(count)
    return method.search.draw(np.random.default_rng(0))

  monkeypatch.setattr(derive, 'best_of', best_of)
  method = method._replace(search=method.search._replace(candidates=7))
  for asked in (0, 3):
    derive.write(config, method, state, tmp_path / 'g.json', candidates=asked)
  assert counts == [7, 3]


def test_deriving_without_candidates_is_refused(drawn, tmp_path):
  with pytest.raises(UserError, match='only draws architectures.*--candidates'):
    derive.write(*drawn, tmp_path / 'g.json')


def test_an_earlier_genotype_is_not_replaced_unasked(tmp_path):
  out = tmp_path / 'g.json'
  out.write_text('{}')
  flags = types.SimpleNamespace(out=str(out), overwrite=False)
  with pytest.raises(UserError, match='g.json is there already.*--overwrite'):
    derive.run(None, flags)


def test_the_best_candidate_is_written_and_nothing_is_scored_twice(
    drawn, tmp_path, monkeypatch):
  config, method, state = drawn
  scores, scored = iter([3., 1., 2., 7., 6., 5.]), []

  def score(self, sampler, net, step=0):
    scored.append(net.stats['arch'])
    return {'fd_pixels': next(scores)}, {}

  monkeypatch.setattr(Scoring, 'score', score)
  run = lambda config=config: genotype.load(derive.write(
      config, method, state, tmp_path / 'g.json', candidates=3,
      folder=tmp_path))
  found = run()
  rows = [json.loads(x) for x in
          (tmp_path / 'candidates.jsonl').read_text().splitlines()]
  assert [row['values']['fd_pixels'] for row in rows] == [3., 1., 2.]
  assert found['generator'] == rows[1]['genotype']['generator']
  assert found['origin'] == 'random_search, step 0, best of 3: 1'
  assert not np.array_equal(scored[0]['normal'], scored[1]['normal'])
  before = (tmp_path / 'g.json').read_bytes()
  with (tmp_path / 'candidates.jsonl').open('a') as file:
    file.write('{"step": 0, "geno')  # as a killed command leaves it
  run()
  run()
  assert len(scored) == 3 and (tmp_path / 'g.json').read_bytes() == before
  other = config.copy_and_resolve_references().unlock()
  other.eval.samples = 30
  assert run(other)['origin'].endswith(': 5') and len(scored) == 6


@pytest.mark.parametrize('relax', ['softmax', 'gumbel_on_probabilities'])
def test_a_selected_architecture_gets_batch_statistics_of_its_own(game, relax):
  """Whatever noise the relaxation would draw."""
  c = configs.complete(game(**{'generator.relax': relax}))
  models = build.models(c, (8, 8, 1))
  space = _search.Space(c, models)
  stats = dict(jax.jit(lambda: models.gen.init(
      jax.random.key(0), jnp.zeros((1, 4)), True))())
  net = Network(stats.pop('params'), stats)
  chosen = space.select(net, space.draw(np.random.default_rng(0)))
  z = jax.random.normal(jax.random.key(9), (4096, 4))
  _, want = jax.jit(lambda variables: models.gen.apply(
      variables, z, True, mutable=['batch_stats']))(
          {'params': chosen.params, **net.stats, 'arch': chosen.stats['arch'],
           'schedule': chosen.stats['schedule']})
  # One batch moves the statistics by a tenth.
  fresh = jax.tree.map(lambda new, old: old + 10. * (new - old),
                       want['batch_stats'], net.stats['batch_stats'])
  for got, exact in zip(jax.tree.leaves(chosen.stats['batch_stats']),
                        jax.tree.leaves(fresh)):
    np.testing.assert_allclose(got, exact, rtol=.15, atol=.15)


def test_a_relaxation_that_draws_for_itself_is_refused(game):
  c = game()
  c.method = {'name': 'random_search'}
  c.discriminator.relax = 'gumbel_on_probabilities'
  with pytest.raises(UserError, match="config.discriminator.relax is 'gumbel_on"
                     "_probabilities'.* 'softmax' would be right"):
    build.method(c)
