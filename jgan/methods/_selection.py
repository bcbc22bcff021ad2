"""Which individuals survive, by several costs; numpy on the host.

'fronts': non-dominated sorting of pairs of costs, front by front, as in EAGAN
(Ying et al., 2022). 'clusters': the rank by a Tchebycheff distance, with
diversity among the last survivors, as in SCGAN's published code.
"""
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist


def survivors(costs, count, rule):
  """The individuals that a rule selects, best first by the first cost.

  Those with a cost that is not finite survive only if there are too few others.

  Args:
    costs: [n, costs], lower is better.
    count: how many survive, at most n.
    rule: a name in RULES.

  Returns:
    [count] int indices.
  """
  costs = np.asarray(costs, np.float64)
  finite = np.isfinite(costs).all(1)
  sound, broken = np.flatnonzero(finite), np.flatnonzero(~finite)
  if len(sound) > count:
    sound = sound[RULES[rule](costs[sound], count)]
  sound = sound[np.argsort(costs[sound, 0], kind='stable')]
  return np.concatenate([sound, broken])[:count]


def fronts(costs):
  """The front of each individual: 0 for those that none dominates, then 1, ...

  costs: [n, costs]. One dominates another if no cost is higher and one is
    lower.

  Returns:
    [n] ints.
  """
  no_higher = (costs[:, None] <= costs[None]).all(-1)
  dominates = no_higher & ~no_higher.T
  front = np.full(len(costs), -1)
  while (front < 0).any():
    left = front < 0
    front[left & ~dominates[left].any(0)] = front.max() + 1
  return front


def by_fronts(costs, count):
  """The first individuals by their best front, then by the first cost.

  Each pair of the first cost and another one, or its negative, has fronts of
  its own: with the negatives, survivors differ in the other costs.
  """
  first = costs[:, 0]
  best = np.min([fronts(np.stack([first, sign * other], 1))
                 for other in costs.T[1:] for sign in (1, -1)], axis=0)
  return np.lexsort((first, best))[:count]


def tchebycheff(points):
  """Distances to the ideal point, the origin: the largest of the coordinates.

  points: [n, costs] of `normalised`.
  """
  return points.max(1)


def normalised(costs):
  """Each cost from 0, the lowest, to 1, the highest; 0 where all are equal."""
  low, high = costs.min(0), costs.max(0)
  return (costs - low) / np.where(high > low, high - low, 1.)


def by_clusters(costs, count):
  """The first individuals by Tchebycheff distance, the last quarter diverse.

  Of the last quarter and as many after it, clusters (Ward's, by the cosine
  distance of their normalised costs) survive by their first individual, if
  there are as many clusters; else the next ones do too.
  """
  points = normalised(costs)
  order = np.argsort(tchebycheff(points), kind='stable')
  quarter = count // 4
  middle = order[count - quarter:count + quarter]
  if not quarter:
    return order[:count]
  # The cosine of a vector of zeros, the best in all, is not a number; those of
  # one direction differ by rounding.
  apart = np.nan_to_num(pdist(points[middle], 'cosine')).round(9)
  labels = fcluster(linkage(apart, 'ward'), quarter, 'maxclust')
  _, at = np.unique(labels, return_index=True)
  others = np.delete(middle, at)
  return np.concatenate([order[:count - quarter], middle[np.sort(at)],
                         others])[:count]


RULES = {'fronts': by_fronts, 'clusters': by_clusters}
