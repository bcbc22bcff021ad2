"""What a run will take, by hand."""
import pytest

from jgan import cli, precision
from jgan import config as configs
from jgan.run import cost, estimate
from jgan.score import work


@pytest.fixture(scope='module')
def config():
  c = cli.load('experiments/digits/default.py:smoke')
  c.eval.every, c.eval.first = 25, 0
  return configs.complete(c)


@pytest.fixture(scope='module')
def found(config):
  return estimate.of(config, share=.5)


def test_every_key_of_the_config_is_known_to_change_the_work_or_not():
  assert {*cost.WITH_WORK, *cost.WITHOUT_WORK} == {*configs.base()}
  assert not {*cost.WITH_WORK} & {*cost.WITHOUT_WORK}


def test_hours_are_work_by_the_share_of_the_peak(config, found):
  counted = cost.Cost(config).total(60)
  assert found['training'] == counted['flops']
  assert found['real_images'] == 60 * config.batch * config.critics
  assert found['dtype'] == 'bfloat16'
  for name, peak in (('v5e', 197e12), ('H100', 989e12)):
    assert found['hours'][name]['training'] == pytest.approx(
        counted['flops'] / (peak * .5 * 3600))


def test_scores_are_counted_with_the_one_at_the_end(config, found):
  # After steps 25, 50 and 60: 100 images of the generator each, no network.
  assert found['scores'] == work.steps(config) == 3
  assert found['score'] == 100 * cost.Cost(config).published
  assert found['scoring'] == 3 * found['score'] and found['network_known']


@pytest.mark.parametrize('every, first, steps, count', [
    (0, 0, 60, 0), (20, 0, 60, 3), (25, 0, 60, 3), (25, 1, 60, 4),
    (100, 0, 60, 1)])
def test_the_number_of_scores(config, every, first, steps, count):
  c = config.copy_and_resolve_references().unlock()
  c.steps, c.eval.every, c.eval.first = steps, every, first
  assert work.steps(c) == count


def test_a_penalty_on_gradients_computes_in_float32(config):
  c = config.copy_and_resolve_references().unlock()
  c.penalties = ({'name': 'r1'},)
  c = configs.complete(c)
  assert precision.on_accelerators(c) == 'float32'
  assert precision.on_accelerators(config) == 'bfloat16'


def test_a_program_is_counted_once_whatever_its_length(config):
  counted = {}
  first = cost.Cost(config, counted)
  c = config.copy_and_resolve_references().unlock()
  c.steps, c.seed, c.optimizer.gen.lr = 99, 3, 1.
  again = cost.Cost(configs.complete(c), {first.program: {
      'published': 1, 'steps': {'step': {'gen': 2., 'disc': 3.}}}})
  assert again.program == first.program and [*counted] == [first.program]
  assert again.total(99)['flops'] == 99 * 5.
  c.batch = 8
  assert cost.Cost(configs.complete(c)).program != first.program


def test_memory_is_that_of_the_state_and_of_a_step(config):
  sizes = estimate.memory_of(config)
  assert sizes['average'] > 0
  # Adam has two moments of each parameter.
  assert sizes['optimizers'] == pytest.approx(2 * sizes['parameters'], rel=.01)
  assert sizes['images'] == 1797 * 16 * 16
  assert sizes['intermediate'] > config.batch * 16 * 16 * 4


def test_inception_costs_what_is_known_of_it():
  # 5.7 G multiply-accumulates: Szegedy et al. (2016).
  assert work.of_network('inception') == pytest.approx(2 * 5.7e9, rel=.02)
  assert work.of_network('mine') is None
