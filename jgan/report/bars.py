"""What compressing one layer alone does to a score, as one PNG."""
import math

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from jgan.errors import UserError
from jgan.report import figure

_HARMLESS, _HARMFUL = figure.COLORS[:2]


def draw(path, rows, *, base, budget=math.inf, metric='FID'):
  """Draws the sensitivity of layers (Pulakurthi et al., 2024, figure 3).

  Bars start at the score of the uncompressed network, so that their length is
  the harm done. Bars above the budget have another colour, and so have the
  names of layers that no rank brings below it. A bar too long for the plot,
  or without a finite score, ends at its top, and an arrow says so; every bar
  bears its score.

  Args:
    path: of the PNG to write.
    rows: (layer, rank, score) triples; layers are drawn in the order in which
      they first appear, their ranks rising.
    base: the score of the uncompressed network.
    budget: the score above which a layer counts as harmed; lower is better.
    metric: what the score is called.

  Raises:
    UserError: no rows, a pair of layer and rank twice, or a base that is not
      finite.
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
  most = max(map(len, groups.values()))
  low, high = _frame([*scores.values()], base, budget)

  inches = max(4., 1.2 + .22 * len(layers) * (most + .8))
  page = figure.new(inches, 3.8)
  axes = page.add_subplot()
  figure.tidy(axes, f'{metric} after compressing one layer alone')
  axes.grid(visible=False, axis='x')
  width = .84 / most
  for (layer, rank), score in scores.items():
    group = groups[layer]
    x = layers.index(layer) + (
        group.index(rank) - (len(group) - 1) / 2) * width
    harmed = not score <= budget
    shade = _shade(_HARMFUL if harmed else _HARMLESS, ranks.index(rank),
                   len(ranks))
    end = float(np.clip(score, low, high)) if math.isfinite(score) else high
    axes.bar(x, end - base, width * .92, bottom=base, color=shade)
    # Turned with the number, the arrow points up.
    cut = ' \N{RIGHTWARDS ARROW}' if not score <= high else ''
    axes.annotate(f'{score:#.4g}{cut}', (x, max(end, base)), (0, 3),
                  textcoords='offset points', rotation=90, ha='center',
                  va='bottom', fontsize=7, color=figure.INK,
                  bbox={'facecolor': 'white', 'linewidth': 0, 'pad': .6})
  axes.axhline(base, color=figure.INK, linewidth=1.)
  handles = [Patch(color=_shade(_HARMLESS, i, len(ranks)), label=f'rank {rank}')
             for i, rank in enumerate(ranks)]
  handles.append(axes.plot([], [], color=figure.INK, linewidth=1.,
                           label=f'uncompressed: {base:#.4g}')[0])
  if math.isfinite(budget):
    handles.append(axes.axhline(budget, color=_HARMFUL, linewidth=1.,
                                linestyle='--', label=f'budget: {budget:#.4g}'))
  axes.set_ylabel(metric, fontsize=9, color=figure.INK)
  # The numbers above the bars need room.
  axes.set_ylim(low - .03 * (high - low), high + .3 * (high - low))
  axes.set_xlim(-.6, len(layers) - .4)
  axes.set_xticks(range(len(layers)), layers, rotation=45, ha='right',
                  rotation_mode='anchor')
  for name, text in zip(layers, axes.get_xticklabels()):
    if not any(scores[name, rank] <= budget for rank in groups[name]):
      text.set_color(_HARMFUL)
  page.legend(handles=handles, loc='outside lower center',
              ncols=int(inches / 1.3), fontsize=8, frameon=False,
              labelcolor=figure.INK)
  figure.save(path, page)


def _frame(scores, base, budget):
  """The lowest and the highest score that the plot shows in full.

  One ruined layer must leave the others' bars to be seen: nothing is shown
  beyond four times the budget's distance from the base.
  """
  finite = [s for s in scores if math.isfinite(s)]
  low, high = min([*finite, base]), max([*finite, base])
  if math.isfinite(budget):
    high = max(min(high, base + 4 * (budget - base)), budget, base)
  return (low, high) if high > low else (base - 1., base + 1.)


def _shade(color, i, n):
  """The i-th of n shades of a colour, from light to the colour itself."""
  share = .35 + .65 * (i + 1) / n if n > 1 else 1.
  return tuple(1. - share * (1. - c) for c in to_rgb(color))
