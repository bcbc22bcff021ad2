"""A rule steers a scalar of the loss while a run goes on."""
import contextlib
import os
import signal

import jax
import numpy as np
import pytest

from experiments.mmd_nas import celeba_large, cifar10_large, stl10_large
from jgan import config as configs
from jgan.errors import Stopped, UserError
from jgan.run import checkpoint, loop, parallel, scoring
from jgan.run.logbook import read

SCORES = {1: 9., 2: 9., 3: 9., 4: 8., 5: 8., 6: 8.}


def game(**rule):
  """Six steps on the plane, a score after each."""
  c = configs.base()
  c.steps, c.batch, c.devices = 6, 8, 1
  c.data = {'name': 'mixture', 'count': 64}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 4, 'depth': 1}
  c.discriminator = {'name': 'mlp', 'width': 4, 'depth': 1}
  c.loss = {'name': 'mmd', 'b_u': 2.}
  c.feedback = ({'name': 'kernel_bound', 'metric': 'eval/fd_pixels',
                 'patience': 2, **rule},)
  c.log.every = 1
  c.samples.every = 0
  c.eval.update({'every': 1, 'metrics': ('fd_pixels',)})
  c.checkpoint.every = 1
  return c


@contextlib.contextmanager
def scripted(stop=0):
  """Scores as in SCORES; after step `stop` SIGTERM arrives."""
  def score(self, step, state):
    if step == stop:
      os.kill(os.getpid(), signal.SIGTERM)
    return {'eval/fd_pixels': SCORES[step]}, 'id'

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(scoring.Scoring, 'now', score)
    yield


@pytest.fixture(scope='module')
def steered(tmp_path_factory):
  """A run: its folder, last state, and what the step was compiled from."""
  folder, calls = tmp_path_factory.mktemp('steered'), []
  compile_call = parallel.compile_call

  def counted(*arguments):
    calls.append(compile_call(*arguments))
    return calls[-1]

  with scripted(), pytest.MonkeyPatch.context() as patch:
    patch.setattr(parallel, 'compile_call', counted)
    state = loop.run(game(), folder)
  return folder, state, calls


def test_the_bound_doubles_at_a_stall_and_the_next_step_has_it(steered):
  """Two scores without a new best, at steps 3 and 6."""
  bounds = [r['loss/b_u'] for r in read(steered[0]) if 'loss/b_u' in r]
  assert bounds == [2., 2., 2., 4., 4., 4.]
  assert float(steered[1].extra['loss']['b_u']) == 8.


def test_a_new_bound_compiles_nothing(steered):
  """One executable for all steps, and it can not be another's."""
  assert len(steered[2]) == 1


def test_the_first_score_may_come_before_the_others(tmp_path):
  """After step 1, then every second step, and at the end."""
  with scripted():
    c = game()
    c.eval.update({'every': 2, 'first': 1})
    loop.run(c, tmp_path)
  assert [r['step'] for r in read(tmp_path) if 'eval/fd_pixels' in r] == [
      1, 3, 5, 6]


@pytest.mark.parametrize('recipe, epoch', [(cifar10_large, 391),
                                           (stl10_large, 821),
                                           (celeba_large, 1582)])
def test_published_runs_are_scored_after_epochs_1_6_11(recipe, epoch):
  """101 times in 500 epochs, the last at the end."""
  c = recipe.get_config()
  scores = [*range(c.eval.first, c.steps, c.eval.every), c.steps]
  assert [s / epoch for s in scores[:3]] == [1, 6, 11] and len(scores) == 101
  assert c.paired_stats


def test_the_loss_is_that_of_the_bound(steered):
  """Without a rule the same run goes another way once the bound grew."""
  with scripted():
    c = game()
    c.feedback, c.eval.every = (), 0
    folder = steered[0] / 'free'
    state = loop.run(c, folder)
  free, bound = ([r['disc/loss'] for r in read(f) if 'disc/loss' in r]
                 for f in (folder, steered[0]))
  assert free[:3] == bound[:3] and float(state.extra['loss']['b_u']) == 2.
  assert 'feedback' not in state.extra


def test_bound_and_memory_stand_in_the_checkpoints(steered):
  like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype),
                      steered[1])
  with contextlib.closing(checkpoint.Checkpoints(
      steered[0] / 'checkpoints', read_only=True)) as saved:
    before, last = (saved.choose(like, step=step).extra for step in (5, 6))
  assert float(before['loss']['b_u']) == 4. and float(last['loss']['b_u']) == 8.
  memory = before['feedback']['kernel_bound']
  assert (float(memory['best']), int(memory['left'])) == (8., 1)


@pytest.mark.parametrize('stop', [2, 3, 5])
def test_a_resumed_run_remembers_and_ends_with_the_same_bits(
    steered, stop, tmp_path):
  with scripted(stop), pytest.raises(Stopped, match=f'step {stop}'):
    loop.run(game(), tmp_path)
  with scripted():
    state = loop.run(game(), tmp_path)
  assert jax.tree.all(jax.tree.map(np.array_equal, state, steered[1]))
  assert read(tmp_path) == read(steered[0])


def test_a_fixed_bound_stays(tmp_path):
  with scripted():
    state = loop.run(game(rule='fixed'), tmp_path)
  assert float(state.extra['loss']['b_u']) == 2.


def test_a_metric_that_is_not_scored_is_refused_before_the_first_step(tmp_path):
  with pytest.raises(UserError, match=r"config\.feedback\[0\]\.metric is "
                     "'eval/FID', and the scores are eval/fd_pixels"):
    loop.run(game(metric='eval/FID'), tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('changes, words', [
    ({'loss': {'name': 'hinge'}}, "'hinge' takes no such scalar"),
    ({'eval': {'every': 0}}, 'needs a metric'),
    ({'feedback': ({'name': 'kernel_bound'},)}, 'needs a metric'),
    ({'feedback': ({'name': 'kernel_bund'},)}, "did you mean 'kernel_bound'"),
])
def test_a_rule_that_could_not_act_is_refused(changes, words):
  c = game()
  for key, value in changes.items():
    if key == 'eval':
      c.eval.update(value)
    else:
      c[key] = value
  with pytest.raises(UserError, match=words):
    configs.complete(c)
