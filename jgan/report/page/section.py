"""What a page is made of: sections of tables, plots and pictures."""
import hashlib
import json
from typing import Any, NamedTuple

from jgan.report.table import Table


class Picture(NamedTuple):
  """An image in a page.

  Attributes:
    source: a data URI.
    text: what stands for the image where it is not seen.
    caption: below it.
    run: the run that it is of, which is hidden with it; '' for none.
    pixels: whether it is enlarged without interpolation.
  """
  source: str
  text: str
  caption: str = ''
  run: str = ''
  pixels: bool = False


class Grid(NamedTuple):
  """A table in a page.

  Attributes:
    table: Table.
    caption: what it is of; '' for none.
    by: what stands for a run, and is hidden with it: 'row', 'column' or ''.
  """
  table: Table
  caption: str = ''
  by: str = 'row'


class Film(NamedTuple):
  """Pictures of runs over the steps, of which a slider shows one.

  Attributes:
    frames: {run: [[step, Picture]]} with rising steps.
    caption: what they are of.
  """
  frames: dict
  caption: str = ''


class Folded(NamedTuple):
  """Text that is shown when its title is opened."""
  title: str
  text: str
  run: str = ''


class Section(NamedTuple):
  """A part of a page with a heading.

  Attributes:
    name: its anchor, a word.
    title: the heading.
    text: an introduction; '' for none.
    grids: tables.
    plots: figures of plots.py.
    pictures: a list of Picture.
    films: a list of Film.
    folded: a list of Folded.
    plots_first: whether plots stand above tables.
  """
  name: str
  title: str
  text: str = ''
  grids: tuple = ()
  plots: tuple = ()
  pictures: tuple = ()
  films: tuple = ()
  folded: tuple = ()
  plots_first: bool = False

  @property
  def is_empty(self):
    """Whether there is nothing under its heading."""
    return not (self.grids or self.plots or self.pictures or self.films
                or self.folded)

  @property
  def is_smooth(self):
    """Whether it has curves that may be smoothed."""
    return any(plot.get('smooth') for plot in self.plots)

  @property
  def mark(self):
    """A hash of what the section shows: eight hexadecimal digits."""
    return mark(self)


def mark(content: Any):
  """A hash of anything that JSON holds: eight hexadecimal digits."""
  return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]
