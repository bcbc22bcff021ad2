"""Mean 1-D power spectra of real and of generated images, as one PNG."""
import numpy as np

from jgan.errors import UserError
from jgan.report import figure


def draw(path, real, fake):
  """Plots both sets' mean profile in a band of one standard deviation.

  Args:
    path: of the PNG to write.
    real, fake: [n, bins], [m, bins], as metrics.spectrum.profiles gives.

  Raises:
    UserError: not two sets of profiles of one length.
  """
  real, fake = np.asarray(real), np.asarray(fake)
  if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
    raise UserError(f'profiles of shape {list(real.shape)} and '
                    f'{list(fake.shape)}; [n, bins] and [m, bins] would be '
                    'right')
  page = figure.new(5., 3.4)
  axes = page.add_subplot()
  figure.tidy(axes, 'mean power spectrum')
  frequency = np.linspace(0., 1., real.shape[1])
  for color, name, profiles in zip(figure.COLORS, ('real', 'generated'),
                                   (real, fake)):
    mean, std = profiles.mean(axis=0), profiles.std(axis=0)
    axes.plot(frequency, mean, color=color, linewidth=1.4, label=name)
    axes.fill_between(frequency, mean - std, mean + std, color=color,
                      alpha=.15, linewidth=0)
  axes.set_xlim(0., 1.)
  axes.set_xlabel('spatial frequency (of the highest)', fontsize=9,
                  color=figure.INK)
  axes.legend(fontsize=8, frameon=False, labelcolor=figure.INK)
  figure.save(path, page)
