"""A compressed generator as a run of its own, which trains on."""
import contextlib
import json

import jax
import numpy as np
import pytest

from jgan import build, cli
from jgan import config as configs
from jgan.compress import factorize
from jgan.errors import UserError
from jgan.layers import factored
from jgan.run import checkpoint, loop
from jgan.run.logbook import read
from jgan.types import Network
from jgan.verbs import compress
from jgan.workdir import checkpoints, made

RULES = ({'match': 'conv_1', 'form': 'cp', 'rank': 2, 'way': 'separable'},)
LAYERS = {'conv_1': {'form': 'cp', 'rank': 2}}


def game(**changes):
  c = configs.base()
  c.steps, c.batch, c.devices = 2, 8, 1
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.ema.decay = .5
  c.log.every = 1
  c.samples.every = 0
  c.eval.update({'every': 2, 'metrics': ('fd_pixels',), 'samples': 20,
                 'batch': 10})
  c.checkpoint.update({'every': 2, 'best': 'eval/fd_pixels'})
  c.compress.update({
      'rules': RULES, 'steps': 4, 'iterations': 10,
      'last': ({'match': 'linear', 'form': 'svd', 'rank': 1},), **changes})
  return c


@pytest.fixture(scope='module')
def dense(tmp_path_factory):
  """The last state of a trained run."""
  return loop.run(game(), tmp_path_factory.mktemp('dense'))


def compressed(state, out, *, last=False, **changes):
  """Runs the verb: -> the new run's config, method and state, the text."""
  c = configs.complete(game(**changes))
  text = compress.write(c, build.method(c), jax.device_get(state), out,
                        last=last)
  return *restored(out), text


def restored(folder):
  c = configs.from_record(configs.recorded(folder))
  method = build.method(c)
  like = jax.eval_shape(method.init, jax.random.key(0), {
      'image': jax.ShapeDtypeStruct((1, 1, 16, 16, 1), 'float32')})
  with contextlib.closing(checkpoint.Checkpoints(
      checkpoints(folder), read_only=True)) as saved:
    return c, method, saved.choose(like)


@pytest.fixture(scope='module')
def begun(dense, tmp_path_factory):
  folder = tmp_path_factory.mktemp('compressed') / 'run'
  return folder, *compressed(dense, folder)


@pytest.fixture(scope='module')
def tuned(begun):
  """The same run after its fine-tuning: folder, state."""
  return begun[0], loop.run(begun[1], begun[0])


def equal(a, b):
  return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def moments(opt):
  """{field/parameter: array} of an Adam, wherever it stands."""
  found = {}
  for path, x in jax.tree_util.tree_flatten_with_path(opt)[0]:
    name = jax.tree_util.keystr(path, simple=True, separator='/')
    for field in ('mu', 'nu'):
      if f'/{field}/' in name:
        found[f'{field}/{name.rpartition(f"/{field}/")[2]}'] = np.asarray(x)
  return found


def test_its_images_are_those_of_the_reconstructed_kernels(dense, begun):
  _, _, method, state, _ = begun
  params, _ = factorize.reconstruct(
      jax.device_get(dense.ema.params), LAYERS, seed=0, restarts=1,
      iterations=10)
  z = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
  want = jax.jit(build.method(game()).sample)(
      Network(params, dense.ema.stats), z)
  for net in (state.ema, state.gen):
    np.testing.assert_allclose(jax.jit(method.sample)(net, z), want, rtol=1e-5,
                               atol=1e-5)


def test_what_was_learnt_of_all_else_is_carried_bit_for_bit(dense, begun):
  state = begun[3]
  assert equal(state.disc, dense.disc)
  before, after = moments(dense.gen.opt), moments(state.gen.opt)
  gone = {name for name in before if name not in after}
  new = {name for name in after if name not in before}
  assert gone == {'mu/conv_1/kernel', 'nu/conv_1/kernel'}
  assert new == {f'{field}/conv_1/{factor}' for field in ('mu', 'nu')
                 for factor in ('in', 'height', 'width', 'out')}
  for name in before.keys() & after.keys():
    np.testing.assert_array_equal(before[name], after[name])
    assert name.startswith('nu') or before[name].any()
  assert not any(after[name].any() for name in new)


def test_only_the_factors_have_the_rate_of_fine_tuning(begun):
  config = begun[1]
  group, = config.optimizer.gen.groups
  assert group['lr'] == 1e-5 and config.optimizer.gen.lr == 2e-4
  assert config.steps == 4 and int(begun[3].step) == 0


def test_factors_move_by_their_own_rate(begun, tuned):
  """A step of Adam is as large as its rate."""
  step = lambda name: np.abs(np.asarray(tuned[1].gen.params[name[0]][name[1]])
                             - begun[3].gen.params[name[0]][name[1]]).max()
  assert 0. < step(('conv_1', 'in')) <= 4.1e-5
  assert step(('linear', 'kernel')) > 1e-4


def test_the_score_before_any_tuning_is_on_record(begun):
  folder, *_, text = begun
  line, *_ = (folder / 'evaluations.jsonl').read_text().splitlines()
  line = json.loads(line)
  found = json.loads((folder / 'compression.json').read_text())
  assert line['step'] == 0 and line['values'] == found['scores']['after']
  assert found['scores']['before'].keys() == {'fd_pixels'}
  row, = found['layers']
  assert row['layer'] == 'conv_1' and row['after'] < row['before']
  assert 'without fine-tuning' in text and str(folder) in text


def test_factors_that_fit_outputs_are_nearer_in_them(dense, tmp_path):
  """Measured on the generator of the run; the images are nearer too."""
  errors, images = [], []
  z = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
  want = jax.jit(build.method(game()).sample)(dense.ema, z)
  for name in ('kernel', 'outputs'):
    _, method, state, text = compressed(
        dense, tmp_path / name, iterations=50, fit={
            'name': name, **({'images': 256} if name == 'outputs' else {})})
    row, = json.loads((tmp_path / name / 'compression.json').read_text())[
        'layers']
    errors.append((row['error'], row['output_error']))
    images.append(np.mean((jax.jit(method.sample)(state.ema, z) - want)**2))
    assert ('of outputs' in text) == (name == 'outputs')
  (kernel, none), (of_kernel, of_outputs) = errors
  assert none is None and of_outputs < kernel < of_kernel
  assert images[1] < images[0]


def test_published_factors_are_of_the_kernel():
  with pytest.raises(UserError, match="scaling='even', would be right"):
    configs.complete(game(scaling='reference', fit={'name': 'outputs'}))


def test_fine_tuning_resumes_with_the_same_bits(
    dense, tuned, tmp_path, monkeypatch):
  compressed(dense, tmp_path / 'run')
  config = configs.from_record(configs.recorded(tmp_path / 'run'))
  original = loop.Session.after

  def dying(self, step, *rest):
    state = original(self, step, *rest)
    if step == 3:
      raise KeyboardInterrupt
    return state

  with monkeypatch.context() as patch:
    patch.setattr(loop.Session, 'after', dying)
    with pytest.raises(KeyboardInterrupt):
      loop.run(config, tmp_path / 'run')
  assert equal(loop.run(config, tmp_path / 'run'), tuned[1])
  assert read(tmp_path / 'run') == read(tuned[0])


def test_the_last_layers_leave_a_finished_run(tuned, tmp_path):
  out = tmp_path / 'last'
  config = configs.from_record(configs.recorded(tuned[0]))
  compress.write(config, build.method(config), jax.device_get(tuned[1]), out,
                 last=True)
  after, _, state = restored(out)
  assert int(state.step) == after.steps == 4
  assert set(after.factored) == {'conv_1', 'linear'}
  assert state.ema.params['linear'].keys() == {'in', 'out'}
  assert equal(loop.run(after, out), state)


def test_online_weights_leave_the_average_its_other_layers(dense, tmp_path):
  _, _, state, _ = compressed(dense, tmp_path / 'run', source='online')
  for net, old in ((state.gen, dense.gen), (state.ema, dense.ema)):
    assert equal(net.params['linear'], old.params['linear'])
    assert equal(net.stats, old.stats)
  factors, _ = factorize.factorize(
      jax.device_get(dense.gen.params), LAYERS, seed=0, restarts=1,
      iterations=10)
  for name in ('in', 'height', 'width', 'out'):
    for net in (state.gen, state.ema):
      np.testing.assert_array_equal(net.params['conv_1'][name],
                                    factors['conv_1'][name])


def test_the_average_becomes_both_generators(dense, begun):
  state = begun[3]
  assert equal(state.gen.params, state.ema.params)
  assert equal(state.ema.params['linear'], dense.ema.params['linear'])
  assert not equal(state.gen.params['linear'], dense.gen.params['linear'])


def test_the_fastest_way_is_taken_by_measurement(dense, monkeypatch):
  rules = {'conv_1': {'form': 'cp', 'rank': 2},
           'to_rgb': {'form': 'cp', 'rank': 1, 'way': 'separable'}}
  model = build.models(configs.complete(game()), (16, 16, 1)).gen
  for fastest in factored.WAYS:
    times = {way: 1. + (way != fastest) for way in factored.WAYS}

    def measure(calls, times=times, **limits):
      assert calls.keys() == times.keys()
      shapes = {call[0](*call[1]).shape for call in calls.values()}
      assert shapes == {(16, 8, 8, 4)}
      return times

    monkeypatch.setattr(compress.latency, 'measure', measure)
    found = compress.quickest(model, dense.ema, rules)
    assert found['conv_1']['way'] == fastest
    assert found['to_rgb'] == rules['to_rgb']


def test_the_trials_of_sensitivity_decide_where_they_are_given(
    dense, tmp_path):
  file = tmp_path / 'sensitivity.json'
  row = {'form': 'cp', 'rank': 2, 'params': 292, 'removed': 200, 'error': .5}
  file.write_text(json.dumps({'base': 1., 'rows': [
      {**row, 'layer': 'conv_1', 'score': 1.1},
      {**row, 'layer': 'to_rgb', 'score': 9.}]}))
  plan = configs.complete(game(
      rules=(), sensitivity=str(file), budget=.2)).compress
  params = jax.device_get(dense.ema.params)
  assert compress.chosen(plan, params, last=False) == LAYERS
  for text in ('{', '[]', '{"rows": []}', '{"base": 1, "rows": [{"rank": 2}]}',
               json.dumps({'base': 1., 'rows': [
                   {**row, 'layer': 'conv_1', 'score': 'low'}]}),
               json.dumps({'base': 1., 'rows': [
                   {**row, 'layer': 'conv_1', 'score': 1., 'params': np.inf}]}),
               json.dumps({'base': 1., 'better': [], 'rows': []})):
    file.write_text(text)
    with pytest.raises(UserError, match='cannot read .*sensitivity.json'):
      compress.chosen(plan, params, last=False)


@pytest.mark.parametrize('changes, last, words', [
    ({'rules': ()}, False, 'config.compress.rules is empty'),
    ({'last': ()}, True, 'config.compress.last is empty'),
    ({'rules': ({'match': 'conv_9', 'form': 'cp', 'rank': 2},)}, False,
     "rule 0 matches no layer with 'conv_9'"),
])
def test_what_cannot_be_done_is_refused(dense, tmp_path, changes, last, words):
  c = configs.complete(game(**changes))
  with pytest.raises(UserError, match=words):
    compress.write(c, build.method(c), jax.device_get(dense),
                   tmp_path / 'run', last=last)
  assert not any(tmp_path.iterdir())


@pytest.mark.parametrize('genotype, fit', [
    ('mmd_nas', True), ('adversarial_nas', False)])
def test_rules_for_one_genotype_are_not_used_on_another(
    genotype, fit, tmp_path):
  c = cli.load('experiments/mmd_nas/cifar10_large.py:smoke')
  c.generator.genotype = genotype
  c = configs.complete(c)
  assert compress.rules_fit(c) == fit
  compress.check(c)  # by the rules, or by the ranks of a sensitivity
  if not fit:
    with pytest.raises(UserError, match="name layers of genotype 'mmd_nas'"):
      compress.write(c, None, None, tmp_path / 'run')


def test_the_published_rules_choose_eleven_convolutions_and_two_layers():
  """Figure 3: all but layers 9 and 13, at the published rank."""
  c = configs.complete(cli.load('experiments/mmd_nas/cifar10_large.py'))
  assert c.compress.genotype == 'mmd_nas' and c.compress.lr == 1e-5
  assert c.compress.restarts == 3  # a single start may be a poor one
  params = build.abstract(c, build.method(c)).gen.params
  layers = compress.chosen(c.compress, params, last=False)
  assert len(layers) == 11 and {o['rank'] for o in layers.values()} == {256}
  assert not any(path.startswith(('cell_3/c0', 'cell_3/c4')) for path in layers)
  assert [*compress.chosen(c.compress, params, last=True)] == [
      'linear_2', 'linear_3']


@pytest.mark.parametrize('changes, words', [
    ({'rules': ({'match': 'conv_1', 'form': 'tucker', 'rank': 2},)},
     "rank 2 of form 'tucker' must be two numbers"),
    ({'last': ({'match': 'conv_1', 'form': 'svd', 'rank': 1},)},
     'matches no layer'),  # the rules have factorized it by then
    ({'rules': (), 'ranks': (1000,)}, 'no rank of')])
def test_what_does_not_fit_the_network_is_seen_in_its_shapes(changes, words):
  with pytest.raises(UserError, match=words):
    compress.check(configs.complete(game(**changes)))


def test_a_layer_that_cannot_be_factored_is_seen_before_training():
  c = game(rules=({'match': 'conv_1', 'form': 'cp', 'rank': 2},))
  c.generator = {'name': 'r3gan', 'latent': 4, 'widths': (16, 8, 8),
                 'group': 8, 'blocks': (1, 1, 1)}
  with pytest.raises(UserError, match="layer 'block_0_0/conv_1' has 4 groups"):
    compress.check(configs.complete(c))


def test_two_commands_do_not_make_one_run(tmp_path):
  out, config = tmp_path / 'run', configs.complete(game())
  with made(out, config) as folder:
    (folder / 'begun').touch()
    with (pytest.raises(UserError, match=f'another run .* --out={out}'),
          made(out, config)):
      pass
    assert (folder / 'begun').exists() and not out.exists()
  assert (out / 'begun').exists() and [*tmp_path.iterdir()] == [out]
  with (pytest.raises(UserError, match='not an empty folder'),
        made(out, config)):
    pass


def test_a_folder_in_use_is_refused(dense, begun, tmp_path):
  (tmp_path / 'notes.txt').write_text('mine')
  for folder in (begun[0], tmp_path):
    with pytest.raises(UserError, match='not an empty folder'):
      compressed(dense, folder)


def test_a_killed_command_leaves_no_run_and_goes_again(
    dense, tmp_path, monkeypatch):
  """Half a run would be taken for one that is to begin."""
  def killed(*arguments):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(checkpoint.Checkpoints, 'save', killed)
    with pytest.raises(KeyboardInterrupt):
      compressed(dense, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()
  assert int(compressed(dense, tmp_path / 'run')[2].step) == 0
