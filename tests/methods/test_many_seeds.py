"""Runs in one program equal their lone runs, whatever the method."""
import pytest

from jgan import build
from jgan import config as configs
from jgan.run import checkpoint, loop, seeds
from tests.rounding import assert_same_but_rounding

SGD = {'name': 'sgd', 'lr': .01, 'momentum': .5}  # Adam magnifies rounding


@pytest.fixture
def adversarial(tiny):
  """Lazy penalties in updates of their own, pruning, images from the host."""
  c = tiny
  c.penalties = ({'name': 'r1', 'gamma': 1., 'every': 2},)
  c.lazy, c.pipeline.placement = 'apart', 'stream'
  c.optimizer.gen.pruning = {'name': 'prune_grow', 'ratio': .3, 'warmup': 1,
                             'interval': 2}
  return c


@pytest.fixture
def progressive(tiny):
  c = tiny
  c.generator = {'name': 'progan', 'latent': 4, 'width': 4, 'act': 'swish'}
  c.discriminator = {'name': 'progan', 'width': 4, 'act': 'swish'}
  c.method = {'name': 'progressive', 'stages': (1, 2, 2), 'batches': (4, 8, 8),
              'fade': .5, 'smooth': True}
  c.steps = 5
  return c


@pytest.fixture
def adversarial_search(game):
  return game()


@pytest.fixture
def alpha_search(game):
  c = game(steps=8, batch=8, gen_batch=8, critics=2, **{'data.size': 16})
  c.generator = {'name': 'adversarial_nas_super', 'relax': 'softmax'}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.loss = {'name': 'hinge'}
  c.method = {'name': 'alpha_search', 'weight_steps': 2, 'star_steps': 2,
              'arch_steps': 1, 'arch_lr': .01}
  return c


@pytest.mark.long
@pytest.mark.parametrize('method', [
    'adversarial', 'progressive', 'adversarial_search', 'alpha_search'])
def test_a_run_in_a_program_of_two_equals_its_lone_run(
    method, request, tmp_path):
  c = request.getfixturevalue(method)
  c.samples.every, c.checkpoint.every = 0, c.steps
  for player in ('gen', 'disc'):
    c.optimizer[player].update(SGD)
  together = c.copy_and_resolve_references()
  together.seeds = 2
  seeds.run(together, tmp_path / 'both', together=True)
  c.seed = 1
  lone = loop.run(c, tmp_path / 'lone')
  folder = tmp_path / 'both' / 'seed_1'
  config = configs.from_record(configs.recorded(folder))
  saved = checkpoint.Checkpoints(folder / 'checkpoints', read_only=True)
  state, _ = saved.restore(c.steps, build.abstract(
      config, build.method(config)))
  assert_same_but_rounding(state, lone)
