"""G's images become alike: mode collapse.

Read from the images of fixed noise that the doctor looks at, by G as it is
trained: its average, which scores and samples show, follows later. The score
falls after that, and is not looked at.
"""
import numpy as np

from jgan.doctor._history import Finding

_MEASURES = {
    'doctor/diversity': 'are {} times as far apart as real ones',
    'doctor/nearest': 'have a nearest neighbour {} times as far away as real '
                      'ones'}


def examine(history, *, fall=.4, early=.75, deviations=6., looks=8, least=.3,
            alike=.05, times=2):
  """History -> Finding or None.

  Args:
    fall: a diversity below this part of the best one is a symptom. That of
      small networks on a few Gaussians, which chase modes, falls to .45.
    early, deviations, looks: so is one below `early` of the best one and as
      many standard deviations below the median of at least so many looks, by
      their median deviation. That of digits at 16 pixels stays within a tenth,
      so that a collapse is seen as it begins.
    least: of a best diversity, relative to real images. Below it G has not
      begun to make images, and what it makes then may change at once. What
      exceeds that of real images does not count.
    alike: a diversity below this means equal images, whatever it was before;
      those of an untrained G are, so it is a symptom after 4 `times` only.
    times: looks in a row, since G may jump from one kind of images to another.
      The best one has to have been seen as often.
  """
  for name, words in _MEASURES.items():
    steps, values = history.series(name)
    if len(values) < 2 * times:
      continue
    earlier, now = np.minimum(values[:-times], 1.), np.max(values[-times:])
    lasting = np.min(np.lib.stride_tricks.sliding_window_view(
        earlier, times), axis=1)
    best = np.argmax(lasting)
    usual = np.median(earlier)
    # Of a normal distribution, 1.4826 median deviations are a standard one.
    unusual = len(earlier) >= looks and now < usual - deviations * max(
        1.4826 * np.median(np.abs(earlier - usual)), .01)
    if lasting[best] >= least and (
        now < (early if unusual else fall) * lasting[best]):
      return Finding(
          f'the generated images {words.format(f"{now:.2g}")}, and were '
          f'{lasting[best]:.2g} at step {steps[best + times - 1]:,}',
          _advice(history))
    if len(values) >= 4 * times and np.max(values[-4 * times:]) < alike:
      return Finding(
          f'the generated images {words.format(f"{now:.2g}")} since step '
          f'{steps[-4 * times]:,}; above {alike:g} would be usual by now',
          _advice(history))
  return None


def _advice(history):
  return ('go on from a checkpoint before, with a lower '
          f'{history.of("optimizer.gen.lr")} and '
          f'{history.of("optimizer.disc.lr")}; more critics, '
          f'{history.of("critics")}, a larger {history.of("batch")} or '
          "--config.penalties=\"({'name':'r1'},)\" make it rarer")
