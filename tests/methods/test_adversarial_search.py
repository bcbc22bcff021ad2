"""The search: order of its updates, what each may change, the same again."""
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import build, genotype, steps
from jgan import config as configs
from jgan import space as spaces
from jgan.errors import UserError
from jgan.layers import conv, relax
from jgan.layers.mixed import Mixed
from jgan.methods import _search, adversarial_search
from jgan.run import loop
from jgan.run.logbook import read
from jgan.types import Loss, Network, Pair
from tests.rounding import assert_replicated, assert_same_but_rounding


def equal(a, b):
  return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def moved(a, b):
  """Names of the leaves that differ."""
  flat = jax.tree_util.tree_flatten_with_path(a)[0]
  return {jax.tree_util.keystr(path, simple=True, separator='/')
          for (path, x), y in zip(flat, jax.tree.leaves(b))
          if not np.array_equal(x, y)}


def images(seed=0, critics=1):
  return np.random.default_rng(seed).integers(
      0, 256, (critics, 16, 8, 8, 1)).astype(np.uint8)


def parts(config):
  """Keywords of search_step, with SGD for the weights."""
  models = build.models(config, (8, 8, 1))
  space = _search.Space(config, models)
  hinge = build.loss(configs.complete(config_of_loss('hinge')))
  return dict(
      models=models, loss=build.loss(config), arch_loss=hinge, penalties={},
      tx=Pair(optax.sgd(.1), optax.sgd(.1)), arch_tx=optax.sgd(.1),
      prepare=build.prepare(config), ema=build.ema(config), gen_batch=0,
      heat=lambda step: jnp.float32(1.), amend=0., names=space.names)


def config_of_loss(name):
  c = configs.base()
  c.loss = {'name': name}
  return c


@pytest.fixture(scope='module')
def first(game):
  """A search's method, its first state, its compiled step."""
  method = build.method(game())
  state = jax.jit(lambda: method.init(
      jax.random.key(0), {'image': jnp.zeros((1, 1, 8, 8, 1))}))()
  return method, state, jax.jit(method.step)


@pytest.fixture(scope='module')
def unbroken(game, tmp_path_factory):
  """A run that scores itself and steers b_u: its folder and last state."""
  folder = tmp_path_factory.mktemp('search')
  return folder, loop.run(steered(game), folder)


def steered(game, **changes):
  return game(**{
      'feedback': ({'name': 'kernel_bound', 'metric': 'eval/fd_pixels',
                    'rule': 'linear'},),
      'eval.every': 1, 'eval.metrics': ('fd_pixels',), 'eval.samples': 20,
      'eval.batch': 10, **changes})


def test_one_step_moves_weights_and_logits_of_both_players(first):
  _, state, step = first
  after, metrics = step(state, {'image': images()}, jax.random.key(1))
  for old, new in ((state.gen, after.gen), (state.disc, after.disc)):
    names = moved((old.params, old.stats), (new.params, new.stats))
    for part in ('0/operations_normal', '1/arch/normal',
                 '1/schedule/temperature'):
      assert part in names, (part, names)
  assert {'1/arch/up', '1/batch_stats/Norm_0/mean'} & moved(
      (0, state.gen.stats), (0, after.gen.stats))
  assert int(after.step) == 1
  assert equal(after.ema.stats['arch'], after.gen.stats['arch'])
  assert all(np.isfinite(x) for x in metrics.values())


def test_the_metrics_tell_entropy_shares_and_temperature(unbroken):
  folder, state = unbroken
  records = [r for r in read(folder) if 'gen/loss' in r]
  want = [_search.temperature(stage, 125) for stage in (0, 31, 62, 93)]
  np.testing.assert_allclose([r['arch/temperature'] for r in records], want,
                             rtol=1e-6)
  np.testing.assert_allclose(state.gen.stats['schedule']['temperature'],
                             want[-1], rtol=1e-6)
  last = records[-1]
  for player, net in (('generator', state.gen), ('discriminator', state.disc)):
    np.testing.assert_allclose(last[f'arch/{player}/entropy'],
                               _search.entropy(net.stats['arch']), rtol=1e-5)
    for part, ops in spaces.find('adversarial_nas').ops(player).items():
      shares = [last[f'arch/{player}/{part}/{op}'] for op in ops]
      np.testing.assert_allclose(sum(shares), 1., rtol=1e-6)
  # gen/, disc/: mmd of the weights; arch_: hinge of the logits.
  assert {'arch_gen/loss', 'arch_disc/loss', 'disc/k_xx'} <= last.keys()


def test_every_checkpoint_has_the_genotype_of_its_logits(unbroken, first):
  folder, state = unbroken
  files = sorted(f.name for f in (folder / 'genotypes').iterdir())
  assert files == ['00000002.json', '00000004.json']
  found = genotype.load(folder / 'genotypes' / '00000004.json')
  origin = found.pop('origin')
  assert found == first[0].search.derive(jax.device_get(state))
  score = next(r['eval/fd_pixels'] for r in reversed(read(folder))
               if 'eval/fd_pixels' in r)
  assert 'step 4' in origin and f'eval/fd_pixels {score:.6g}' in origin


def test_logits_do_not_move_weights_nor_weights_logits(first, game):
  state = first[1]
  kit = parts(configs.complete(game()))
  state = state.replace(extra={**state.extra, 'arch': {
      'gen': kit['arch_tx'].init(state.gen.stats['arch']),
      'disc': kit['arch_tx'].init(state.disc.stats['arch'])}},
      gen=state.gen.replace(opt=kit['tx'].gen.init(state.gen.params)),
      disc=state.disc.replace(opt=kit['tx'].disc.init(state.disc.params)))
  rows = np.float32(images()[0] / 127.5 - 1.)
  z = jax.random.normal(jax.random.key(2), (2, 8, 4))
  keys = jax.random.split(jax.random.key(3))
  logits = dict(models=kit['models'], loss=kit['arch_loss'], penalties={},
                tx=kit['arch_tx'], amend=0., axis_name=None)
  weights = {k: kit[k] for k in ('models', 'loss', 'penalties', 'tx')}
  halves = (rows[1::2], rows[::2])
  noted = {'gen/stats/batch_stats', 'disc/stats/spectral'}
  for update, real, noise, key, options, part in (
      (adversarial_search.arch_disc_update, halves, z, keys, logits,
       'disc/stats/arch'),
      (adversarial_search.arch_gen_update, halves, z, keys, logits,
       'gen/stats/arch'),
      (steps.disc_update, rows[::2], z[0], keys[0], weights, 'disc/params'),
      (steps.gen_update, rows[::2], z[0], keys[0], weights, 'gen/params')):
    after, _ = jax.jit(functools.partial(update, **options))(
        state, real, noise, key)
    names = {'/'.join(name.split('/')[:3 if '/stats/' in name else 2])
             for name in moved(state, after)}
    assert part in names and names <= {part, *noted}, (update, names)


def test_the_order_of_updates_and_the_rows_that_each_sees(
    first, game, monkeypatch):
  """D before G, each player's architecture before its weights; even rows
  train the weights, odd rows the architecture.
  """
  seen = []

  def noting(module, name):
    def update(state, real, z, rng, labels, **options):
      del z, rng, labels, options
      seen.append((name, real))
      return state, {'loss': jnp.float32(0.)}
    monkeypatch.setattr(module, name, update)

  for name in ('arch_disc_update', 'arch_gen_update'):
    noting(adversarial_search, name)
  for name in ('disc_update', 'gen_update'):
    noting(steps, name)
  batch = images(critics=2)
  adversarial_search.search_step(
      first[1], {'image': batch}, jax.random.key(0),
      **parts(configs.complete(game())))
  rows = batch / np.float32(127.5) - 1.
  want = []
  for name, i in (('disc', 0), ('disc', 1), ('gen', 1)):
    even, odd = rows[i][::2], rows[i][1::2]
    want += [(f'arch_{name}_update', (odd, even)), (f'{name}_update', even)]
  assert [name for name, _ in seen] == [name for name, _ in want]
  for (name, got), (_, real) in zip(seen, want):
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-6,
                                   err_msg=name), got, real)


def test_the_second_order_term_changes_the_logits_step(first, game):
  _, state, plain = first
  amended = jax.jit(build.method(game(**{'method.amend': 10.})).step)
  states = []
  for step in (plain, amended):
    after, metrics = step(state, {'image': images()}, jax.random.key(1))
    assert all(np.isfinite(x) for x in metrics.values())
    states.append(after)
  names = moved(states[0].gen.stats['arch'], states[1].gen.stats['arch'])
  assert names == {'normal', 'up'}


@pytest.mark.long
def test_a_search_is_reproducible_from_its_seed(unbroken, game, tmp_path):
  assert equal(loop.run(steered(game), tmp_path / 'same'), unbroken[1])
  other = loop.run(steered(game, seed=1), tmp_path / 'other')
  assert not equal(other.gen.stats['arch'], unbroken[1].gen.stats['arch'])


def test_a_search_stopped_in_the_middle_goes_on_bit_for_bit(
    unbroken, game, tmp_path, interrupted):
  interrupted(steered(game), tmp_path, step=3)
  resumed = loop.run(steered(game), tmp_path)
  assert equal(resumed, unbroken[1])
  assert resumed.extra.keys() == {'arch', 'loss', 'feedback'}
  assert int(resumed.extra['arch']['gen'][1][0].count) == 4
  assert int(resumed.extra['arch']['disc'][1][0].count) == 4
  assert read(tmp_path) == read(unbroken[0])
  for name in ('00000002', '00000004'):
    found, want = (json.loads((f / 'genotypes' / f'{name}.json').read_text())
                   for f in (tmp_path, unbroken[0]))
    assert (found['generator'], found['discriminator']) == (
        want['generator'], want['discriminator'])


@pytest.fixture(scope='module')
def alone(game, tmp_path_factory):
  return loop.run(plain(game), tmp_path_factory.mktemp('alone'))


def plain(game, **changes):
  """With gradient descent: Adam makes steps of what is only rounding."""
  section = {'name': 'sgd', 'lr': .02, 'schedule': {'name': 'constant'},
             'groups': (), 'clip_norm': 0., 'clip_weight': 0.}
  c = game(steps=2, **changes)
  # Noise, too, must not depend on the number of devices.
  c.generator.relax = 'gumbel'
  c.optimizer.gen, c.optimizer.disc = section, dict(section)
  c.pipeline.update({'flip': True, 'dequantize': True})
  return c


@pytest.mark.long
def test_eight_devices_search_as_one_does(alone, game, tmp_path):
  state = loop.run(plain(game, devices=8), tmp_path)
  # Adam divides the gradient of a logit by its size: a step of .01 is nearly
  # as uncertain as the gradient, which may be all rounding.
  assert_same_but_rounding(state, alone, absolute=2e-4)
  assert_replicated(state)


OPS = ('none', 'skip', 'conv_1x1', 'conv_3x3', 'conv_5x5', 'dil_conv_3x3',
       'dil_conv_5x5')


@pytest.mark.parametrize('name', ['softmax', 'gumbel',
                                  'gumbel_on_probabilities'])
@pytest.mark.parametrize('planted, taps', [
    ('dil_conv_5x5', [(0, 4), (8, 2), (4, 8)]),
    ('conv_5x5', [(3, 2), (5, 6), (4, 5)])])
def test_the_planted_operation_is_found(planted, taps, name):
  """Images are made by a kernel that one of the operations alone can hold.

  Its taps are where no other reaches: at the rim of a dilated 5 x 5, or at
  odd distances beyond a 3 x 3.
  """
  kernel = np.zeros((9, 9, 1, 1), np.float32)
  for tap in taps:
    kernel[tap] = 1.
  x = jax.random.normal(jax.random.key(0), (2, 8, 12, 12, 1))
  want = jax.vmap(lambda x: conv.convolve(x, kernel))(x)
  edge = Mixed(OPS, 1, conv.plain, lambda h: h)

  def loss(half, arch, params, key, heat):
    weights = getattr(relax, name)(arch['edge'], key, heat)
    out = edge.apply({'params': params}, x[half], weights)
    return jnp.mean((out - want[half])**2), None

  params = edge.init(jax.random.key(1), x[0], jnp.ones(7))['params']
  net = Network(params, {'arch': {'edge': jnp.zeros(7)}})
  tx = optax.adam(.02)
  arch_tx = _search.optimizer(lr=.1, b1=.5, b2=.999, weight_decay=1e-4)

  @jax.jit
  def step(net, opt, arch_opt, i):
    heat = _search.temperature(i, 120)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(2), i))
    net, arch_opt, _ = _search.descend(
        net, arch_opt, arch_tx,
        lambda arch, params: loss(1, arch, params, keys[0], heat))
    grads = jax.grad(lambda p: loss(0, net.stats['arch'], p, keys[1],
                                    heat)[0])(net.params)
    updates, opt = tx.update(grads, opt)
    return net.replace(params=optax.apply_updates(net.params, updates)), (
        opt), arch_opt

  carry = net, tx.init(params), arch_tx.init(net.stats['arch'])
  for i in range(120):
    carry = step(*carry, i)
  assert OPS[int(carry[0].stats['arch']['edge'].argmax())] == planted


@pytest.mark.parametrize('changes, words', [
    ({'batch': 15}, 'batch=15 is odd'),
    *(({'method': {'name': 'adversarial_search', **heat}}, words)
      for heat, words in (({'epochs': 0}, 'has epochs=0'),
                          ({'cold': 0.}, 'and cold=0:'),
                          ({'hot': .01}, r'hot=0\.01 and cold=0\.1'))),
    ({'generator': {'name': 'dcgan'}}, "config.generator.name is 'dcgan'"),
    ({'discriminator': {'name': 'alphagan_super'}},
     "space 'adversarial_nas', config.discriminator.name of 'alphagan'"),
    ({'generator': {'name': 'alphagan_super'},
      'discriminator': {'name': 'alphagan_super'},
      'data': {'name': 'digits', 'size': 32},
      'method': {'name': 'adversarial_search', 'softmax_over_edges': True}},
     "space 'alphagan' has no softmax_over_edges"),
])
def test_what_cannot_be_searched_is_refused(game, changes, words):
  c = game()
  for key, value in changes.items():
    c[key] = value
  with pytest.raises(UserError, match=words):
    build.method(c)


def test_a_device_must_have_two_halves(game, tmp_path):
  with pytest.raises(UserError, match='1 images per device'):
    loop.run(game(devices=8, batch=8), tmp_path)


def test_the_space_of_alphagan_can_be_searched(game):
  c = game()
  c.data.size = 32
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'alphagan_super'}
  c.generator.width = c.discriminator.width = 4
  method = build.method(c)
  batch = {'image': jax.ShapeDtypeStruct((1, 4, 32, 32, 1), np.uint8)}
  state = jax.eval_shape(method.init, jax.random.key(0), batch)
  zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), (
      state.gen.stats, state.disc.stats))
  genotype.check(method.search.derive(state.replace(
      gen=state.gen.replace(stats=zeros[0]),
      disc=state.disc.replace(stats=zeros[1]))))


def test_an_arch_loss_takes_its_default_arguments(game):
  c = game(**{'method.arch_loss': 'mmd'})
  assert isinstance(build.loss(configs.complete(c)), Loss)
  method = build.method(c)
  batch = {'image': jax.ShapeDtypeStruct((1, 16, 8, 8, 1), np.uint8)}
  state = jax.eval_shape(method.init, jax.random.key(0), batch)
  after, _ = jax.eval_shape(method.step, state, batch, jax.random.key(0))
  form = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)
  assert form(after) == form(state)
