"""Scatter plot of real and generated 2-D points, for data such as mixture."""
import numpy as np

from jgan.errors import UserError
from jgan.report import figure


def draw(path, real, fake, centers=()):
  """Plots generated points over real ones, and the modes of the data.

  The range of the plot is that of the real points and the modes; generated
  points outside of it, or not finite, are counted in the title.

  Args:
    path: of the PNG to write.
    real: [n, 2].
    fake: [m, 2].
    centers: [k, 2], the modes, if any.

  Raises:
    UserError: an array is not [n, 2] with n of 1 or more.
  """
  real, fake = np.asarray(real, float), np.asarray(fake, float)
  centers = np.asarray(centers, float).reshape(-1, 2)
  for name, points in (('real', real), ('generated', fake)):
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
      raise UserError(f'{name} points have shape {list(points.shape)}; [n, 2] '
                      'with n of 1 or more would be right')
  frame = np.concatenate([real, centers])
  middle = (frame.max(0) + frame.min(0)) / 2.
  reach = (frame.max(0) - frame.min(0)).max() * .6 or 1.
  inside = (np.abs(fake - middle) <= reach).all(axis=1)
  outside = np.sum(~inside)

  page = figure.new(5., 5.2)
  axes = page.add_subplot()
  figure.tidy(axes, f'{outside} of {len(fake)} generated points lie outside'
              if outside else '')
  axes.scatter(*real.T, s=9, color=figure.COLORS[0], alpha=.35, linewidths=0,
               label='real')
  axes.scatter(*fake[inside].T, s=9, color=figure.COLORS[1], alpha=.6,
               linewidths=0, label='generated')
  axes.scatter(*centers.T, s=60, color='black', marker='+', linewidths=1.2,
               label='mode' if len(centers) else None)
  axes.set_xlim(middle[0] - reach, middle[0] + reach)
  axes.set_ylim(middle[1] - reach, middle[1] + reach)
  axes.set_aspect('equal')
  legend = page.legend(loc='outside lower center', ncols=3, fontsize=9,
                       frameon=False, labelcolor=figure.INK, markerscale=1.5)
  for handle in legend.legend_handles:
    handle.set_alpha(1.)
  figure.save(path, page)
