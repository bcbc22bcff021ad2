"""Common style of jgan's plots, and writing them to PNG files.

Figures use matplotlib's object interface, because pyplot has global state and
could open a window.
"""
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jgan.report import grid

# Okabe & Ito's colours, which colour-blind readers can distinguish.
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
# For families of operations, of which a space may have more.
FAMILY_COLORS = (*COLORS, '#7F5539', '#B08968', '#4A3728')
INK = '#333333'
FAINT = '#DDDDDD'


def new(width, height):
  """An empty figure; width and height in inches."""
  return Figure(figsize=(width, height), dpi=110, facecolor='white',
                layout='constrained')


def tidy(axes, title):
  """Sets the title, and reduces the frame and the grid of a plot."""
  axes.set_title(title, loc='left', fontsize=10, color=INK)
  axes.spines[['top', 'right']].set_visible(False)
  axes.spines[['left', 'bottom']].set_color(INK)
  axes.tick_params(which='both', labelsize=8, colors=INK)
  axes.grid(color=FAINT, linewidth=.6)
  axes.set_axisbelow(True)


def letters(name):
  """A name of the user's, for matplotlib to draw as it stands.

  A legend leaves out one that begins with '_', and '$' begins a formula.
  """
  return (' ' if name.startswith('_') else '') + name.replace('$', r'\$')


def save(path, figure):
  """Writes the figure as a PNG whose bytes depend on the figure alone."""
  canvas = FigureCanvasAgg(figure)
  canvas.draw()
  grid.save_png(path, np.asarray(canvas.buffer_rgba())[..., :3].copy())
