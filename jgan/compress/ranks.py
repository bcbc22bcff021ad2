"""Selection of the layers to factor and of their ranks.

By rules on the names of layers (`resolve`), or from the sensitivity of single
layers (compress/sensitivity.py): `by_penalty` and `by_budget`.
"""
import logging
import math
import re

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from jgan import lookup
from jgan.compress.fitting import form
from jgan.errors import UserError
from jgan.layers import factored

log = logging.getLogger(__name__)

_CRITERIA = ('rank', 'ratio', 'energy')


def listing(params):
  """{path: kernel shape} of all layers with a kernel, in order.

  The shape is [c, t] of a dense layer, [kh, kw, c, t] of a convolution.
  """
  return {name.removesuffix('/kernel'): tuple(value.shape)
          for name, value in flatten_dict(params, sep='/').items()
          if name.endswith('/kernel') and value.ndim in (2, 4)}


def check(rules):
  """Refuses rules that no network could follow.

  rules: as in `resolve`.

  Raises:
    UserError: a key, pattern, form, rank or way is wrong.
  """
  for i, rule in enumerate(rules):
    _check_keys(i, rule)
    _pattern(f'rule {i}', rule['match'])
    rank = rule.get('rank', (1, 1) if rule['form'] == 'tucker' else 1)
    try:
      factored.checked('', {'form': rule['form'], 'rank': rank,
                            'way': rule.get('way', factored.WAYS[0])})
    except UserError as error:
      said = str(error).removeprefix("layer '': ")
      raise UserError(f'rule {i}: {said}') from error


def resolve(params, rules):
  """The layers that rules select, in the format of layers/factored.py.

  A layer that its rule would not make smaller is left as it is, and the log
  says so.

  Args:
    params: nested dict of a network's parameters. Their shapes are enough to
      check the rules; then the rank of a rule with 'energy' is None.
    rules: list of {'match': regular expression, 'form': 'cp' | 'tucker' |
      'svd', one of
        'rank': the rank itself, a pair for tucker;
        'ratio': compression ratio of the layer's parameter count, including
          the bias: the largest rank that reaches it is taken (musco's ratio,
          R = ratio prod(shape) / sum(shape), is the inverse of this one);
        'energy': fraction of the kernel's squared singular values, in (0, 1]:
          the smallest rank that keeps it is taken; for cp see
          compress/forms/cp.py;
      and optionally 'way'}. A layer belongs to the first rule whose expression
      matches its path.

  Returns:
    {path: {'form', 'rank'[, 'way']}}, in the order of the network.

  Raises:
    UserError: a rule is malformed, matches no layer, has a form that does not
      fit a layer, or a value that no rank reaches; or no rule makes a layer
      smaller.
  """
  shapes = listing(params)
  flat = flatten_dict(params, sep='/')
  check(rules)
  first = {}
  for i, rule in enumerate(rules):
    pattern = _pattern(f'rule {i}', rule['match'])
    matched = [path for path in shapes if pattern.search(path)]
    if not matched:
      raise UserError(f"rule {i} matches no layer with '{rule['match']}': "
                      f"{lookup.nearest(rule['match'], shapes)}")
    for path in matched:
      first.setdefault(path, (i, rule))
  layers = {}
  for path in [path for path in shapes if path in first]:
    i, rule = first[path]
    try:
      options = _options(path, flat[f'{path}/kernel'],
                         np.size(flat.get(f'{path}/bias', ())), rule)
    except UserError as error:
      raise UserError(f"rule {i}, layer '{path}': {error}") from error
    if options:
      layers[path] = options
  if first and not layers:
    raise UserError(f'the rules make none of {", ".join(first)} smaller: lower '
                    'ranks would')
  return layers


def _options(path, kernel, bias, rule):
  """What a rule does to one layer: {'form', 'rank'[, 'way']}.

  None if the layer would not become smaller; the log says so.
  """
  kind = form(rule['form'], kernel.shape)
  criterion, = [key for key in _CRITERIA if key in rule]
  rank = _RANKS[criterion](kind, kernel, rule[criterion], bias)
  options = {'form': rule['form'], 'rank': rank} | (
      {'way': rule['way']} if 'way' in rule else {})
  if rank is None:
    return options
  before = math.prod(kernel.shape) + bias
  after = kind.size(kernel.shape, rank) + bias
  if after >= before:
    log.warning('%s is left as it is: rank %s would turn its %s parameters '
                'into %s', path, rank, f'{before:,}', f'{after:,}')
    return None
  kind.check(kernel.shape, rank)
  return options


def matching(params, match):
  """{path: kernel shape} of the layers whose path matches the expression.

  Raises:
    UserError: no path does, or `match` is not a regular expression.
  """
  shapes = listing(params)
  pattern = _pattern('the choice of layers', match)
  selected = {path: shape for path, shape in shapes.items()
              if pattern.search(path)}
  if not selected:
    raise UserError(f"no layer matches '{match}': "
                    f'{lookup.nearest(match, shapes)}')
  return selected


def by_penalty(base, rows, *, penalty, better='lower'):
  """Adaptive rank decomposition (Pulakurthi et al., IEEE Access).

  Each layer gets the rank R that minimizes score(R) (1 + P (1 - C_R)), where
  C_R is the fraction of its parameters that R removes. It is not factored if
  no rank costs less than base (1 + P). Where the higher score is better, R
  maximizes score(R) / (1 + P (1 - C_R)) instead.

  Args:
    base: score of the unchanged network, positive.
    rows: list of Row of compress/sensitivity.py, in any order.
    penalty: P >= 0, on the remaining parameters; 0 goes by the score alone.
    better: 'lower' or 'higher', of the score.

  Returns:
    {path: {'form', 'rank'}} of the layers to factor.
  """
  layers = {}
  costs = {}
  cost_of = {
      'lower': lambda score, left: score * (1 + penalty * left),
      'higher': lambda score, left: -score / (1 + penalty * left)}[better]
  for row in rows:
    cost = cost_of(row.score, 1 - row.removed / row.params)
    if cost < costs.get(row.layer, cost_of(base, 1)):
      costs[row.layer] = cost
      layers[row.layer] = {'form': row.form, 'rank': row.rank}
  return layers


def by_budget(base, rows, *, budget, better='lower'):
  """Greedy choice of ranks that removes parameters within a score budget.

  What single layers harm the score is assumed to add up. Rows are visited in
  the order of harm per removed parameter; each is accepted if its layer has no
  rank yet and the predicted total stays within the budget.

  Args:
    base: score of the unchanged network.
    rows: list of Row of compress/sensitivity.py.
    budget: how much worse the score may become.
    better: 'lower' or 'higher', of the score.

  Returns:
    {path: {'form', 'rank'}} of the layers to factor, and by how much the score
    is predicted to become worse.
  """
  sign = {'lower': 1., 'higher': -1.}[better]
  # A score better than that of the unchanged network is noise: it is counted
  # as equal.
  harm = lambda row: max(sign * (row.score - base), 0.)
  price = lambda row: (harm(row) / row.removed, -row.removed)
  layers, total = {}, 0.
  useful = [row for row in rows
            if row.removed > 0 and not math.isnan(row.score)]
  for row in sorted(useful, key=price):
    if row.layer not in layers and total + harm(row) <= budget:
      layers[row.layer] = {'form': row.form, 'rank': row.rank}
      total += harm(row)
  return layers, total


def _of_rank(kind, kernel, rank, bias):
  """The rank itself, hashable."""
  del kind, kernel, bias
  return tuple(rank) if isinstance(rank, (list, tuple)) else rank


def _of_ratio(kind, kernel, ratio, bias):
  """The largest rank that leaves 1 / ratio of the layer's parameters."""
  before = kernel.size + bias
  after = {rank: kind.size(kernel.shape, rank) + bias
           for rank in kind.ladder(kernel.shape)}
  candidates = [rank for rank, size in after.items() if size * ratio <= before]
  if not candidates:
    largest = before / min(after.values()) if after else 1.
    raise UserError(f'no rank makes it {ratio:g} times smaller: at most '
                    f'{largest:.2f} times')
  return candidates[-1]


def _of_energy(kind, kernel, share, bias):
  """The smallest rank that keeps this share of the kernel's energy.

  None if only the kernel's shape is known.
  """
  del bias
  if not 0 < share <= 1:
    raise UserError(f'energy is {share}: it must be in (0, 1]')
  if isinstance(kernel, jax.ShapeDtypeStruct):
    return None
  return kind.energy(kernel, share)


_RANKS = {'rank': _of_rank, 'ratio': _of_ratio, 'energy': _of_energy}


def _check_keys(i, rule):
  """Refuses a rule with unknown, missing or contradicting keys."""
  if not hasattr(rule, 'keys'):
    raise UserError(f"rule {i} is {rule!r}: {{'match': ..., 'form': ..., "
                    "'rank': ...} would be right")
  known_keys = ('match', 'form', 'way', *_CRITERIA)
  for key in rule:
    if key not in known_keys:
      raise UserError(f"rule {i} has an unknown key '{key}': "
                      f'{lookup.nearest(key, known_keys)}')
  criteria = [key for key in _CRITERIA if key in rule]
  if len(criteria) != 1 or 'match' not in rule or 'form' not in rule:
    raise UserError(f"rule {i} has the keys {', '.join(rule)}: 'match', "
                    f"'form' and one of {', '.join(_CRITERIA)} are needed")
  criterion, = criteria
  value = rule[criterion]
  if criterion != 'rank' and not (isinstance(value, (int, float))
                                  and math.isfinite(value)):
    raise UserError(f'rule {i}: {criterion} is {value!r}, a number is needed')


def _pattern(owner, match):
  """Compiles a regular expression; `owner` says where the user wrote it."""
  try:
    return re.compile(match)
  except (re.error, TypeError) as error:
    raise UserError(f"'{match}', the pattern of {owner}, is no regular "
                    f'expression: {error}') from error
