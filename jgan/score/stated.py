"""Frechet distances of files of statistics, of which the features are stated.

Such a file (score/statistics.py) does not say of which network its features
are. So that is stated by who uses it, and only those that are stated to be of
the 2015 Inception give an FID.
"""
import inspect

from jgan import lookup, protocol
from jgan.errors import UserError
from jgan.metrics import _frechet
from jgan.score.scorer import Scorer
from jgan.score.statistics import Statistics

UNKNOWN = 'unknown'
_INCEPTION = 'inception', 2048


def scores(real, fake, *, features, weights='', data_dir='', names=('', ''),
           protocols=('standard',)):
  """The Frechet distance where at least one side is Statistics.

  Args:
    real, fake: Statistics, or images (data/) of which the features are
      computed.
    features: the network that the statistics are stated to be of: a name, of
      jgan/features if one side is images; '': not stated.
    weights, data_dir: as in Scorer.
    names: of both sides, for the stamps.
    protocols: names in jgan/protocol.py, of how features are computed.

  Returns:
    {protocol: [{label: value}, stamp]}.

  Raises:
    UserError: it must be stated of which features the statistics are, or both
      sides have other numbers of features.
  """
  fixed = [name for name in lookup.names('features') if 'images' not in
           inspect.signature(lookup.find('features', name).load).parameters]
  given = [x for x in (real, fake) if isinstance(x, Statistics)]
  images = [x for x in (real, fake) if not isinstance(x, Statistics)]
  if images and not features:
    raise UserError(
        f'{given[0].path} does not say of which network its features are, and '
        'those of the images must be of the same: --features=inception, if '
        'they are of the 2015 Inception, as pytorch-fid writes them, else the '
        f'name of the network: {", ".join(lookup.names("features"))}')
  if images and features not in lookup.names('features'):
    raise UserError(f'--features={features} is no network of jgan, which would '
                    'compute those of the images: '
                    f'{lookup.nearest(features, lookup.names("features"))}')
  if images and features not in fixed:
    raise UserError(f'--features={features} is trained on the data set that is '
                    'scored, so no file has statistics of it: inception, if '
                    'they are of the 2015 Inception, would be right')
  scorer = Scorer(images[0], metrics=('fd',), network=features,
                  weights=weights, data_dir=data_dir,
                  protocols=protocols) if images else None
  results = {}
  for name in protocols if images else protocols[:1]:
    sides = [_moments(x, scorer, name) for x in (real, fake)]
    shapes = [len(side[0]) for side in sides]
    if shapes[0] != shapes[1]:
      raise UserError(f'{names[0]} has {shapes[0]} features and {names[1]} '
                      f'{shapes[1]}: both have to be of one network')
    stamp = {**(scorer.stamp(name) if scorer else
                {'protocol': 'of both files', 'jgan': protocol.VERSION}),
             'reference': names[0], 'file': names[1],
             'features as stated': features or UNKNOWN}
    for side, x in (('reference', real), ('fakes', fake)):
      if isinstance(x, Statistics):
        stamp[f'{side} statistics'] = x.sha256
    if isinstance(real, Statistics):
      stamp |= {'reals': None, 'of': None, 'reference sha256': real.sha256}
    stamp['fakes'] = None if isinstance(fake, Statistics) else len(fake)
    label = (scorer.labels['fd'][''] if scorer else
             _label(features, shapes[0]))
    results[name if images else stamp['protocol']] = [
        {label: _frechet.distance(*sides[0], *sides[1])}, stamp]
  return results


def _moments(x, scorer, name):
  """Mean and covariance of one side, under a protocol."""
  if isinstance(x, Statistics):
    return x.mean, x.cov
  moments = scorer.reference(name)
  return moments.mean, moments.cov


def _label(features, d):
  """The name of a distance of two files, by what is stated of them."""
  if (features, d) == _INCEPTION:
    return 'FID'
  return f'FD-{features or UNKNOWN}'
