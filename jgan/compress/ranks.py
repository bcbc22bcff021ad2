"""Which layers of a network to factor, and with which ranks.

By rules on names (`resolve`), or from the scores of trials, one layer at a
time (compress/sensitivity.py): `by_penalty` and `by_budget`.
"""
import math
import re

import numpy as np
from flax.traverse_util import flatten_dict

from jgan import lookup
from jgan.compress.forms import form
from jgan.errors import UserError

_HOW = ('rank', 'ratio', 'energy')


def listing(params):
  """{path: shape of the kernel} of all layers with one, in order.

  A kernel is [c, t] of a dense layer, [kh, kw, c, t] of a convolution.
  """
  return {name.removesuffix('/kernel'): tuple(value.shape)
          for name, value in flatten_dict(params, sep='/').items()
          if name.endswith('/kernel') and value.ndim in (2, 4)}


def resolve(params, rules):
  """The layers that rules pick, as layers/factored.py takes them.

  Args:
    params: nested dict of a network's parameters.
    rules: of {'match': regular expression, 'form': 'cp' | 'tucker' | 'svd',
      one of
        'rank': given, a pair for tucker;
        'ratio': the largest rank at which the layer has so many times fewer
          parameters, bias included (musco's ratio, R = ratio prod(shape) /
          sum(shape), is the inverse of this one);
        'energy': the smallest rank that keeps this share of the kernel's
          squared singular values, in (0, 1]; for cp see compress/cp.py;
      and optionally 'way'}. A layer belongs to the first rule whose pattern
      is found in its path.

  Returns:
    {path: {'form', 'rank'[, 'way']}}, in the order of the network.

  Raises:
    UserError: a rule is wrong, matches no layer, does not fit one, or asks
      for what no rank gives.
  """
  shapes = listing(params)
  flat = flatten_dict(params, sep='/')
  layers = {}
  for i, rule in enumerate(rules):
    how = _check(i, rule)
    pattern = _pattern(f'rule {i}', rule['match'])
    matched = [path for path in shapes if pattern.search(path)]
    if not matched:
      raise UserError(f"rule {i} matches no layer with '{rule['match']}': "
                      f"{lookup.nearest(rule['match'], shapes)}")
    for path in matched:
      if path in layers:
        continue
      try:
        kind = form(rule['form'], shapes[path])
        rank = _RANKS[how](kind, flat[f'{path}/kernel'], rule[how],
                           np.size(flat.get(f'{path}/bias', ())))
      except UserError as error:
        raise UserError(f"rule {i}, layer '{path}': {error}") from error
      layers[path] = {'form': rule['form'], 'rank': rank} | (
          {'way': rule['way']} if 'way' in rule else {})
  return {path: layers[path] for path in shapes if path in layers}


def matching(params, match):
  """{path: kernel shape} of the layers whose path has a match of `match`.

  Raises:
    UserError: there is none.
  """
  shapes = listing(params)
  pattern = _pattern('the choice of layers', match)
  found = {path: shape for path, shape in shapes.items()
           if pattern.search(path)}
  if not found:
    raise UserError(f"no layer matches '{match}': "
                    f'{lookup.nearest(match, shapes)}')
  return found


def by_penalty(base, rows, *, penalty):
  """Adaptive rank decomposition (Pulakurthi et al., IEEE Access).

  Each layer takes the rank R with the least score(R) (1 + P (1 - C_R)), where
  C_R is the share of its parameters that R removes; or stays as it is, which
  costs base (1 + P).

  Args:
    base: score of the network as it is; lower is better, positive.
    rows: Row of compress/sensitivity.py, any order.
    penalty: P >= 0 on what is kept; 0 asks for quality alone.

  Returns:
    {path: {'form', 'rank'}} of the layers to factor.
  """
  layers = {}
  costs = {}
  for row in rows:
    cost = row.score * (1 + penalty * (1 - row.removed / row.params))
    if cost < costs.get(row.layer, base * (1 + penalty)):
      costs[row.layer] = cost
      layers[row.layer] = {'form': row.form, 'rank': row.rank}
  return layers


def by_budget(base, rows, *, budget):
  """Greedily the most parameters removed for a given rise of the score.

  The rises of single layers are taken to add up. Trials are tried in the
  order of rise per parameter removed; each is accepted if its layer is still
  free and the predicted total stays within the budget.

  Args:
    base: score of the network as it is; lower is better.
    rows: Row of compress/sensitivity.py.
    budget: the allowed rise.

  Returns:
    {path: {'form', 'rank'}} of the layers to factor, and the predicted rise.
  """
  layers, total = {}, 0.
  useful = [row for row in rows if row.removed > 0]
  for row in sorted(useful, key=lambda row: _price(row, base)):
    # A trial that scored better than no change was lucky: it earns nothing.
    rise = max(row.score - base, 0.)
    if row.layer not in layers and total + rise <= budget:
      layers[row.layer] = {'form': row.form, 'rank': row.rank}
      total += rise
  return layers, total


def _price(row, base):
  """Rise per parameter removed; what is free goes by what it removes."""
  return max(row.score - base, 0.) / row.removed, -row.removed


def _given(kind, kernel, rank, bias):
  """The rank itself, as the layer takes it."""
  del kind, kernel, bias
  return tuple(rank) if isinstance(rank, (list, tuple)) else rank


def _of_ratio(kind, kernel, ratio, bias):
  """The largest rank that leaves 1 / ratio of the layer's parameters."""
  before = kernel.size + bias
  after = {rank: kind.size(kernel.shape, rank) + bias
           for rank in kind.ladder(kernel.shape)}
  fit = [rank for rank, numbers in after.items() if numbers * ratio <= before]
  if not fit:
    most = before / min(after.values()) if after else 1.
    raise UserError(f'no rank makes it {ratio:g} times smaller: at most '
                    f'{most:.2f} times')
  return fit[-1]


def _of_energy(kind, kernel, share, bias):
  """The smallest rank that keeps this share."""
  del bias
  if not 0 < share <= 1:
    raise UserError(f'energy is {share}: it must be in (0, 1]')
  return kind.energy(kernel, share)


_RANKS = {'rank': _given, 'ratio': _of_ratio, 'energy': _of_energy}


def _check(i, rule):
  """The one of 'rank', 'ratio' and 'energy' that the rule has."""
  known = ('match', 'form', 'way', *_HOW)
  for key in rule:
    if key not in known:
      raise UserError(f"rule {i} has an unknown key '{key}': "
                      f'{lookup.nearest(key, known)}')
  how = [key for key in _HOW if key in rule]
  if len(how) != 1 or 'match' not in rule or 'form' not in rule:
    raise UserError(f"rule {i} has the keys {', '.join(rule)}: 'match', "
                    f"'form' and one of {', '.join(_HOW)} are needed")
  if how != ['rank'] and not (isinstance(rule[how[0]], (int, float))
                              and math.isfinite(rule[how[0]])):
    raise UserError(f'rule {i}: {how[0]} is {rule[how[0]]!r}, a number is '
                    'needed')
  return how[0]


def _pattern(owner, match):
  """Compiles a regular expression of the user's."""
  try:
    return re.compile(match)
  except re.error as error:
    raise UserError(f"'{match}', the pattern of {owner}, is no regular "
                    f'expression: {error}') from error
