"""Scores of generated images against a data set, with their protocol.

A metric is a file of jgan/metrics (metrics/_samples.py says what it exports),
a feature network a file of jgan/features. `Scorer` combines them: features of
the reference are computed once, and features of each set of fakes once for all
metrics and protocols.
"""
import copy
import functools
import hashlib
import inspect
import logging
import os
import pathlib

import numpy as np

from jgan import arrays, lookup, protocol
from jgan.errors import UserError
from jgan.features import _cache, _extractor
from jgan.metrics import _frechet
from jgan.metrics._samples import Moments, Samples
from jgan.score import labels as names

log = logging.getLogger(__name__)

_FEW = 64  # images that the stability metric compares between steps
_NEAR_ZERO = .1  # tolerated Frechet distance to published statistics
_CHOICE = 0  # seed of the choice of reals: the same for all runs
_MOMENTS = {'moments': 'features', 'spatial': 'spatial'}  # of which output


class Scorer:
  """Scores generated images by several metrics under several protocols.

  Attributes:
    stamps: {protocol: dict that describes how its scores are computed}.
    better: {label: 'lower', 'higher' or 'neither'} of the scores.
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
      count: number of reals to compare with, drawn once, the same for every
        seed; 0 for all.
      protocols: names in jgan/protocol.py.
      statistics: an .npz with 'mu' and 'sigma' of the reals, to be used
        instead of computing them; refused if it does not describe the reals.
      batch: number of images to process at once.
      seed: of metrics that draw subsets, and of the network 'classifier'.
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
    if statistics and not needs & {'moments', 'features'}:
      raise UserError(f'statistics={statistics} are of features, and none of '
                      f'the metrics uses features: {", ".join(self.modules)}')
    self.needs = needs
    self.network = network if needs - {'images'} else ''
    rng = np.random.default_rng(_CHOICE)
    chosen = rng.permutation(len(source))[:count or None]
    self.source, self.chosen, self._fingerprint = source, np.sort(chosen), ''
    self.published = self._read_statistics()
    self.nets = {}
    for name, p in self.protocols.items():
      self.nets[name] = self._net(p, source, labels, weights, data_dir)
    net = next(iter(self.nets.values()))
    self.labels = {name: names.of_metric(name, net) for name in self.modules}
    self.better = {self.labels[name][suffix]: direction
                   for name, module in self.modules.items()
                   for suffix, direction in module.BETTER.items()}
    self.run = {net.name + net.protocol.get('resize', ''): _extractor.compiled(
        net, batch=batch) for net in self.nets.values() if net}
    self.stamps = {name: self._stamp(name, reference, source)
                   for name in self.protocols}

  @property
  def is_seeded(self):
    """Whether the seed decides weights of its networks."""
    return bool(self.network) and 'images' in inspect.signature(
        lookup.find('features', self.network).load).parameters

  def of_seed(self, seed):
    """The Scorer of a run with another seed, which shares the networks.

    It must not be `is_seeded`.
    """
    other = copy.copy(self)
    other.seed, other.previous = seed, {}
    other.stamps = {name: stamp | {'seed': seed}
                    for name, stamp in self.stamps.items()}
    return other

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
        computed = self._metric(
            name, p, module, fakes[name],
            {**(settings or {}), **self.knobs.get(metric, {})})
        if computed and computed.keys() != module.BETTER.keys():
          raise UserError(f"metric '{metric}' gives the values {[*computed]}, "
                          f'and BETTER in its file names {[*module.BETTER]}')
        values |= {self.labels[metric][suffix]: value
                   for suffix, value in computed.items()}
      net = self.nets[name]
      if net and 'moments' in self.needs and fakes[name].count <= net.dims:
        log.warning('%d fakes for %d features: the Frechet distance of so few '
                    'fakes is much higher than that of many',
                    fakes[name].count, net.dims)
      scores[name] = values, {**self.stamp(name), **(stamp or {}),
                              'settings': settings or {},
                              'fakes': fakes[name].count}
    return scores

  def stamp(self, name):
    """The stamp of a protocol, with the fingerprint of the real images."""
    return {**self.stamps[name], 'reference sha256': self.fingerprint()}

  def fingerprint(self):
    """SHA-256 of the reals, their first 16 digits; reads them all once."""
    if not self._fingerprint:
      for _ in self._reals():
        pass
    return self._fingerprint

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
    if self.needs - {*_MOMENTS} or net is None:
      real = self._seen_reals()[name]
    else:
      real = self._moments_of_reals(net, p)
    return self._with_published(real) if self.published else real

  @functools.cache  # noqa: B019
  def _seen_reals(self):
    """{protocol: Samples} of the reals."""
    return self._see(self._reals())

  def _reals(self):
    """Yields the reals in batches, for all may not fit into memory.

    Their fingerprint is that of the images, however they are cut into batches.
    """
    digest = hashlib.sha256(
        f'{len(self.chosen)} {self.source.shape[1:]} {self.source.dtype}'
        .encode())
    for i in range(0, len(self.chosen), self.batch):
      chunk = np.stack([self.source[int(j)]
                        for j in self.chosen[i:i + self.batch]])
      digest.update(np.ascontiguousarray(chunk))
      yield chunk
    self._fingerprint = digest.hexdigest()[:16]

  def _moments_of_reals(self, net, p):
    """Moments of the reals' features, cached by content."""
    widths = {output: net.dims if output == 'features' else net.spatial
              for need, output in _MOMENTS.items() if need in self.needs}
    shapes = {'count': ()}
    for output, d in widths.items():
      shapes |= {f'{output}_mean': (d,), f'{output}_cov': (d, d)}
    digest = hashlib.sha256(repr(
        (net.sha256, sorted(net.protocol.items()), p.ddof, [*widths],
         self.fingerprint())).encode()).hexdigest()
    file = (pathlib.Path(self.cache).expanduser() / 'statistics'
            / f'{digest}.npz')
    cached = _cache.read_arrays(file, shapes)
    if cached is None:
      moments = {output: Moments(d) for output, d in widths.items()}
      run = self.run[net.name + net.protocol.get('resize', '')]
      for chunk in self._reals():
        outputs = run(chunk, (*widths,))
        for output, moment in moments.items():
          moment.add(outputs[output])
      cached = {'count': len(self.chosen)}
      for output, moment in moments.items():
        cached |= {f'{output}_mean': moment.mean,
                   f'{output}_cov': moment.cov(p.ddof)}
      _cache.write_arrays(file, cached)
    of = lambda output: (cached.get(f'{output}_mean'),
                         cached.get(f'{output}_cov'))
    return Samples(len(self.chosen), *of('features'),
                   spatial=of('spatial') if 'spatial' in widths else None)

  def _read_statistics(self):
    """(mu, sigma) of the file of published statistics; None without one."""
    if not self.statistics:
      return None
    named = arrays.read(self.statistics)
    if not {'mu', 'sigma'} <= {*named}:
      raise UserError(f'cannot read {self.statistics}: it holds '
                      f"{', '.join(named) or 'nothing'}; an .npz with 'mu' and "
                      "'sigma' would be right")
    moments = named['mu'], named['sigma']
    if not all(np.issubdtype(x.dtype, np.floating) for x in moments):
      raise UserError(f"cannot read {self.statistics}: 'mu' is of "
                      f"{moments[0].dtype} and 'sigma' of {moments[1].dtype}; "
                      'floats would be right')
    return moments

  def _with_published(self, real):
    """`real` with the statistics of a file, which must describe the reals."""
    mean, cov = self.published
    distance = _frechet.distance(real.mean, real.cov, mean, cov)
    if distance > _NEAR_ZERO:
      raise UserError(
          f'{self.statistics} does not describe these {real.count} images: '
          f'their Frechet distance is {distance:.4g}, above {_NEAR_ZERO}; the '
          'file may be of another split, resize or set of weights')
    return real._replace(mean=mean, cov=cov)

  def _see(self, batches):
    """{protocol: Samples} of batches of images."""
    wanted = tuple(x for x in ('features', 'spatial', 'logits')
                   if x in self.needs
                   or (x == 'features' and 'moments' in self.needs))
    nets = {name: net for name, net in self.nets.items() if net}
    moments = {name: {x: Moments(net.dims if x == 'features' else net.spatial)
                      for x in _MOMENTS.values() if x in wanted}
               for name, net in nets.items()}
    outputs = {name: {x: [] for x in ('features', 'logits') if x in self.needs}
               for name in self.nets}
    images, count = [], 0
    for chunk in batches:
      count += len(chunk)
      if 'images' in self.needs:
        images.append(chunk)
      computed = {}  # protocols may share a network and resize
      for name, net in nets.items():
        key = net.name + net.protocol.get('resize', '')
        if key not in computed:
          computed[key] = self.run[key](chunk, wanted)
        for x, moment in moments[name].items():
          moment.add(computed[key][x])
        for x, parts in outputs[name].items():
          parts.append(computed[key][x])
    images = np.concatenate(images) if images else None
    samples = {}
    for name, p in self.protocols.items():
      known = {x: (moment.mean, moment.cov(p.ddof))
               for x, moment in moments.get(name, {}).items()
               if moment.count > p.ddof}
      samples[name] = Samples(
          count, *known.get('features', (None, None)),
          spatial=known.get('spatial'), images=images,
          **{x: np.concatenate(parts) for x, parts in outputs[name].items()})
    return samples

  def _net(self, p, source, labels, weights, data_dir):
    """The Extractor of a protocol; None if no metric needs a network."""
    if not self.network:
      return None
    module = lookup.find('features', self.network)
    parameters = inspect.signature(module.load).parameters
    if 'images' in parameters:
      from jgan import batches
      net = module.load(batches.as_array(source), labels, seed=self.seed)
    else:
      options = {'data_dir': data_dir, 'resize': p.resize}
      weights = weights or (os.environ.get('JGAN_INCEPTION', '')
                            if self.network == 'inception' else '')
      net = module.load(weights, **{k: v for k, v in options.items()
                                    if k in parameters})
    if 'spatial' in self.needs and not net.spatial:
      metric = next(n for n, m in self.modules.items() if 'spatial' in m.NEEDS)
      raise UserError(f"metric '{metric}' needs spatial features, and network "
                      f"'{self.network}' has none: config.eval.network="
                      "'inception' would be right")
    return net

  def _stamp(self, name, reference, source):
    p, net = self.protocols[name], self.nets[name]
    return {
        'protocol': name, 'reference': reference, 'reals': len(self.chosen),
        'of': len(source), 'ddof': p.ddof, 'splits': p.splits,
        'seed': self.seed,
        'quantise': 'uint8' if np.dtype(source.dtype) == np.uint8 else 'none',
        'knobs': self.knobs,
        'statistics': (hashlib.sha256(
            b''.join(x.tobytes() for x in self.published)).hexdigest()[:16]
                       if self.published else None),
        'network': net.name if net else None,
        'weights': net.sha256 if net else None,
        **{f'network {k}': v for k, v in (net.protocol if net else {}).items()
           if k not in ('network', 'weights_sha256')},
        'jgan': protocol.VERSION}


def scored(module, real, fake, settings):
  """Calls a metric with the settings that its signature has."""
  parameters = inspect.signature(module.score).parameters
  return module.score(real, fake, **{k: v for k, v in settings.items()
                                     if k in parameters})
