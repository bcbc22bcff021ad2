"""Scores of generated images against a data set, with their protocol.

A metric is a file of jgan/metrics (metrics/_samples.py says what it exports),
a feature network a file of jgan/features. `Scorer` combines them: features of
the reference are computed once, and features of each set of fakes once for all
metrics and protocols.
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

_FEW = 64  # images that the stability metric compares between steps
_NEAR_ZERO = .1  # tolerated Frechet distance to published statistics


class Scorer:
  """Scores generated images by several metrics under several protocols.

  Attributes:
    stamps: {protocol: dict that describes how its scores are computed}.
  """

  def __init__(self, source, *, metrics, knobs=None, network='', weights='',
               labels=None, data_dir='', reference='', count=0,
               protocols=('standard',), statistics='', batch=100, seed=0,
               cache='~/.cache/jgan'):
    """Loads the feature network; the reference is read at its first use.

    Args:
      source: the real images (data/).
      metrics: names in jgan/metrics.
      knobs: {metric: {argument: value}} of their score().
      network: a name in jgan/features, '' if no metric needs one.
      weights: file of the network's weights, '' to search for it.
      labels: [n] of the source, to train the network 'classifier'; None: it
        is trained to predict rotations.
      data_dir: folder in which weights are searched.
      reference: the name of the source in the stamp.
      count: number of reals to compare with, drawn once by `seed`; 0 for all.
      protocols: names in jgan/protocol.py.
      statistics: an .npz with 'mu' and 'sigma' of the reals, to be used
        instead of computing them; refused if it does not describe the reals.
      batch: number of images to process at once.
      seed: of the choice of reals, and of metrics that draw subsets.
      cache: folder in which statistics of the reals are cached.
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
                      f'the metrics uses features: {", ".join(self.modules)}')
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
      batches: iterable of [b, h, w, c], uint8 (or float for points).
      settings: {argument: value}, passed to metrics with such an argument.
      stamp: entries about the fakes, added to each protocol's stamp.

    Returns:
      {protocol: ({label: value}, stamp)}.
    """
    fakes = self._see(batches)
    scores = {}
    for name, p in self.protocols.items():
      values = {}
      for metric, module in self.modules.items():
        for suffix, value in self._metric(
            name, p, module, fakes[name],
            {**(settings or {}), **self.knobs.get(metric, {})}).items():
          values[label(metric, suffix, self.nets[name])] = value
      net = self.nets[name]
      if net and 'moments' in self.needs and fakes[name].count <= net.dims:
        log.warning('%d fakes for %d features: the Frechet distance of so few '
                    'fakes is much higher than that of many',
                    fakes[name].count, net.dims)
      scores[name] = values, {**self.stamps[name], **(stamp or {}),
                              'settings': settings or {},
                              'fakes': fakes[name].count}
    return scores

  def _metric(self, name, p, module, fake, settings):
    """The values of one metric under one protocol."""
    if hasattr(module, 'make'):
      return self._made(name, module)(fake)
    if module.REFERENCE == 'previous':
      followed = fake._replace(images=fake.images[:_FEW])
      real, self.previous[name] = self.previous.get(name), followed
      fake = followed
      if real is None:
        return {}
    else:
      real = self._reference(name) if module.REFERENCE else None
    return scored(module, real, fake, {'splits': p.splits, 'seed': self.seed,
                                       **settings})

  @functools.cache  # noqa: B019 - a Scorer lives as long as its run
  def _made(self, name, module):
    """A metric after its precomputation on the reals: fake -> values."""
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
    """Yields the real images in batches; all may not fit into memory."""
    for i in range(0, len(self.chosen), self.batch):
      yield np.stack([self.source[int(j)]
                      for j in self.chosen[i:i + self.batch]])

  def _moments_of_reals(self, net, p):
    """Mean and covariance of the reals' features, cached by content."""
    digest = hashlib.sha256(repr(
        (net.sha256, sorted(net.protocol.items()), p.ddof)).encode())
    for chunk in self._reals():
      digest.update(repr(chunk.shape).encode() + chunk.tobytes())
    file = pathlib.Path(self.cache).expanduser() / 'statistics' / (
        digest.hexdigest() + '.npz')
    if file.exists():
      with np.load(file, allow_pickle=False) as cached:
        return Samples(int(cached['count']), cached['mean'], cached['cov'])
    moments = Moments(net.dims)
    run = self.run[net.name + net.protocol.get('resize', '')]
    for chunk in self._reals():
      moments.add(run(chunk, ('features',))['features'])
    statistics = Samples(moments.count, moments.mean, moments.cov(p.ddof))
    data = io.BytesIO()
    np.savez(data, count=statistics.count, mean=statistics.mean,
             cov=statistics.cov)
    _cache.write(file, data.getvalue())
    return statistics

  def _published(self, real):
    """`real` with the statistics of a file, which must describe the reals."""
    try:
      with np.load(self.statistics, allow_pickle=False) as arrays:
        mean, cov = arrays['mu'], arrays['sigma']
    except (OSError, ValueError, KeyError) as error:
      raise UserError(f"cannot read {self.statistics}: {error}; an .npz with "
                      "'mu' and 'sigma' would be right") from error
    distance = _frechet.distance(real.mean, real.cov, mean, cov)
    if distance > _NEAR_ZERO:
      raise UserError(
          f'{self.statistics} does not describe these {real.count} images: '
          f'their Frechet distance is {distance:.4g}, above {_NEAR_ZERO}; the '
          'file may be of another split, resize or set of weights')
    return real._replace(mean=mean, cov=cov)

  def _see(self, batches):
    """{protocol: Samples} of batches of images."""
    names = list(self.nets)
    moments = {n: Moments(net.dims) for n, net in self.nets.items() if net}
    outputs = {n: {'features': [], 'logits': []} for n in names}
    images, count = [], 0
    wanted = tuple(x for x in ('features', 'logits') if x in self.needs
                   or (x == 'features' and 'moments' in self.needs))
    for chunk in batches:
      count += len(chunk)
      if 'images' in self.needs:
        images.append(chunk)
      computed = {}  # protocols may share a network and resize
      for name, net in self.nets.items():
        if net is None:
          continue
        key = net.name + net.protocol.get('resize', '')
        if key not in computed:
          computed[key] = self.run[key](chunk, wanted)
        if 'features' in wanted:
          moments[name].add(computed[key]['features'])
        for x in ('features', 'logits'):
          if x in self.needs:
            outputs[name][x].append(computed[key][x])
    join = lambda parts: np.concatenate(parts) if parts else None
    samples = {}
    for name, p in self.protocols.items():
      moment = moments.get(name)
      enough = moment is not None and moment.count > p.ddof
      samples[name] = Samples(
          count, moment.mean if enough else None,
          moment.cov(p.ddof) if enough else None,
          join(outputs[name]['features']), join(outputs[name]['logits']),
          join(images))
    return samples

  def _net(self, p, source, labels, weights, data_dir):
    """The Extractor of a protocol; None if no metric needs a network."""
    if not self.network:
      return None
    module = lookup.find('features', self.network)
    parameters = inspect.signature(module.load).parameters
    if 'images' in parameters:
      from jgan import batches
      return module.load(batches.as_array(source), labels, seed=self.seed)
    options = {'data_dir': data_dir, 'resize': p.resize}
    weights = weights or (os.environ.get('JGAN_INCEPTION', '')
                          if self.network == 'inception' else '')
    return module.load(weights, **{k: v for k, v in options.items()
                                   if k in parameters})

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
  """The label of a score: 'FID', 'FD-resnet56', 'kid-std-resnet56'.

  Only the Frechet distance of the published Inception network is called FID.
  """
  module = lookup.find('metrics', metric)
  if set(module.NEEDS) == {'images'}:
    return '-'.join(filter(None, (metric, suffix)))
  if hasattr(module, 'label'):
    return module.label(net)
  return '-'.join(filter(None, (metric, suffix, net.name)))


def scored(module, real, fake, settings):
  """Calls a metric with the settings that its signature has."""
  parameters = inspect.signature(module.score).parameters
  return module.score(real, fake, **{k: v for k, v in settings.items()
                                     if k in parameters})
