"""Averages of a run, chosen after it."""
import jax
import numpy as np
import pytest

from jgan import config as configs
from jgan import flags as common
from jgan import main, weights
from jgan.errors import UserError
from jgan.run import chunks, loop, snapshots
from jgan.verbs import average, compress, evaluate


def averaging(c):
  c.steps = 6
  c.ema.update({'power': (.05, .1), 'snapshots': 2})
  c.checkpoint.update({'every': 3, 'keep': 9})
  c.samples.every = 0
  return c


@pytest.fixture(scope='module')
def done(tmp_path_factory):
  """A run of six steps, its last state, and its config."""
  c = averaging(small())
  folder = tmp_path_factory.mktemp('run')
  state = loop.run(c, folder)
  return folder, jax.device_get(state), configs.complete(c)


def small():
  c = configs.base()
  c.batch, c.devices = 8, 1
  c.data = {'name': 'mixture'}
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'mlp', 'width': 4, 'depth': 1}
  c.ema.decay, c.log.every = .9, 2
  return c


def command(*flags):
  return main.main(['jgan', '--mode=average', *map(str, flags)])


def test_averages_are_stored_at_their_interval_and_survive_a_stop(
    done, tmp_path, interrupted):
  folder, whole, _ = done
  interrupted(averaging(small()), tmp_path, step=3)
  again = loop.run(averaging(small()), tmp_path)
  assert jax.tree.all(jax.tree.map(np.array_equal, whole, again))
  files = snapshots.files(folder, 9)
  assert [*files] == [2, 4, 6]
  for step, path in files.items():
    other = tmp_path / 'averages' / path.name
    assert path.read_bytes() == other.read_bytes(), step
  last = snapshots.read(files[6], whole.extra['averages'])
  assert jax.tree.all(jax.tree.map(np.array_equal, last,
                                   whole.extra['averages']))


def test_what_an_earlier_session_stored_later_is_not_mixed_in(
    tmp_path, interrupted):
  interrupted(averaging(small()), tmp_path, step=3)
  (tmp_path / 'averages' / '00000005.safetensors').write_bytes(b'of others')
  c = averaging(small())
  c.ema.snapshots = 6
  loop.run(c, tmp_path, allow_config_change=True)
  assert [*snapshots.files(tmp_path, 9)] == [2, 6]


def test_a_width_that_was_kept_is_made_as_it_is_and_others_lie_elsewhere(
    done, tmp_path, capsys):
  folder, state, _ = done
  out = tmp_path / 'new' / 'g.safetensors'
  assert command(f'--workdir={folder}', f'--out={out}', '--sigma=.1') in (0,
                                                                         None)
  assert 'step 6, sigma 0.1, of averages at 3 steps from 2' in (
      capsys.readouterr().out)
  near = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6)
  net = weights.load(out)
  jax.tree.map(near, net.params, state.extra['averages']['0.100'])
  command(f'--workdir={folder}', f'--out={out}', '--sigma=.2', '--overwrite')
  wider = weights.load(out)
  assert any(abs(a - b).max() > 1e-5 for a, b in zip(
      jax.tree.leaves(net.params), jax.tree.leaves(wider.params)))
  # At an earlier checkpoint, of what was stored until then.
  command(f'--workdir={folder}', f'--out={out}', '--step=3', '--overwrite')
  assert 'step 3, sigma 0.075, of averages at 2 steps' in (
      capsys.readouterr().out)
  assert weights.described(out)[1].step == 3
  assert evaluate.step_of(out) == 3  # what its scores are recorded for


def test_the_file_makes_images(done, tmp_path):
  folder, *_ = done
  out = tmp_path / 'g.npz'
  command(f'--workdir={folder}', f'--out={out}')
  main.main(['jgan', '--mode=export', f'--params={out}',
             f'--out={tmp_path / "again.safetensors"}'])
  jax.tree.map(np.testing.assert_array_equal, weights.load(out).params,
               weights.load(tmp_path / 'again.safetensors').params)


def test_what_cannot_be_averaged_is_refused(done, tmp_path):
  folder, state, config = done
  flags = lambda **given: common.values(
      average.FLAGS, {'workdir': str(folder), **given})
  with pytest.raises(UserError, match='relative width 0.4'):
    average.run(config, flags(out=str(tmp_path / 'g.npz'), sigma=.4))
  with pytest.raises(UserError, match=r"ends in '\.png'"):
    average.run(config, flags(out=str(tmp_path / 'g.png')))
  plain = configs.complete(small())
  with pytest.raises(UserError, match=r'ema\.power=\(\.05,\.1\) it'):
    average.run(plain, flags(out=str(tmp_path / 'g.npz')))
  other = {name: {'w': np.ones(3)} for name in state.extra['averages']}
  with pytest.raises(UserError, match='does not have the averages of this'):
    snapshots.read(folder / 'averages' / '00000002.safetensors', other)


def test_dispatches_end_where_averages_are_stored(tiny):
  c = averaging(tiny)
  c.log.every = 6
  assert [*chunks.ends(configs.complete(c))] == [2, 3, 4, 6]
  c.ema.snapshots = 0
  assert snapshots.every(c) == 3
  c.ema.power = ()
  assert snapshots.every(c) == 0


@pytest.mark.parametrize('widths', [(.0,), (.3,), (1,)])
def test_a_config_with_impossible_widths_is_refused(tiny, widths):
  tiny.ema.power = widths
  with pytest.raises(UserError, match=r'ema\.power is .*at most \.2887'):
    configs.complete(tiny)


def test_a_width_far_from_what_was_stored_is_said(done, tmp_path, capsys):
  folder, *_ = done
  command(f'--workdir={folder}', f'--out={tmp_path / "a.npz"}', '--sigma=.1')
  told = capsys.readouterr()
  assert ', 0.0% from its profile' in told.out and 'profile' not in told.err
  command(f'--workdir={folder}', f'--out={tmp_path / "b.npz"}', '--sigma=.28')
  assert '% from that of --sigma=0.28, the nearest' in capsys.readouterr().err


def test_an_interval_without_averages_is_refused(tiny):
  tiny.ema.snapshots = 5
  with pytest.raises(UserError, match='snapshots is 5, and .*power has no av'):
    configs.complete(tiny)


def test_a_compressed_run_keeps_no_averages_of_other_shapes():
  config = configs.complete(averaging(small()))
  assert compress.tuned(config, {}, last=True).ema.power == ()
