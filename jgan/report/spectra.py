"""Plot of the mean 1-D power spectra of real and generated images."""
import itertools

import numpy as np

from jgan.errors import UserError
from jgan.report import figure


def draw(path, sets):
  """Plots the mean profile of each set, with a band of one standard deviation.

  As figure 10 of Durall et al. (2021), which compares several generators with
  the real images.

  Args:
    path: of the PNG to write.
    sets: {label: [n, bins] from metrics.spectrum.profiles}.

  Raises:
    UserError: no sets, or profiles of different lengths.
  """
  sets = {name: np.asarray(profiles) for name, profiles in sets.items()}
  shapes = [x.shape for x in sets.values()]
  if not sets or any(len(s) != 2 or s[1] != shapes[0][1] for s in shapes):
    raise UserError('profiles of shape '
                    f'{" and ".join(str([*s]) for s in shapes) or "none"}; '
                    '[n, bins] and [m, bins] would be right')
  page = figure.new(5., 3.4)
  axes = page.add_subplot()
  figure.tidy(axes, 'mean power spectrum')
  frequency = np.linspace(0., 1., shapes[0][1])
  for color, (name, profiles) in zip(itertools.cycle(figure.COLORS),
                                     sets.items()):
    mean, std = profiles.mean(axis=0), profiles.std(axis=0)
    axes.plot(frequency, mean, color=color, linewidth=1.4,
              label=figure.letters(name))
    axes.fill_between(frequency, mean - std, mean + std, color=color,
                      alpha=.15, linewidth=0)
  axes.set_xlim(0., 1.)
  axes.set_xlabel('spatial frequency (of the highest)', fontsize=9,
                  color=figure.INK)
  axes.legend(fontsize=8, frameon=False, labelcolor=figure.INK)
  figure.save(path, page)
