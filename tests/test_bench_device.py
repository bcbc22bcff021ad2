"""The check of a GPU, on a CPU: its order, its deadline and its files."""
import importlib.util
import json

import numpy as np
import pytest

from bench import (
    device,
    device_folder,
    device_rows,
    device_seeds,
    device_torch,
)
from bench.device_report import Absent, Report, Row, follow
from jgan import config as configs


class Clock:
  """A clock that moves by itself only."""

  def __init__(self):
    self.now = 100.

  def __call__(self):
    return self.now

  def takes(self, seconds, **values):
    """The `measure` of a row that takes so long."""
    def measure(left):
      del left
      self.now += seconds
      yield values
    return measure


@pytest.fixture
def report(tmp_path):
  return Report(tmp_path / 'out' / 'device.json', {'device': 'a CPU'})


def written(report):
  """{row: status} of the file."""
  path = report._path
  assert path.with_suffix('.md').read_text() == report.table()
  return {row['row']: row['status']
          for row in json.loads(path.read_text())['rows']}


def test_rows_come_in_order_and_each_is_written_before_the_next(report):
  clock, seen = Clock(), []

  def looks(left):
    seen.append((left, written(report)))
    yield {'images_per_s': 1234.5, 'side': 'eager'}
    seen.append(written(report))
    yield {'status': 'failed', 'why': 'no compiler'}

  follow([Row('a', 5., clock.takes(7., mfu=.5)), Row('b', 5., looks)],
         report, 130., clock)
  assert seen == [(23., {'a': 'measured'}),
                  {'a': 'measured', 'b': 'measured'}]
  assert '| b | 1,234 |  |  |  |  |  |  | side eager |' in report.table()
  assert 'failed: no compiler' in report.table()


def test_a_row_that_fails_gives_its_reason_and_the_next_goes_on(report):
  clock = Clock()

  def fails(left):
    raise RuntimeError('RESOURCE_EXHAUSTED: Out of memory, 90 GiB\nand more')
    yield

  follow([Row('a', 1., fails), Row('b', 1., clock.takes(1.))], report, 130.,
         clock)
  assert written(report) == {'a': 'failed', 'b': 'measured'}
  assert report.rows[0]['why'] == (
      'RuntimeError: RESOURCE_EXHAUSTED: Out of memory, 90 GiB')


def test_rows_that_do_not_fit_are_skipped_and_leave_time_for_the_run(report):
  clock = Clock()
  follow([Row('net, tf32', 5., clock.takes(11.)),
          Row('net, float32', 5., clock.takes(11.)),  # took 11 before
          Row('other', 5., clock.takes(5.)),
          Row('run', 10., clock.takes(30.), kept=30.),
          Row('last', 1., clock.takes(1.))], report, 150., clock)
  assert written(report) == {
      'net, tf32': 'measured', 'net, float32': 'skipped', 'other': 'measured',
      'run': 'measured', 'last': 'measured'}
  assert report.rows[1]['why'] == 'it takes about 11 s, and 9 s are left for it'
  assert clock.now <= 150.


def test_without_pytorch_its_row_is_a_line(report, monkeypatch):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  rows = lambda left: device_torch.rows({}, left, cycle=1, least=1.,
                                        accelerated=False, speeds={})
  with pytest.raises(Absent, match='PyTorch is not installed'):
    next(rows(1.))
  follow([Row('in PyTorch', 1., rows)], report, 130., Clock())
  assert report.rows == [{'row': 'in PyTorch', 'status': 'skipped',
                          'why': 'PyTorch is not installed'}]


def test_a_model_that_pytorchs_side_lacks_is_a_line():
  with pytest.raises(Absent, match=r'bench/pytorch has no r3gan|not installed'):
    next(device_torch.rows({'generator': {'name': 'r3gan'}}, 1., cycle=1,
                           least=1., accelerated=False, speeds={}))


def test_the_folder_keeps_images_to_the_bit(tmp_path):
  assert device_folder.images(tmp_path) is None
  images = np.random.default_rng(0).integers(0, 256, (200, 32, 32, 3), np.uint8)
  device_folder.save(tmp_path / 'images.webp', images)
  np.testing.assert_array_equal(device_folder.images(tmp_path), images)


def test_losses_beside_those_of_the_folder_may_differ_by_a_thousandth(
    monkeypatch):
  monkeypatch.setattr(device_rows, 'losses', lambda: {'disc/loss': [2., 1.]})
  (values,) = device_rows.check({'disc/loss': [2.001, 1.]})
  assert values['agrees_to'] == pytest.approx(.0005, rel=1e-2)
  for other in [2., 1.01], [2., float('nan')]:
    with pytest.raises(ValueError, match='disc/loss of three steps'):
      next(device_rows.check({'disc/loss': other}))
  with pytest.raises(ValueError, match='make device-folder'):
    next(device_rows.check(None))


def test_all_rows_have_configs_and_the_run_is_kept_half_of_the_time(tmp_path):
  options = device.parse(['--out', str(tmp_path / 'device.json')])
  rows = device.plan(options, tmp_path)
  assert [row.name for row in rows[:2]] == ['peaks', 'check']
  assert sum(row.kept for row in rows) == 180.
  options = device.parse(['--out', 'x.json', '--smallest', '--rows',
                          'sngan-32'])
  assert [row.name for row in device.plan(options, tmp_path)] == [
      'sngan-32, tf32', 'sngan-32, bfloat16', 'sngan-32, float32',
      'sngan-32 in PyTorch']


def test_pytorch_gets_the_operations_of_a_genotype_and_not_its_name(
    tmp_path, monkeypatch):
  seen = []
  monkeypatch.setattr(device_torch, 'rows',
                      lambda config, *_, **__: seen.append(config))
  options = device.parse(['--out', 'x.json', '--smallest', '--rows',
                          'mmd_nas-large'])
  device.plan(options, tmp_path)[-1].measure(1.)
  cells = seen[0]['generator']['genotype']
  assert len(cells) == 3 and all(
      isinstance(ops, list | tuple) for cell in cells for ops in cell.values())


@pytest.mark.long
def test_runs_in_one_program_are_timed_beside_one_run():
  one, eight = device_seeds.rows(smallest=True)
  assert (one['runs'], one['times_one'], eight['runs']) == (1, 1., 8)
  assert eight['images_per_s'] == pytest.approx(
      8 * 16 * 1000 / eight['ms_per_step'])


def test_peaks_and_a_training_row_are_measured_in_the_smallest_size(report):
  sizes, peak = device_rows.Sizes(smallest=True), {}
  c = configs.base()
  c.data = {'name': 'mixture'}
  c.generator = {'name': 'mlp', 'width': 8}
  c.discriminator = {'name': 'mlp', 'width': 8}
  source = np.zeros((32, 1, 1, 2), np.float32)
  config = device_rows.alone(c, sizes)
  follow([Row('peaks', 1., lambda left: device_rows.peaks(sizes, peak)),
          Row('net', 1., lambda left: device_rows.train(
              config, source, 'float32', sizes, peak))], report, 1e9)
  assert written(report) == {'peaks': 'measured', 'net': 'measured'}
  net = report.rows[1]
  assert net['images_per_s'] == pytest.approx(4000 / net['ms_per_step'])
  assert net['mfu'] == pytest.approx(
      1e12 * net['tflop_per_s'] / peak['float32'])
