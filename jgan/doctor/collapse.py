"""G's images become alike: mode collapse.

Read from the images of fixed noise that the doctor looks at, by G as it is
trained: its average, which scores and samples show, follows later. The score
falls after that, and is not looked at.
"""
import numpy as np

from jgan.doctor._history import Finding


def examine(history, *, fall=.5, least=.3, alike=.05, times=2):
  """History -> Finding or None.

  Args:
    fall: a diversity below this part of the best one is a symptom. In healthy
      runs of this repository it moves by a tenth or two.
    least: of a best diversity, relative to real images. Below it G has not
      begun to make images, and what it makes then may change at once.
    alike: a diversity below this means equal images, whatever it was before;
      those of an untrained G are, so that is a symptom after 2 `times` only.
    times: looks in a row, since G may jump from one kind of images to another.
      The best one has to have been seen as often.
  """
  for name, words in (('doctor/diversity', 'are {} times as far apart as real '
                       'ones'),
                      ('doctor/nearest', 'have a nearest neighbour {} times as '
                       'far away as real ones')):
    steps, values = history.series(name)
    if len(values) < 2 * times:
      continue
    now = np.max(values[-times:])
    lasting = np.min(np.lib.stride_tricks.sliding_window_view(
        values[:-times], times), axis=1)
    best = np.argmax(lasting)
    if lasting[best] >= least and now < fall * lasting[best]:
      return Finding(
          f'the generated images {words.format(f"{now:.2g}")}, and were '
          f'{lasting[best]:.2g} at step {steps[best]:,}', _advice(history))
    if np.max(values[-2 * times:]) < alike:
      return Finding(
          f'the generated images {words.format(f"{now:.2g}")} since step '
          f'{steps[-2 * times]:,}; above {alike:g} would be usual by now',
          _advice(history))
  return None


def _advice(history):
  return ('go on from a checkpoint before, with a lower '
          f'{history.of("optimizer.gen.lr")} and '
          f'{history.of("optimizer.disc.lr")}; more critics, '
          f'{history.of("critics")}, a larger {history.of("batch")} or '
          "--config.penalties=\"({'name':'r1'},)\" make it rarer")
