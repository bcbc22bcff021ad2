"""Plot of the energy of generated images by frequency band during training.

A panel for each band of metrics/spectrum_bands.py, a line for each run.
"""
import itertools

from matplotlib.ticker import EngFormatter, MaxNLocator

from jgan.errors import UserError
from jgan.report import figure


def draw(path, runs):
  """Plots the energy relative to that of real images over training steps.

  The scale is logarithmic, with a dashed line at 1. An energy of zero leaves a
  gap.

  Args:
    path: of the PNG to write.
    runs: {run: {band: {step: ratio}}}, all with the same bands; a run has one
      colour in all panels.

  Raises:
    UserError: nothing to draw.
  """
  bands = list(next(iter(runs.values()), ()))
  if not bands:
    raise UserError("no frequency bands to draw: runs that score the metric "
                    "'spectrum_bands' would be right")
  page = figure.new(3.2 * len(bands), 3.)
  axes = None
  for i, band in enumerate(bands):
    axes = page.add_subplot(1, len(bands), i + 1, sharey=axes)
    figure.tidy(axes, f'{band} frequencies')
    axes.axhline(1., color=figure.INK, linewidth=.8, linestyle='--')
    for color, (name, energies) in zip(itertools.cycle(figure.COLORS),
                                       runs.items()):
      steps = sorted(energies[band])
      axes.plot(steps, [energies[band][s] or float('nan') for s in steps],
                color=color, linewidth=1.4, label=figure.letters(name),
                marker='o' if len(steps) <= 30 else None, markersize=3)
    axes.set_yscale('log', base=2)
    axes.yaxis.set_major_formatter('{x:.3g}')
    axes.tick_params(labelleft=i == 0)  # all panels share the scale
    axes.xaxis.set_major_formatter(EngFormatter(sep=''))
    axes.xaxis.set_major_locator(
        MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel('step', fontsize=9, color=figure.INK)
    if i == 0:
      axes.set_ylabel('energy (of the reals)', fontsize=9, color=figure.INK)
      axes.legend(fontsize=8, frameon=False, labelcolor=figure.INK)
  figure.save(path, page)
