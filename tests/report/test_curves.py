"""Curves: what is plotted together, and what a run's log may contain."""
import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.report import curves

RECORDS = [{'step': s, 'disc/loss': 1. + s, 'gen/loss': 2., 'disc/real': 0.,
            'disc/fake': -1., 'lr': 1e-4, 'note': 'text', 'done': True}
           for s in range(4)] + [{'step': 4, 'fd_pixels': 3}]


def plots(page):
  return {axes.get_title(loc='left'): [line.get_label() for line in axes.lines]
          for axes in page.axes}


def test_losses_share_a_plot_and_stand_first(pages):
  curves.draw('x', RECORDS)
  found = plots(pages[0])
  assert list(found) == ['loss', 'fd_pixels', 'logits']
  assert found['loss'] == ['disc/loss', 'gen/loss']
  assert found['logits'] == ['disc/fake', 'disc/real']


def test_only_the_asked_keys_are_plotted(pages):
  curves.draw('x', RECORDS, keys=('fd_pixels', 'gen/loss'))
  assert list(plots(pages[0])) == ['gen/loss', 'fd_pixels']


def test_a_straight_line_is_left_out_if_the_config_decides_it(pages):
  records = [{'step': s, 'cost/flops': 3e9 * s, 'lr': 1e-4, 'gen/loss': 2.,
              'cost/flops_sparse': 3e9 * min(s, 5), 'gen/density': 1.,
              'schedule/alpha': s / 8} for s in range(1, 9)]
  curves.draw('x', records)
  assert list(plots(pages[0])) == ['gen/loss', 'cost/flops_sparse']
  curves.draw('x', records, keys=('lr',))
  assert list(plots(pages[1])) == ['lr']
  curves.draw('x', [{'step': s, 'lr': 1e-4} for s in range(3)])
  assert list(plots(pages[2])) == ['lr']


def test_a_resumed_run_counts_once_and_in_order(pages):
  curves.draw('x', [{'step': s, 'fid': v}
                    for s, v in ((1, 5.), (2, 6.), (3, 7.), (2, 8.))])
  line, = pages[0].axes[0].lines
  assert line.get_xdata().tolist() == [1, 2, 3]
  assert line.get_ydata().tolist() == [5., 8., 7.]


def test_values_that_are_not_finite_leave_a_gap_and_are_counted(pages):
  values = [1., float('nan'), 3., float('inf'), 5.]
  curves.draw('x', [{'step': s, 'fid': v} for s, v in enumerate(values)])
  axes = pages[0].axes[0]
  assert axes.get_title(loc='left') == 'fid (2 not finite)'
  np.testing.assert_array_equal(axes.lines[0].get_ydata(),
                                [1., np.nan, 3., np.nan, 5.])


def test_long_curves_are_drawn_with_their_running_mean(pages):
  values = np.tile([1., 3.], 100)
  curves.draw('x', [{'step': s, 'fid': v} for s, v in enumerate(values)])
  raw, mean = pages[0].axes[0].lines
  np.testing.assert_array_equal(raw.get_ydata(), values)
  np.testing.assert_allclose(mean.get_ydata()[5:-5], 2.)
  np.testing.assert_allclose(mean.get_ydata()[[0, -1]], 2., atol=.5)


def test_values_over_two_orders_of_magnitude_get_a_logarithmic_axis(pages):
  for values in ((1., 50.), (1., 500.), (-1., 500.)):
    curves.draw('x', [{'step': s, 'fid': v} for s, v in enumerate(values)])
  assert [p.axes[0].get_yscale() for p in pages] == ['linear', 'log', 'linear']


def test_the_same_records_make_the_same_bytes(tmp_path):
  for name in ('a.png', 'b.png'):
    curves.draw(tmp_path / name, RECORDS)
  first = (tmp_path / 'a.png').read_bytes()
  assert first == (tmp_path / 'b.png').read_bytes()
  assert np.asarray(Image.open(tmp_path / 'a.png')).std() > 0


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('records', [
    [{'step': 3, 'loss': 1.}],
    [{'step': 3, 'loss': float('nan')}],
    [{'step': 0, 'loss': 0.}, {'step': 1, 'loss': 1e30}],
])
def test_little_and_odd_records_can_be_drawn(tmp_path, records):
  curves.draw(tmp_path / 'a.png', records)
  assert (tmp_path / 'a.png').exists()


def test_nothing_to_plot_is_refused_with_the_known_keys():
  with pytest.raises(UserError, match=r"\['fd'\] in 5 records .*'fd_pixels'"):
    curves.draw('x', RECORDS, keys=('fd',))
  with pytest.raises(UserError, match='0 records'):
    curves.draw('x', [])
