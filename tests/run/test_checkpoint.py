"""Checkpoints: what was saved comes back, or its damage is said."""
import errno
import logging
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan.errors import Stopped, UserError
from jgan.run import processes
from jgan.run.checkpoint import Checkpoints
from jgan.types import GanState, Network


def state(step, fill=1.):
  params = {'conv': {'kernel': np.full((3, 5), fill + step, np.float32)},
            'bias': np.arange(4, dtype=np.float32)}
  opt = optax.adam(1e-3).init(jax.tree.map(jnp.asarray, params))
  net = Network(params, {'spectral': {'u': np.ones(5, np.float32)}}, opt)
  return GanState(np.int32(step), net, net, Network(params, {}),
                  {'bound': np.float32(4.)})


def saved(folder, *steps, keep=9):
  found = Checkpoints(folder / 'checkpoints', keep=keep)
  for step in steps:
    found.save(step, state(step), {'best': None})
  found.wait()
  found.close()
  return Checkpoints(folder / 'checkpoints', keep=keep)


def equal(a, b):
  return jax.tree.all(jax.tree.map(
      lambda x, y: np.array_equal(x, y) and x.dtype == y.dtype, a, b))


def test_every_leaf_comes_back_bit_for_bit(tmp_path):
  step, found, notes = saved(tmp_path, 3, 7).latest(
      jax.eval_shape(lambda: state(0)))
  assert step == 7 and notes['best'] is None
  assert equal(found, state(7))
  assert jax.tree.structure(found) == jax.tree.structure(state(7))


def test_the_last_ones_and_the_best_stay(tmp_path):
  checkpoints = Checkpoints(tmp_path / 'checkpoints', keep=2)
  for step in (1, 2, 3, 4, 5):
    if step == 2:
      checkpoints.keep_best(2)
    checkpoints.save(step, state(step), {'best': {'step': 2, 'value': .5}})
  checkpoints.wait()
  assert checkpoints.steps() == [2, 4, 5]
  best = checkpoints.choose(jax.eval_shape(lambda: state(0)), best=True)
  assert equal(best, state(2))


def test_an_existing_step_is_not_written_again(tmp_path):
  checkpoints = saved(tmp_path, 3)
  checkpoints.save(3, state(3, fill=100.), {})
  checkpoints.wait()
  assert equal(checkpoints.latest(state(0))[1], state(3))


@pytest.mark.parametrize('how', ['halved', 'emptied', 'flipped', 'removed'])
def test_a_damaged_newest_one_falls_back_and_says_so(tmp_path, caplog, how):
  saved(tmp_path, 3, 7).close()
  for file in (tmp_path / 'checkpoints' / '7').rglob('*'):
    if file.is_file():
      damage(file, how)
  checkpoints = Checkpoints(tmp_path / 'checkpoints')
  with caplog.at_level(logging.WARNING, 'jgan'):
    step, found, _ = checkpoints.latest(state(0))
  assert step == 3 and equal(found, state(3))
  assert 'checkpoint 7 is damaged' in caplog.text
  assert (tmp_path / 'damaged' / '7').is_dir()
  checkpoints.save(7, state(7), {})
  checkpoints.wait()
  assert checkpoints.steps() == [3, 7]


def damage(file, how):
  data = bytearray(file.read_bytes())
  if how == 'removed':
    file.unlink()
    return
  if how == 'flipped' and data:
    data[len(data) // 2] ^= 16
  if how == 'halved':
    data = data[:len(data) // 2]
  if how == 'emptied':
    data = b''
  file.write_bytes(bytes(data))


def test_one_flipped_bit_in_any_file_never_goes_unnoticed(tmp_path):
  """Either the state is what was saved, or the checkpoint is called damaged."""
  saved(tmp_path, 3).close()
  files = [f for f in (tmp_path / 'checkpoints' / '3').rglob('*')
           if f.is_file()]
  noticed = 0
  for file in files:
    whole = file.read_bytes()
    damage(file, 'flipped')
    reader = Checkpoints(tmp_path / 'checkpoints', read_only=True)
    try:
      assert equal(reader.choose(state(0)), state(3)), file
    except UserError as error:
      assert 'damaged' in str(error) or 'another model' in str(error) or (
          'no checkpoint' in str(error))
      noticed += 1
    finally:
      reader.close()
    file.write_bytes(whole)
  assert noticed > 0


def test_all_damaged_is_refused_at_every_start(tmp_path):
  saved(tmp_path, 3, 7).close()
  for file in (tmp_path / 'checkpoints').rglob('*'):
    if file.is_file():
      damage(file, 'halved')
  for _ in range(2):
    with pytest.raises(UserError, match='all 2 checkpoints .* are damaged'):
      Checkpoints(tmp_path / 'checkpoints').latest(state(0))
  assert Checkpoints(tmp_path / 'checkpoints').steps() == [3, 7]
  (tmp_path / 'checkpoints').rename(tmp_path / 'damaged')
  with pytest.raises(UserError, match='and damaged ones in'):
    Checkpoints(tmp_path / 'checkpoints').latest(state(0))


def test_a_flipped_bit_in_the_notes_falls_back(tmp_path):
  """In a name, where it would look like another model."""
  saved(tmp_path, 3, 7).close()
  file = tmp_path / 'checkpoints' / '7' / 'notes' / 'metadata'
  data = bytearray(file.read_bytes())
  data[data.find(b'/kernel') + 1] ^= 1
  file.write_bytes(data)
  assert Checkpoints(tmp_path / 'checkpoints').latest(state(0))[0] == 3


def test_a_folder_whose_number_is_not_its_step_is_damaged(tmp_path):
  saved(tmp_path, 3, 7).close()
  (tmp_path / 'checkpoints' / '7').rename(tmp_path / 'checkpoints' / '9')
  checkpoints = Checkpoints(tmp_path / 'checkpoints')
  with pytest.raises(UserError, match='holds the state of step 7'):
    checkpoints.choose(state(0), step=9)
  assert checkpoints.latest(state(0))[0] == 3


@pytest.mark.parametrize('error', [
    MemoryError(), PermissionError(errno.EACCES, 'Permission denied'),
    OSError(errno.EMFILE, 'Too many open files'),
    ValueError('DEADLINE_EXCEEDED: timed out'),
    jax.errors.JaxRuntimeError('Connection closed by peer')])
def test_a_restore_that_fails_for_another_reason_moves_nothing(
    tmp_path, monkeypatch, error):
  saved(tmp_path, 3, 7).close()
  checkpoints = Checkpoints(tmp_path / 'checkpoints')

  def fail(*_, **__):
    raise error

  monkeypatch.setattr(checkpoints._reader, 'restore', fail)
  with pytest.raises(type(error)):
    checkpoints.latest(state(0))
  assert checkpoints.steps() == [3, 7]
  assert not (tmp_path / 'damaged').exists()


def test_all_processes_restore_the_step_of_the_first(tmp_path, monkeypatch):
  saved(tmp_path, 3, 7).close()
  checkpoints = Checkpoints(tmp_path / 'checkpoints')
  second = processes.Group(None, 1, 1)
  monkeypatch.setattr(processes, 'group', lambda: second)
  monkeypatch.setattr(second, 'said', lambda step: 3)
  assert checkpoints._agreed(state(0))[0] == 3
  for file in (tmp_path / 'checkpoints' / '3').rglob('*'):
    if file.is_file():
      damage(file, 'halved')
  with pytest.raises(UserError, match='process 1 .* cannot read what process'):
    checkpoints._agreed(state(0))
  assert not (tmp_path / 'damaged').exists()


def test_a_checkpoint_with_work_due_is_replaced_when_it_is_done(tmp_path):
  """The one before stays until then."""
  checkpoints = Checkpoints(tmp_path / 'checkpoints', keep=1)
  checkpoints.save(3, state(3), {})
  checkpoints.save(7, state(7), {'due': True})
  checkpoints.wait()
  assert checkpoints.steps() == [3, 7]
  checkpoints.close()
  checkpoints = Checkpoints(tmp_path / 'checkpoints', keep=1)
  assert checkpoints.latest(state(0))[2]['due']
  checkpoints.save(7, state(7, fill=9.), {'due': False})
  checkpoints.wait()
  assert checkpoints.steps() == [7]
  _, found, notes = checkpoints.latest(state(0))
  assert equal(found, state(7, fill=9.)) and not notes['due']


def test_an_unfinished_save_is_ignored(tmp_path):
  """What kill -9 leaves behind: a folder under its temporary name."""
  saved(tmp_path, 3).close()
  half = tmp_path / 'checkpoints' / '7.orbax-checkpoint-tmp'
  half.mkdir()
  (half / 'state').write_text('half')
  assert Checkpoints(tmp_path / 'checkpoints').latest(state(0))[0] == 3


def test_another_model_is_named_by_leaf_and_both_shapes(tmp_path):
  checkpoints = saved(tmp_path, 3)
  other = state(0)
  other.gen.params['conv']['kernel'] = np.zeros((3, 6), np.float32)
  with pytest.raises(UserError, match=r'params/conv/kernel is .*\[3, 5\].*'
                     r'\[3, 6\]'):
    checkpoints.latest(other)
  other.gen.params['conv']['kernel'] = np.zeros((3, 5), np.float16)
  with pytest.raises(UserError, match='float32.*float16'):
    checkpoints.latest(other)


def test_a_state_that_is_not_finite_is_not_saved(tmp_path):
  checkpoints = saved(tmp_path, 3)
  bad = state(7)
  bad.gen.params['bias'][2] = np.nan
  with pytest.raises(Stopped, match='params/bias is not finite at step 7'):
    checkpoints.save(7, bad, {})
  assert checkpoints.steps() == [3]


def test_a_missing_step_names_those_there_are(tmp_path):
  checkpoints = saved(tmp_path, 3, 7)
  with pytest.raises(UserError, match='no checkpoint of step 5 .* 3, 7'):
    checkpoints.choose(state(0), step=5)
  assert pathlib.Path(tmp_path / 'checkpoints' / '3').exists()
