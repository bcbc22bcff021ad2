"""Bar plot of the sensitivity of a score to compressing single layers."""
import math

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from jgan.errors import UserError
from jgan.report import figure

_HARMLESS, _HARMFUL = figure.COLORS[:2]


def draw(path, rows, *, base, budget=None, better='lower', metric='FID'):
  """Draws the sensitivity of layers (Pulakurthi et al., 2024, figure 3).

  Bars start at the score of the uncompressed network, so that their length is
  the change of the score. Bars of scores that are worse than the budget have
  another colour, as do the names of layers without a rank within it. A bar
  that exceeds the plot, or whose score is not finite, ends at its edge with an
  arrow. Every bar is labelled with its score. A budget that is far from all
  bars is outside of the plot, and in the legend with an arrow.

  Args:
    path: of the PNG to write.
    rows: (layer, rank, score) triples; layers are drawn in the order of their
      first appearance, with rising ranks.
    base: the score of the uncompressed network.
    budget: the worst acceptable score; None: all are acceptable.
    better: 'lower' or 'higher', of the score.
    metric: name of the score.

  Raises:
    UserError: no rows, two rows with the same layer and rank, or a base that
      is not finite.
  """
  scores = {}
  for layer, rank, score in rows:
    if (layer, rank) in scores:
      raise UserError(f"layer '{layer}' has two scores at rank {rank}: "
                      f'{scores[layer, rank]:g} and {score:g}; one would be '
                      'right')
    scores[layer, rank] = float(score)
  if not scores or not math.isfinite(base):
    raise UserError(f'{len(scores)} layers and a base of {base:g}: some rows '
                    'and a finite base would be right')
  layers = list(dict.fromkeys(layer for layer, _ in scores))
  ranks = sorted({rank for _, rank in scores})
  groups = {layer: [r for r in ranks if (layer, r) in scores]
            for layer in layers}
  bars_per_layer = max(map(len, groups.values()))
  sign = {'lower': 1., 'higher': -1.}[better]
  if budget is None:
    budget = sign * math.inf
  good = lambda score: sign * score <= sign * budget  # False if it is NaN
  low, high = sorted(sign * y for y in _frame(
      [sign * score for score in scores.values()], sign * base, sign * budget))
  worst = high if better == 'lower' else low

  inches = max(4., 1.2 + .22 * len(layers) * (bars_per_layer + .8))
  page = figure.new(inches, 3.8)
  axes = page.add_subplot()
  figure.tidy(axes, f'{metric} after compressing one layer alone')
  axes.grid(visible=False, axis='x')
  width = .84 / bars_per_layer
  for (layer, rank), score in scores.items():
    group = groups[layer]
    x = layers.index(layer) + (
        group.index(rank) - (len(group) - 1) / 2) * width
    shade = _shade(_HARMLESS if good(score) else _HARMFUL, ranks.index(rank),
                   len(ranks))
    end = float(np.clip(score, low, high)) if math.isfinite(score) else worst
    axes.bar(x, end - base, width * .92, bottom=base, color=shade)
    # The text is rotated, so that the arrow points up.
    arrow = ('' if sign * score <= sign * worst else ' \N{RIGHTWARDS ARROW}'
             if better == 'lower' else ' \N{LEFTWARDS ARROW}')
    axes.annotate(f'{score:#.4g}{arrow}', (x, max(end, base)), (0, 3),
                  textcoords='offset points', rotation=90, ha='center',
                  va='bottom', fontsize=7, color=figure.INK,
                  bbox={'facecolor': 'white', 'linewidth': 0, 'pad': .6})
  axes.axhline(base, color=figure.INK, linewidth=1.)
  handles = [Patch(color=_shade(_HARMLESS, i, len(ranks)), label=f'rank {rank}')
             for i, rank in enumerate(ranks)]
  handles.append(axes.plot([], [], color=figure.INK, linewidth=1.,
                           label=f'uncompressed: {base:#.4g}')[0])
  if math.isfinite(budget):
    line = dict(color=_HARMFUL, linewidth=1., linestyle='--',
                label=f'budget: {budget:#.4g}')
    if low <= budget <= high:
      handles.append(axes.axhline(budget, **line))
    else:
      line['label'] += (' \N{UPWARDS ARROW}' if better == 'lower'
                        else ' \N{DOWNWARDS ARROW}')
      handles.append(axes.plot([], [], **line)[0])
  axes.set_ylabel(metric, fontsize=9, color=figure.INK)
  # Leave space for the numbers above the bars.
  axes.set_ylim(low - .03 * (high - low), high + .3 * (high - low))
  axes.set_xlim(-.6, len(layers) - .4)
  axes.set_xticks(range(len(layers)), layers, rotation=45, ha='right',
                  rotation_mode='anchor')
  for name, text in zip(layers, axes.get_xticklabels()):
    if not any(good(scores[name, rank]) for rank in groups[name]):
      text.set_color(_HARMFUL)
  page.legend(handles=handles, loc='outside lower center',
              ncols=int(inches / 1.3), fontsize=8, frameon=False,
              labelcolor=figure.INK)
  figure.save(path, page)


def _frame(scores, base, budget):
  """The lowest and the highest score within the plot; lower is better.

  A very bad score must not flatten the other bars: the plot ends at four times
  the budget's distance from the base. Nor must a far budget: one that is as far
  above the bars as they reach, or farther, is not within.
  """
  finite = [s for s in scores if math.isfinite(s)]
  low, high = min([*finite, base]), max([*finite, base])
  if math.isfinite(budget) and (high == low or budget < 2 * high - low):
    high = max(min(high, base + 4 * (budget - base)), budget, base)
  return (low, high) if high > low else (base - 1., base + 1.)


def _shade(color, i, n):
  """The i-th of n shades of a colour, from light to the colour itself."""
  share = .35 + .65 * (i + 1) / n if n > 1 else 1.
  return tuple(1. - share * (1. - c) for c in to_rgb(color))
