"""Scores of generated images against a data set, with their protocol.

A metric is a file of jgan/metrics (metrics/_samples.py says what it exports),
a feature network one of jgan/features. `Scorer` brings both together: the
reference is seen once, the fakes once for all metrics and protocols.
"""
import functools
import hashlib
import inspect
import io
import logging
import os
import pathlib

import numpy as np

from jgan import lookup, protocol
from jgan.errors import UserError
from jgan.features import _cache, _extractor
from jgan.metrics import _frechet
from jgan.metrics._samples import Moments, Samples

log = logging.getLogger(__name__)

_FEW = 64  # latents whose images the stability metric follows
_NEAR_ZERO = .1  # Frechet distance of a set to published statistics of it


class Scorer:
  """Scores fakes by some metrics under some protocols.

  Attributes:
    stamps: {protocol: dict}, what to say beside the scores.
  """

  def __init__(self, source, *, metrics, knobs=None, network='', weights='',
               labels=None, data_dir='', reference='', count=0,
               protocols=('standard',), statistics='', batch=100, seed=0,
               cache='~/.cache/jgan'):
    """Loads the network; the reference is read when first needed.

    Args:
      source: the real images (data/).
      metrics: names in jgan/metrics.
      knobs: {metric: {argument: value}} of their score().
      network: a name in jgan/features, '' where no metric needs one.
      weights: file of the network's weights, '' to look for it.
      labels: [n] of the source, from which 'classifier' learns; None: it
        learns rotations.
      data_dir: where weights may stand.
      reference: what to call the source in the stamp.
      count: reals to compare with, drawn once by `seed`; 0 for all.
      protocols: names in jgan/protocol.py.
      statistics: an .npz with 'mu' and 'sigma' of the reals, to use instead
        of our own; refused if it does not describe them.
      batch: images to process at once.
      seed: of the draw of reals and of metrics that draw subsets.
      cache: folder in which statistics of the reals are kept.
    """
    self.modules = {name: lookup.find('metrics', name) for name in metrics}
    self.knobs = {k: dict(v) for k, v in (knobs or {}).items()
                  if k in self.modules}
    self.protocols = {name: protocol.find(name) for name in protocols}
    self.batch, self.seed, self.cache = batch, seed, cache
    self.statistics, self.previous = statistics, {}
    needs = {n for m in self.modules.values() for n in m.NEEDS}
    if needs - {'images'} and not network:
      named = [n for n, m in self.modules.items() if set(m.NEEDS) != {'images'}]
      raise UserError(f"metric '{named[0]}' needs a feature network: set "
                      f'config.eval.network, one of '
                      f'{", ".join(lookup.names("features"))}')
    if statistics and not needs - {'images'}:
      raise UserError(f'statistics={statistics} are of features, and none of '
                      f'the metrics looks at any: {", ".join(self.modules)}')
    self.needs = needs
    self.network = network if needs - {'images'} else ''
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(source))[:count or None]
    self.source, self.chosen = source, np.sort(chosen)
    self.nets = {}
    for name, p in self.protocols.items():
      self.nets[name] = self._net(p, source, labels, weights, data_dir)
    self.run = {net.name + net.protocol.get('resize', ''): _extractor.compiled(
        net, batch=batch) for net in self.nets.values() if net}
    self.stamps = {name: self._stamp(name, reference, source)
                   for name in self.protocols}

  def score(self, batches, settings=None, stamp=None):
    """Scores generated images.

    Args:
      batches: iterable of [b, h, w, c], uint8 (or points as floats).
      settings: {argument: value} for the knobs of metrics that have them.
      stamp: what to add to the stamps about the fakes.

    Returns:
      {protocol: ({label: value}, stamp)}.
    """
    fakes = self._see(batches)
    found = {}
    for name, p in self.protocols.items():
      values = {}
      for metric, module in self.modules.items():
        for suffix, value in self._metric(
            name, p, module, fakes[name],
            {**(settings or {}), **self.knobs.get(metric, {})}).items():
          values[label(metric, suffix, self.nets[name])] = value
      net = self.nets[name]
      if net and 'moments' in self.needs and fakes[name].count <= net.dims:
        log.warning('%d fakes for %d features: a Frechet distance of so few '
                    'is exact but far above that of many',
                    fakes[name].count, net.dims)
      found[name] = values, {**self.stamps[name], **(stamp or {}),
                             'settings': settings or {},
                             'fakes': fakes[name].count}
    return found

  def _metric(self, name, p, module, fake, settings):
    """The values of one metric under one protocol."""
    if hasattr(module, 'make'):
      return self._made(name, module)(fake)
    if module.REFERENCE == 'previous':
      few = fake._replace(images=fake.images[:_FEW])
      real, self.previous[name] = self.previous.get(name), few
      fake = few
      if real is None:
        return {}
    else:
      real = self._reference(name) if module.REFERENCE else None
    return scored(module, real, fake, {'splits': p.splits, 'seed': self.seed,
                                       **settings})

  @functools.cache  # noqa: B019 - one per run, and it lives as long
  def _made(self, name, module):
    """A metric whose work on the reals is done."""
    return module.make(self._reference(name))

  @functools.cache  # noqa: B019
  def _reference(self, name):
    """Samples of the reals under one protocol."""
    p, net = self.protocols[name], self.nets[name]
    if self.needs - {'moments'} or net is None:
      real = self._see(self._reals())[name]
    else:
      real = self._moments_of_reals(net, p)
    if self.statistics:
      real = self._published(real)
    return real

  def _reals(self):
    """Yields the real images in batches; there may be too many to hold."""
    for i in range(0, len(self.chosen), self.batch):
      yield np.stack([self.source[int(j)]
                      for j in self.chosen[i:i + self.batch]])

  def _moments_of_reals(self, net, p):
    """Mean and covariance of the reals' features, kept by content."""
    digest = hashlib.sha256(repr(
        (net.sha256, sorted(net.protocol.items()), p.ddof)).encode())
    for chunk in self._reals():
      digest.update(repr(chunk.shape).encode() + chunk.tobytes())
    file = pathlib.Path(self.cache).expanduser() / 'statistics' / (
        digest.hexdigest() + '.npz')
    if file.exists():
      with np.load(file, allow_pickle=False) as kept:
        return Samples(int(kept['count']), kept['mean'], kept['cov'])
    moments = Moments(net.dims)
    run = self.run[net.name + net.protocol.get('resize', '')]
    for chunk in self._reals():
      moments.add(run(chunk, ('features',))['features'])
    found = Samples(moments.count, moments.mean, moments.cov(p.ddof))
    data = io.BytesIO()
    np.savez(data, count=found.count, mean=found.mean, cov=found.cov)
    _cache.write(file, data.getvalue())
    return found

  def _published(self, real):
    """Statistics from a file, if they do describe the reals."""
    try:
      with np.load(self.statistics, allow_pickle=False) as kept:
        mean, cov = kept['mu'], kept['sigma']
    except (OSError, ValueError, KeyError) as error:
      raise UserError(f"cannot read {self.statistics}: {error}; an .npz with "
                      "'mu' and 'sigma' would be right") from error
    apart = _frechet.distance(real.mean, real.cov, mean, cov)
    if apart > _NEAR_ZERO:
      raise UserError(
          f'{self.statistics} does not describe these {real.count} images: the '
          f'distance between both is {apart:.4g}, above {_NEAR_ZERO}; another '
          'split, resize or set of weights made it')
    return real._replace(mean=mean, cov=cov)

  def _see(self, batches):
    """{protocol: Samples} of images that arrive in batches."""
    names = list(self.nets)
    moments = {n: Moments(net.dims) for n, net in self.nets.items() if net}
    kept = {n: {'features': [], 'logits': []} for n in names}
    images, count = [], 0
    wanted = tuple(x for x in ('features', 'logits') if x in self.needs
                   or (x == 'features' and 'moments' in self.needs))
    for chunk in batches:
      count += len(chunk)
      if 'images' in self.needs:
        images.append(chunk)
      seen = {}
      for name, net in self.nets.items():
        if net is None:
          continue
        key = net.name + net.protocol.get('resize', '')
        if key not in seen:
          seen[key] = self.run[key](chunk, wanted)
        if 'features' in wanted:
          moments[name].add(seen[key]['features'])
        for x in ('features', 'logits'):
          if x in self.needs:
            kept[name][x].append(seen[key][x])
    join = lambda parts: np.concatenate(parts) if parts else None
    found = {}
    for name, p in self.protocols.items():
      summed = moments.get(name)
      has = summed is not None and summed.count > p.ddof
      found[name] = Samples(
          count, summed.mean if has else None,
          summed.cov(p.ddof) if has else None, join(kept[name]['features']),
          join(kept[name]['logits']), join(images))
    return found

  def _net(self, p, source, labels, weights, data_dir):
    """The Extractor for a protocol."""
    if not self.network:
      return None
    module = lookup.find('features', self.network)
    takes = inspect.signature(module.load).parameters
    if 'images' in takes:
      from jgan import batches
      return module.load(batches.as_array(source), labels, seed=self.seed)
    given = {'data_dir': data_dir, 'resize': p.resize}
    weights = weights or (os.environ.get('JGAN_INCEPTION', '')
                          if self.network == 'inception' else '')
    return module.load(weights, **{k: v for k, v in given.items()
                                   if k in takes})

  def _stamp(self, name, reference, source):
    p, net = self.protocols[name], self.nets[name]
    return {
        'protocol': name, 'reference': reference, 'reals': len(self.chosen),
        'of': len(source), 'ddof': p.ddof, 'splits': p.splits,
        'seed': self.seed,
        'quantise': 'uint8' if np.dtype(source.dtype) == np.uint8 else 'none',
        'knobs': self.knobs,
        'network': net.name if net else None,
        'weights': net.sha256 if net else None,
        **{f'network {k}': v for k, v in (net.protocol if net else {}).items()
           if k not in ('network', 'weights_sha256')},
        'jgan': protocol.VERSION}


def label(metric, suffix, net):
  """How a value is called: 'FID', 'FD-resnet56', 'kid-std-resnet56'.

  Only a Frechet distance of the published Inception is called FID.
  """
  module = lookup.find('metrics', metric)
  if set(module.NEEDS) == {'images'}:
    return '-'.join(filter(None, (metric, suffix)))
  if metric == 'fd':
    return net.distance
  if metric == 'fd_infinity':
    return f'{net.distance}-infinity'
  return '-'.join(filter(None, (metric, suffix, net.name)))


def scored(module, real, fake, settings):
  """Calls a metric with those settings that it takes."""
  takes = inspect.signature(module.score).parameters
  return module.score(real, fake, **{k: v for k, v in settings.items()
                                     if k in takes})
