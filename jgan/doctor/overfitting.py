"""D has memorised its training images.

Seen only with the probe held_out (config.eval.probes), which has images that D
is not trained on.
"""
import numpy as np

from jgan.doctor._history import Finding


def examine(history, *, most=.5, errors=2., times=2):
  """History -> Finding or None.

  Args:
    most: of the probe's `overfitting`: held-out images are half-way to fakes.
      Karras et al. (2020) begin to augment at .6 of a similar figure.
    errors: by so many standard errors it has to be above that.
    times: measurements in a row.
  """
  name = 'probe/held_out/'
  _, values = history.series(name + 'overfitting', times)
  _, deviations = history.series(name + 'overfitting_error', times)
  if len(values) < times or np.min(values - errors * deviations) < most:
    return None
  real, held_out, fake = (history.series(name + side, 1)[1][-1]
                          for side in ('real', 'held_out', 'fake'))
  return Finding(
      f"D's mean output is {real:.3g} for training images, {held_out:.3g} for "
      f'held-out ones and {fake:.3g} for generated ones: {values[-1]:.2g} of '
      f'the way, {most:g} would be too far',
      "--config.augment=\"({'name':'diffaugment'},)\" or ada, made for few "
      f'images; more images; lower {history.of("optimizer.disc.lr")}')
