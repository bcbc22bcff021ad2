"""Lazy penalties in updates of their own, as StyleGAN2 is published."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.re_gan import few_shot, stylegan2, stylegan2_cpu
from jgan import build, steps
from jgan import config as configs
from jgan.errors import UserError
from jgan.optim.masked import DENSE, SPARSE, WARMUP
from jgan.optim.prune_grow import prune_grow
from jgan.optim.rigl import rigl
from jgan.run import loop
from jgan.types import Pair, Penalty
from tests.rounding import assert_replicated, assert_same_but_rounding

BATCH = {'image': np.random.default_rng(0).normal(
    size=(1, 6, 1, 1, 2)).astype(np.float32)}


def game(**changes):
  """Points, an R1 that is due at every second step, Adam for both."""
  c = configs.base()
  c.steps, c.batch, c.devices = 4, 8, 1
  c.data = {'name': 'mixture', 'count': 64}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 4, 'depth': 1}
  c.discriminator = {'name': 'mlp', 'width': 4, 'depth': 1, 'act': 'swish'}
  c.penalties = ({'name': 'r1', 'gamma': 2., 'every': 2},)
  c.lazy = 'apart'
  c.samples.every = 0
  c.log.every = 1
  c.checkpoint.update({'every': 1, 'keep': 4})
  for key, value in changes.items():
    c.update_from_flattened_dict({key: value})
  return c


def counts(opt):
  """Numbers of updates: of Adam, of its schedule, of a pruning around it."""
  named = jax.tree_util.tree_leaves_with_path(opt)
  return sorted(int(x) for path, x in named
                if jax.tree_util.keystr(path).endswith('count'))


def slope(play, mean):
  """A penalty of G with a memory, in place of path lengths."""
  value = jnp.mean(jnp.abs(play.gen(play.z)))
  return (value - mean)**2, {'mean': mean + .5 * (
      jax.lax.stop_gradient(value) - mean)}


@functools.cache
def kit(tx_gen=None, tx_disc=None):
  """Keywords of gan_step with penalties every 4 and every 16 steps."""
  c = configs.complete(game())
  schedule = lambda lr: lambda count: lr / (1. + count)
  return dict(
      models=build.models(c, (1, 1, 2)), loss=build.loss(c),
      penalties={
          'r1': build.penalties(c)['r1']._replace(apart=16),
          'slope': Penalty(None, slope, traced={'mean': 0.}, apart=4)},
      tx=Pair(tx_gen or optax.adam(schedule(.1)),
              tx_disc or optax.adam(schedule(.1))),
      prepare=lambda rng, x: x, ema=lambda ema, gen, step: ema, gen_batch=0)


def after(count, kit):
  """State and metrics after so many steps, and how often they compiled."""
  state = steps.gan_init(jax.random.key(0), BATCH, models=kit['models'],
                         tx=kit['tx'], extra={'penalties': {
                             'slope': {'mean': jnp.float32(0)}}})
  step = jax.jit(functools.partial(steps.gan_step, **kit))
  history = [(state, {})]
  for i in range(count):
    history.append(step(history[-1][0], BATCH, jax.random.key(i)))
  return history, step._cache_size()


def test_five_iterations_are_seven_updates_of_g_and_six_of_d():
  """The figures of the published code; schedules count iterations."""
  history, times = after(5, kit())
  state = history[-1][0]
  assert counts(state.gen.opt) == [5, 7]
  assert counts(state.disc.opt) == [5, 6]
  assert times == 1
  due = [(bool(m['disc/r1']), bool(m['gen/slope'])) for _, m in history[1:]]
  assert due == [(True, True)] + [(False, False)] * 3 + [(False, True)]
  # Between its updates a penalty's memory stays.
  means = [float(m['gen/slope/mean']) for _, m in history[1:]]
  assert len({*means[:4]}) == 1 != len({*means})
  assert state.extra['penalties']['slope']['mean'] == means[-1]


def test_the_update_of_r1_descends_on_it_alone_after_that_of_the_loss():
  """With SGD: first the step on the loss, then the one on 16 times R1."""
  parts = kit(optax.sgd(.1), optax.sgd(.1))
  update = functools.partial(
      steps.disc_update, models=parts['models'], loss=parts['loss'],
      tx=parts['tx'])
  state = after(0, parts)[0][0][0]
  real, z, key = BATCH['image'][0], jnp.ones((6, 2)), jax.random.key(1)
  alone, _ = jax.jit(functools.partial(update, penalties={}))(
      state, real, z, key)
  both, metrics = jax.jit(functools.partial(
      update, penalties={'r1': parts['penalties']['r1']}))(state, real, z, key)
  logits = lambda p, x: parts['models'].disc.apply(
      {'params': p, **state.disc.stats}, x, True)

  def r1(params):
    gradient = jax.grad(lambda x: logits(params, x).sum())(real)
    return 16 * 2. / 2. * jnp.sum(gradient**2, (1, 2, 3)).mean()

  value, grads = jax.value_and_grad(r1)(alone.disc.params)
  np.testing.assert_allclose(metrics['r1'], value, rtol=1e-5)
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4,
                                 atol=1e-6),
               jax.tree.map(lambda p, g: p - .1 * g, alone.disc.params, grads),
               both.disc.params)


def test_lazy_updates_leave_masks_phases_and_their_calendar_alone():
  """Sparse at the second and third step: masked weights stay at zero."""
  tx = prune_grow(optax.adam(.1), ratio=.3, warmup=1, interval=2)
  parts = kit(tx, rigl(optax.adam(.1), warmup=1, interval=1))
  lazy = {name: penalty._replace(apart=1)
          for name, penalty in parts['penalties'].items()}
  history, _ = after(5, {**parts, 'penalties': lazy})
  gens = [state.gen for state, _ in history[1:]]
  assert [int(g.opt.phase) for g in gens] == [WARMUP, SPARSE, SPARSE, DENSE,
                                              DENSE]
  for g in gens[1:3]:
    assert not sum(jnp.sum(jnp.where(m, 0, p) != 0) for m, p in zip(
        jax.tree.leaves(g.opt.masks), jax.tree.leaves(g.params)))
  for net in (history[-1][0].gen, history[-1][0].disc):
    assert counts(net.opt) == [5, 10]  # of the calendar, of Adam
  masks = jax.tree.leaves(history[-1][0].disc.opt.masks)
  assert any(not m.all() for m in masks)


def test_rates_of_the_published_re_stylegan2():
  """.0016 to the first sparse step, then .002, and .0002 where it is dense."""
  c = stylegan2.get_config('re_ffhq_1024_70k')
  rate, pruning = c.optimizer.gen.lr, c.optimizer.gen.pruning
  assert rate == pytest.approx(.0016)
  assert c.ema.decay == pytest.approx(.9977844, rel=1e-7)
  tx = prune_grow(optax.sgd(rate), warmup=2, interval=2, ratio=.5,
                  first_extra=pruning.first_extra,
                  sparse_factor=pruning.sparse_factor,
                  grow_factor=pruning.grow_factor)
  params = {'w': jnp.arange(1., 5.)}
  opt, rates = tx.init(params), []
  for _ in range(8):
    updates, opt = tx.update({'w': jnp.ones(4)}, opt, params)
    rates.append(-updates['w'][3])  # the largest weight is never masked
  np.testing.assert_allclose(
      rates, [.0016] * 3 + [.002] * 2 + [.0002] * 2 + [.002], rtol=1e-5)
  # With the small images' plain rate, the factors are the usual ones.
  plain = stylegan2.get_config('re_cifar10').optimizer.gen
  assert plain.lr == .002 and 'sparse_factor' not in plain.pruning


@pytest.mark.parametrize('module', [stylegan2, few_shot, stylegan2_cpu])
def test_recipes_of_lazy_penalties_give_them_their_updates(module):
  """Where rates are rescaled for them, they are there."""
  for row in module.ROWS:
    c = module.get_config(row)
    lazy = [p.every for p in configs.fill(c).penalties
            if p.get('every', 1) > 1]
    assert c.lazy == ('apart' if lazy else 'joined'), row
    if not lazy:
      continue
    built = build.penalties(configs.fill(c))
    assert [p.apart for p in built.values()] == lazy
    assert c.optimizer.disc.lr == pytest.approx(
        {'any': .0025}.get(c.platform, .002) * 16 / 17)


def together(**changes):
  """With prune-and-grow, counts of each parameter, and fakes of both."""
  c = game(**changes)
  c.optimizer.disc.pruning = {'name': 'prune_grow', 'warmup': 1, 'interval': 1}
  c.optimizer.gen.update({'counts': 'own'})
  c.gen_noise = 'shared'
  return c


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
  return loop.run(together(), tmp_path_factory.mktemp('whole'))


def test_a_stopped_run_goes_on_bit_for_bit(unbroken, tmp_path, interrupted):
  interrupted(together(), tmp_path, step=3)
  state = loop.run(together(), tmp_path)
  assert jax.tree.all(jax.tree.map(np.array_equal, state, unbroken))
  assert counts(state.disc.opt) == [4, 4, 6]


def test_eight_devices_make_the_updates_of_one(unbroken, tmp_path):
  state = loop.run(together(devices=8), tmp_path)
  assert_same_but_rounding(state, unbroken)
  assert_replicated(state)


def test_a_model_in_bfloat16_takes_them_too():
  c = configs.complete(together(dtype='bfloat16'))
  method = build.method(c)
  state = method.init(jax.random.key(0), BATCH)
  state, metrics = jax.eval_shape(method.step, state, BATCH, jax.random.key(0))
  assert {x.dtype for x in jax.tree.leaves(state.disc.params)} == {
      jnp.dtype('float32')}
  assert metrics['disc/r1'].dtype == jnp.float32


def test_a_run_that_began_earlier_keeps_its_meaning():
  """Keys that its config.json lacks: joined, one count, other fakes."""
  record = configs.plain(configs.complete(together()))
  del record['lazy'], record['gen_noise'], record['eval']['first']
  del record['optimizer']['gen']['counts'], record['paired_stats']
  c = configs.from_record(record)
  assert (c.lazy, c.gen_noise, c.eval.first) == ('joined', 'fresh', 0)
  assert not c.paired_stats and c.optimizer.gen.counts == 'shared'
  assert build.penalties(c)['r1'].apart == 0


@pytest.mark.parametrize('changes, words', [
    ({'lazy': 'both'}, 'lazy is .both., it must be one of joined, apart'),
    ({'gen_noise': 'shared', 'gen_batch': 16}, 'gen_batch=16, .* the 8 fakes')])
def test_what_cannot_be_is_refused(changes, words):
  with pytest.raises(UserError, match=words):
    configs.complete(game(**changes))
