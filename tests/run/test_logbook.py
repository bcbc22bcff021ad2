"""The record of a run."""
import json

from jgan import config as configs
from jgan.run.logbook import Logbook, read

CONFIG = configs.complete(configs.base())


def test_records_come_back_and_fill_the_table(tmp_path):
  book = Logbook(tmp_path, 0, CONFIG)
  book.write(1, {'disc/loss': .5})
  book.write(2, {'disc/loss': .25, 'eval/fd_pixels': 3.})
  book.close()
  assert read(tmp_path) == [{'step': 1, 'disc/loss': .5},
                            {'step': 2, 'disc/loss': .25,
                             'eval/fd_pixels': 3.}]
  assert (tmp_path / 'metrics.csv').read_text() == (
      'step,disc/loss,eval/fd_pixels\n1,0.5,\n2,0.25,3.0\n')
  assert any((tmp_path / 'tensorboard').iterdir())


def test_going_on_drops_what_came_after_the_checkpoint(tmp_path):
  book = Logbook(tmp_path, 0, CONFIG)
  for step in (1, 2, 3):
    book.write(step, {'a': float(step)})
  book.close()
  with (tmp_path / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 4, "a"')  # cut off by a kill
  book = Logbook(tmp_path, 2, CONFIG)
  book.write(3, {'a': 30.})
  book.close()
  assert [r['a'] for r in read(tmp_path)] == [1., 2., 30.]


def test_a_record_is_in_the_file_when_write_returns(tmp_path):
  book = Logbook(tmp_path, 0, CONFIG)
  book.write(1, {'a': 1.})
  text = (tmp_path / 'metrics.jsonl').read_text()
  assert json.loads(text) == {'step': 1, 'a': 1.}
  book.close()
