"""clu's writers as further places for the log."""
import sys
import types

import numpy as np
import pytest

from jgan.errors import UserError
from jgan.run import loop, writers
from jgan.run.logbook import read


class Noted:
  """A writer of clu that keeps what it is given."""
  made = ()

  def __init__(self, folder=''):
    self.folder, self.scalars, self.images = folder, [], []
    self.closed = False
    Noted.made = (*Noted.made, self)

  def write_scalars(self, step, scalars):
    self.scalars.append((step, dict(scalars)))

  def write_images(self, step, images):
    self.images.append((step, {k: v.shape for k, v in images.items()}))

  def close(self):
    self.closed = True


@pytest.fixture
def clu_writers(monkeypatch):
  """Stands in for clu.metric_writers, which needs TensorFlow."""
  import clu
  module = types.ModuleType('clu.metric_writers')
  module.SummaryWriter = module.LoggingWriter = Noted
  monkeypatch.setitem(sys.modules, 'clu.metric_writers', module)
  monkeypatch.setattr(clu, 'metric_writers', module, raising=False)
  monkeypatch.setattr(Noted, 'made', ())


def test_writers_get_what_the_log_gets(clu_writers, tiny, tmp_path):
  tiny.log.writers = ('summary', 'logging')
  loop.run(tiny, tmp_path)
  summary, logging = Noted.made
  assert summary.folder == str(tmp_path / 'clu')
  records = [{'step': step, **values} for step, values in summary.scalars
             if 'disc/loss' in values]
  assert records == read(tmp_path)
  assert any('speed/steps_per_second' in v for _, v in logging.scalars)
  assert [step for step, _ in summary.images] == [2, 4]
  (shape,) = summary.images[0][1].values()
  assert len(shape) == 4 and shape[0] == 1
  assert summary.closed and logging.closed
  assert all(np.isfinite(v) for _, s in summary.scalars for v in s.values())


def test_without_tensorflow_they_are_refused_before_anything_is_written(
    tiny, tmp_path):
  tiny.log.writers = ('summary',)
  with pytest.raises(UserError, match='need TensorFlow: .*or leave the list'):
    loop.run(tiny, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


def test_an_unknown_writer_is_refused():
  with pytest.raises(UserError, match="did you mean 'summary'"):
    writers.check(('sumary',))
