"""Lottery tickets: what a round prunes, what it goes back to, whole runs."""
import functools
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jgan import build, checks, cli
from jgan import config as configs
from jgan.errors import UserError
from jgan.methods import lottery
from jgan.optim import masked
from jgan.optim.fixed_mask import ladder, prunable
from jgan.run import checkpoint, loop
from jgan.run.logbook import read
from jgan.run.session import Session
from jgan.types import Method
from tests.rounding import assert_replicated, assert_same_but_rounding

ROUND = 3  # steps


def game(**changes):
  """The config of a dense round and two pruned ones; {'a.b': value}."""
  c = configs.base()
  c.steps, c.batch, c.devices = 3 * ROUND, 8, 1
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 4, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4, 'conv': 'spectral'}
  c.method = {'name': 'lottery', 'rounds': 2, 'rate': .3, 'round_steps': ROUND}
  for player in ('gen', 'disc'):  # Adam magnifies rounding
    c.optimizer[player] = {
        'name': 'sgd', 'lr': .05, 'momentum': .9, 'groups': (),
        'schedule': {'name': 'linear'}, 'clip_norm': 0., 'clip_weight': 0.,
        'pruning': {'name': 'fixed_mask' if player == 'gen' else 'none'}}
  c.ema.update({'decay': .5, 'rampup': .1})
  c.log.every = 1
  c.samples.every = 0
  c.checkpoint.update({'every': 1, 'keep': 3 * ROUND})
  for path, value in changes.items():
    c.update_from_flattened_dict({path: value})
  return c


BOTH = {'optimizer.disc.pruning.name': 'fixed_mask', 'method.rewind': 2}


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
  """A whole run: folder, states after each step, names of what compiled."""
  folder, compiled = tmp_path_factory.mktemp('tickets'), []
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(loop, 'report_compiled',
                  lambda name, *_: compiled.append(name))
    last = loop.run(game(), folder)
  saved = checkpoint.Checkpoints(folder / 'checkpoints', read_only=True)
  shapes = jax.eval_shape(lambda: last)
  states = {step: saved.choose(shapes, step=step)
            for step in range(1, 3 * ROUND + 1)}
  saved.close()
  return folder, states, compiled


@pytest.fixture(scope='module')
def both():
  """Both players, back to step 2: states before step 0, ..., ROUND + 1."""
  method = build.method(game(**BOTH))
  states = [first(method)]
  step = jax.jit(method.step).lower(
      states[0], images(0), jax.random.key(0)).compile()
  for i in range(ROUND + 1):
    states.append(step(states[-1], images(i), jax.random.key(i))[0])
  return method, states


def images(seed):
  rng = np.random.default_rng(seed)
  return {'image': rng.integers(0, 256, (1, 8, 16, 16, 1), np.uint8)}


def equal(a, b):
  return jax.tree.structure(a) == jax.tree.structure(b) and jax.tree.all(
      jax.tree.map(np.array_equal, a, b))


def first(method):
  init = functools.partial(method.init, jax.random.key(0), images(0))
  return jax.device_get(jax.jit(init).lower().compile()())


def following(method, state):
  """The state that the second round trains from, of one at the first's end."""
  calendar = method.step.keywords['calendar']
  return jax.device_get(jax.jit(functools.partial(
      lottery.next_round, number=1, calendar=calendar)).lower(state).compile()(
          state))


def flat(tree):
  return np.concatenate([np.ravel(x) for x in prunable(tree)])


def remaining(state, player='gen'):
  return int(flat(getattr(state, player).opt.masks).sum())


# What a round prunes.

def test_a_round_keeps_exactly_its_rung_of_the_ladder(unbroken):
  _, states, _ = unbroken
  n = flat(states[1].gen.params).size
  rungs = ladder(n, rounds=2, rate=.3)
  assert rungs[1] == n - round(.3 * n)
  for step, state in states.items():
    assert remaining(state) == rungs[(step - 1) // ROUND]


def test_the_smallest_trained_weights_go_and_never_come_back(unbroken):
  _, states, _ = unbroken
  for end in (ROUND, 2 * ROUND):
    weights, alive = (np.abs(flat(states[end].gen.params)),
                      flat(states[end].gen.opt.masks))
    stays = flat(states[end + 1].gen.opt.masks)
    assert not np.any(stays & ~alive) and np.any(alive & ~stays)
    assert weights[alive & ~stays].max() <= weights[stays].min()


def test_pruned_weights_are_zero_through_the_rounds_and_in_the_average(
    unbroken):
  for state in unbroken[1].values():
    alive = flat(state.gen.opt.masks)
    for net in (state.gen, state.ema):
      assert np.all(flat(net.params)[~alive] == 0.)
      assert np.all(flat(net.params)[alive] != 0.)


def test_the_log_tells_round_and_density(unbroken):
  folder, states, _ = unbroken
  n = flat(states[1].gen.params).size
  found = {r['step']: (r['ticket/round'], r['ticket/density'])
           for r in read(folder)}
  assert {step: number for step, (number, _) in found.items()} == {
      step: (step - 1) // ROUND for step in states}
  for step, state in states.items():
    np.testing.assert_allclose(found[step][1], remaining(state) / n, rtol=1e-6)


# What it goes back to.

def test_a_round_starts_from_the_very_bits_of_the_start(unbroken):
  """Weights, statistics, average; optimizers are those of a new run."""
  _, states, _ = unbroken
  c = configs.complete(game())
  method = build.method(c)
  init, _ = loop.first_state(c, method, build.source(c, ''))
  start, trained = loop.fresh(c, init)(c.seed), states[ROUND]
  state = following(method, trained)
  params = masked.zero(start.gen.params, state.gen.opt.masks)
  assert equal(state.gen.params, params) and equal(state.ema.params, params)
  assert equal(state.gen.stats, start.gen.stats)
  assert equal(state.ema.stats, start.gen.stats)
  assert equal(state.disc, start.disc)
  assert equal(state.gen.opt.inner, start.gen.opt.inner)
  for part in ('params', 'stats', 'opt'):
    assert not equal(getattr(trained.gen, part), getattr(start.gen, part))
    assert not equal(getattr(trained.disc, part), getattr(start.disc, part))


def test_a_pruned_round_is_a_run_of_the_plain_game(both, monkeypatch):
  """Schedules and ramps count from its start: all as in a first step."""
  # Elsewhere fixed masks are refused, for nothing would set them.
  monkeypatch.setattr(checks, 'check', lambda config: None)
  c = game(**BOTH, steps=ROUND)
  c.method = {'name': 'adversarial'}
  plain, (method, states) = build.method(c), both
  state = following(method, states[ROUND]).replace(step=np.int32(0))
  arguments = state, images(ROUND), jax.random.key(ROUND)
  want, _ = jax.jit(plain.step).lower(*arguments).compile()(*arguments)
  found = states[ROUND + 1]
  for part in ('gen', 'disc', 'ema'):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5,
                                   atol=1e-6),
                 getattr(found, part), getattr(want, part))
  assert int(found.step) == ROUND + 1 and int(want.step) == 1


def test_rewinding_is_to_the_step_asked_for(both):
  """Of both players, with their statistics at that step."""
  method, states = both
  state = following(method, states[ROUND])
  for player in ('gen', 'disc'):
    net, then = getattr(state, player), getattr(states[2], player)
    assert equal(net.params, masked.zero(then.params, net.opt.masks))
    assert equal(net.stats, then.stats)
    n = flat(then.params).size
    assert remaining(state, player) == n - round(.3 * n)
  assert equal(state.extra['ticket'], states[ROUND].extra['ticket'])


@pytest.mark.parametrize('rewind', [0, 2])
def test_weights_are_kept_at_their_step_and_no_other(rewind):
  """At 0 they are those of a warm start, which comes after init."""
  method = build.method(game(**{'method.rewind': rewind}))
  step = jax.jit(functools.partial(
      method.step.func, **method.step.keywords | {
          'play': lambda state, *_: (state, {})}))
  shapes = jax.eval_shape(method.init, jax.random.key(0), images(0))
  state = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
  for now in range(ROUND):
    moved = jax.tree.map(lambda p, now=now: np.full_like(p, now + 1),
                         state.gen.params)
    state, _ = step(state.replace(gen=state.gen.replace(params=moved)), None,
                    None)
    kept = flat(state.extra['ticket']['gen'].params)
    assert np.all(kept == (rewind + 1 if now >= rewind else 0))


def test_what_the_game_remembers_goes_back_too():
  """Here the strength of an augmentation, and what it counts."""
  c = game()
  c.augment = ({'name': 'ada'},)
  method = build.method(c)
  shapes = jax.eval_shape(method.init, jax.random.key(0), images(0))
  fill = lambda tree, value: jax.tree.map(
      lambda s: np.full(s.shape, value, s.dtype), tree)
  state = fill(shapes, 1)
  ticket = {**state.extra['ticket'], 'extra': fill(
      shapes.extra['ticket']['extra'], 2)}
  state = state.replace(extra={**state.extra, 'ticket': ticket})
  back = following(method, state)
  assert back.extra['augment'] and not equal(back.extra['augment'],
                                             state.extra['augment'])
  assert equal(back.extra, {**ticket['extra'], 'ticket': ticket})


# Runs.

def test_all_rounds_are_one_program(unbroken):
  assert unbroken[2] == ['step']


@pytest.mark.parametrize('last', [ROUND, ROUND + 1])
def test_a_run_stopped_between_or_in_rounds_goes_on_bit_for_bit(
    last, unbroken, tmp_path, interrupted):
  folder, states, _ = unbroken
  interrupted(game(), tmp_path, step=last)
  assert equal(loop.run(game(), tmp_path), states[3 * ROUND])
  assert read(tmp_path) == read(folder)


def test_eight_devices_find_the_ticket_of_one(unbroken, tmp_path):
  """The same masks, and weights but for rounding."""
  end = 2 * ROUND
  c = game(**{'devices': 8, 'checkpoint.every': end,
              'method.rounds': 1}, steps=end)
  state, alone = loop.run(c, tmp_path), unbroken[1][end]
  assert equal(state.gen.opt.masks, alone.gen.opt.masks)
  assert_same_but_rounding(state, alone)
  assert_replicated(state)


def test_the_best_is_sought_in_each_round(both):
  """The dense network's better score is not that of the ticket."""
  session = object.__new__(Session)
  session.config = configs.complete(game(**{
      'eval.every': 1, 'eval.metrics': ('fd_pixels',),
      'checkpoint.best': 'eval/fd_pixels'}))
  kept = []
  session.saved = SimpleNamespace(keep_best=kept.append)
  session.method, session.best = both[0], None
  session.better = {'eval/fd_pixels': 'lower'}
  scores = {1: 5., 2: 4., ROUND: 3., ROUND + 1: 9., ROUND + 2: 8.}
  for step, score in scores.items():
    session.renew(step)
    session.is_best(step, {'eval/fd_pixels': score}, 'x')
  assert kept == [1, 2, ROUND, None, ROUND + 1, ROUND + 2]
  session.renew(2 * ROUND + 1)
  assert session.best is None
  session.method = Method(None, None, None, 4)  # all is one round
  session.is_best(7, {'eval/fd_pixels': 9.}, 'x')
  session.renew(100)
  assert session.best['step'] == 7


@pytest.mark.parametrize('row, dense, counts', [
    ('sngan_20', 'sngan', (3_742_464, 2_993_971)),
    ('sngan_46', 'sngan', (3_742_464, 2_993_971, 2_395_177, 2_020_931)),
    *((f'sngan_20_of_{n}', f'sngan_{n}', (3_742_464, 2_993_971))
      for n in (10, 20, 40, 80))])
def test_tickets_of_table_4_and_figure_4_are_trained_as_the_dense_row(
    row, dense, counts):
  """Each round is that very training; published sizes: spec 12.2."""
  ticket, plain = (configs.complete(cli.load(f'experiments/re_gan/{name}'))
                   for name in (f'lottery.py:{row}', f'sngan.py:{dense}'))
  assert {line.partition(':')[0].partition('.')[0]
          for line in configs.differences(configs.plain(plain),
                                          configs.plain(ticket))} == {
              'method', 'optimizer', 'steps'}
  assert ticket.ema.decay == 0. and ticket.gen_batch == 0
  assert ticket.method.round_steps == plain.steps
  assert ticket.steps == len(counts) * plain.steps
  assert tuple(ladder(counts[0], rounds=len(counts) - 1, rate=.2,
                      target=ticket.method.target)) == counts


# What is refused.

@pytest.mark.parametrize('changes, words', [
    ({'steps': 8}, 'config.steps=8, and the dense round and 2 pruned ones of '
     'round_steps=3 take 9'),
    ({'optimizer.gen.pruning.name': 'none'}, "have 'none', 'none'"),
    ({'method.rewind': 3}, r'rewind=3: a step of the first round, in \[0, 3\)'),
    ({'method.rewind': -1}, 'rewind=-1'),
    ({'method.rate': 0.}, 'rate=0.0'),
    ({'method.target': .2}, 'in 1 rounds, not 2: rounds=1 would be right'),
    ({'method.scope': 'conv'}, "did you mean 'convs'"),
    ({'method.skip': '.'}, 'finds no weight'),
    ({'method.players': 'both'}, "unknown key 'players'")])
def test_what_cannot_be_is_refused(changes, words):
  with pytest.raises(UserError, match=words):
    build.method(game(**changes))
