"""Forms, fits and sizes of compression, scored on one generator."""
import jax
import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.compress import ranks, sensitivity
from jgan.errors import UserError
from jgan.layers import factored
from jgan.report import tradeoff as picture
from jgan.types import Network
from jgan.verbs import _fit, tradeoff


@pytest.fixture(scope='module')
def game():
  """Config, method and state of a generator of random weights."""
  c = configs.base()
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.eval.update({'metrics': ('fd_pixels',), 'samples': 20, 'batch': 10})
  c.compress.update({'iterations': 5, 'fit': {
      'name': 'outputs', 'images': 64, 'iterations': 3}})
  c.compress.match = 'conv_1|linear'
  c = configs.complete(c)
  method = build.method(c)
  state = jax.jit(method.init)(jax.random.key(0), {
      'image': np.zeros((1, 1, 16, 16, 1), np.float32)})
  return c, method, state


@pytest.fixture(scope='module')
def written(game, tmp_path_factory):
  folder = tmp_path_factory.mktemp('tradeoff')
  return folder, tradeoff.write(
      *game, folder, forms=('cp', 'svd'), fits=('kernel', 'outputs'),
      ratios=[2., 4.], seeds=2)


def test_every_form_fit_and_ratio_is_scored_with_every_seed(game, written):
  folder, text = written
  header, *rows = tradeoff.lines(folder / 'trials.jsonl', fits=tradeoff._fits)
  assert header['metric'] == 'fd_pixels'
  assert {(r['seed'], r['form'], r['fit'], r['ratio']) for r in rows} == {
      (seed, *trial) for seed in (0, 1) for trial in [
          ('', '', 1.), *((form, fit, ratio) for form in ('cp', 'svd')
                          for fit in ('kernel', 'outputs')
                          for ratio in (2., 4.))]}
  whole = sum(x.size for x in jax.tree.leaves(game[2].gen.params))
  for row in rows:
    assert np.isfinite(row['score']) and row['params'] <= whole
  base = [r['score'] for r in rows if not r['form']]
  assert base[0] != base[1]  # other images
  assert '| cp, outputs | 4 |' in text and f'{whole:,} parameters' in text
  assert (folder / 'tradeoff.md').read_text() in text
  assert (folder / 'tradeoff.png').stat().st_size > 5000


def test_a_second_call_scores_nothing_again(game, written, monkeypatch):
  folder, text = written
  monkeypatch.setattr(tradeoff.Scoring, 'score', None)
  monkeypatch.setattr(_fit, 'arguments', None)
  again = tradeoff.write(*game, folder, forms=('cp', 'svd'),
                         fits=('kernel', 'outputs'), ratios=[2., 4.], seeds=2)
  assert again == text


def test_a_form_is_of_the_layers_that_take_it(game):
  params = jax.device_get(game[2].ema.params)
  shapes = ranks.listing(params)
  layers = tradeoff.layers_of(params, shapes, 'cp', 2.)
  assert {*layers} == {'conv_1', 'to_rgb'}
  assert {*tradeoff.layers_of(params, shapes, 'svd', 2.)} == {'linear'}
  linear = {'linear': shapes['linear']}
  with pytest.raises(UserError, match="layers linear takes form 'cp'"):
    tradeoff.layers_of(params, linear, 'cp', 2.)
  with pytest.raises(UserError, match="'svd' makes none of linear 1e\\+06 tim"):
    tradeoff.layers_of(params, linear, 'svd', 1e6)


def test_grouped_convolutions_are_none_that_can_be_factored(game):
  config, *_ = game
  config = config.copy_and_resolve_references().unlock()
  config.compress.match = 'conv_|widen'
  config.generator = {'name': 'r3gan', 'latent': 4, 'widths': (16, 8, 8),
                      'group': 8, 'blocks': (1, 1, 1)}
  config = configs.complete(config)
  method = build.method(config)
  state = jax.jit(method.init)(jax.random.key(0), {
      'image': np.zeros((1, 1, 16, 16, 1), np.float32)})
  assert 'block_0_0/conv_1' in ranks.listing(state.ema.params)
  able = factored.able(build.models(config, (16, 16, 1)).gen)
  assert {'block_0_0/conv_0', 'widen_1', 'to_rgb', 'basis/linear'} <= able
  assert not [path for path in able if path.endswith('conv_1')]
  tried = sensitivity.trials(_fit.layers(config, state.ema.params), (1, 2))
  assert {path for path, _ in tried} <= able
  config.compress.match = 'conv_1'
  with pytest.raises(UserError, match='none of which can be factored: .*rgb'):
    _fit.layers(config, state.ema.params)


def test_all_forms_are_those_that_layers_take(game, tmp_path):
  config, method, state = game
  with config.copy_and_resolve_references().unlocked() as config:
    config.compress.match = 'linear'
  text = tradeoff.write(config, method, state, tmp_path, forms=(),
                        fits=('kernel',), ratios=[2.], seeds=1)
  assert '| svd, kernel | 2 |' in text and 'cp' not in text
  with pytest.raises(UserError, match="no 'cpd' in compress.forms"):
    tradeoff.write(config, method, state, tmp_path, forms=('cpd',),
                   fits=('kernel',), ratios=[2.], seeds=1)


def test_trials_of_another_checkpoint_are_refused(game, written):
  config, method, state = game
  with pytest.raises(UserError, match='trials with step=0, not 7'):
    tradeoff.write(config, method, state.replace(step=np.int32(7)), written[0],
                   forms=('cp',), fits=('kernel',), ratios=[2.], seeds=1)


@pytest.mark.parametrize('text', ['1', 'four', 'inf', 'nan'])
def test_a_ratio_is_a_number_above_one(text):
  with pytest.raises(UserError, match='above 1'):
    tradeoff._ratio(text)


def test_ratios_that_leave_equal_sizes_are_rows_of_their_own():
  rows = [{'seed': 0, 'form': '', 'fit': '', 'ratio': 1., 'params': 90,
           'score': 1.}]
  rows += [{'seed': 0, 'form': 'svd', 'fit': 'kernel', 'ratio': ratio,
            'params': 30, 'score': score} for ratio, score in ((4., 2.),
                                                               (8., 3.))]
  text = tradeoff.table(rows, {'step': 1, 'metric': 'FD', 'samples': 8})
  assert text.splitlines()[-2:] == ['| svd, kernel | 4 | 30 | 2 |',
                                    '| svd, kernel | 8 | 30 | 3 |']


def test_a_picture_without_a_finite_score_is_refused(tmp_path):
  with pytest.raises(UserError, match='a finite one is needed'):
    picture.curves(tmp_path / 'a.png', {('cp', 'kernel'): [(9, [np.nan])]},
                   (10, [1.]), 'FID')


def test_what_a_fit_measures_is_of_the_networks_own_layers(game):
  config, method, state = game
  seen = _fit.arguments(config, method, state.ema, ['conv_1', 'linear'])['seen']
  shapes = {path: s.shape for path, s in seen.items()}
  assert shapes == {'conv_1': (9 * 8, 9 * 8), 'linear': (8, 8)}
  zeros = jax.tree.map(np.zeros_like, state.ema.params)
  dark = _fit.arguments(config, method, Network(zeros, state.ema.stats),
                        ['conv_1'])['seen']['conv_1']
  assert not dark.any() and seen['conv_1'].any()
