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

import jax
import numpy as np

from jgan import lookup, protocol
from jgan.errors import UserError
from jgan.features import _cache
from jgan.metrics import _frechet
from jgan.metrics._samples import Samples
from jgan.ops import spread
from jgan.score import fit, viewer
from jgan.score import labels as names
from jgan.score import statistics as file_of_statistics

log = logging.getLogger(__name__)

_FEW = 64  # images that the stability metric compares between steps
_NEAR_ZERO = .1  # tolerated Frechet distance to published statistics
_CHOICE = 0  # seed of the choice of reals: the same for all runs


class Scorer:
  """Scores generated images by several metrics under several protocols.

  Attributes:
    stamps: {protocol: dict that describes how its scores are computed}.
    batch: number of images that are processed at once.
    chosen: indices of the reals in their source, ascending.
    told: as given.
    better: {label: 'lower', 'higher' or 'neither'} of the scores.
  """

  def __init__(self, source, *, metrics, knobs=None, network='', weights='',
               classes=(), labels=None, drawn=None, data_dir='', reference='',
               count=0, protocols=('standard',), statistics='', batch=0,
               also=0, most=2**31, mesh=None, precision='highest', told=None,
               seed=0, cache='~/.cache/jgan'):
    """Loads the feature network; the reference is read at its first use.

    Args:
      source: the real images (data/).
      metrics: names in jgan/metrics.
      knobs: {metric: {argument: value}} of their score().
      network: a name in jgan/features, '' if no metric needs one.
      weights: file of the network's weights, '' to search for it.
      classes: names of the classes that the images are of; () without labels.
      labels: [n] of the source, for metrics of classes and to train the
        network 'classifier'; None: it is trained to predict rotations.
      drawn: labels of the generated images, [n]; None: not known yet.
      data_dir: folder in which weights are searched.
      reference: the name of the source in the stamp.
      count: number of reals to compare with, drawn once, the same for every
        seed; 0 for all.
      protocols: names in jgan/protocol.py.
      statistics: an .npz with 'mu' and 'sigma' of the reals, to be used
        instead of computing them; refused if it does not describe the reals.
      batch: number of images to process at once, rounded up to a multiple of
        the devices; 0: as many as their memory allows (score/fit.py).
      also: bytes of the other work on one image, and
      most: number of generated images; both if `batch` is 0.
      mesh: of ops/spread.py, the devices; None: all.
      precision: of the network, as in _extractor.outputs.
      told: function of process 0 -> its value in all processes; None where
        there is one process.
      seed: of metrics that draw subsets, and of the network 'classifier'.
      cache: folder in which statistics of the reals are cached.
    """
    self.modules = {name: lookup.find('metrics', name) for name in metrics}
    self.knobs = {k: dict(v) for k, v in (knobs or {}).items()
                  if k in self.modules}
    self.protocols = {name: protocol.find(name) for name in protocols}
    self.seed, self.cache, self.precision = seed, cache, precision
    self.statistics, self.previous = statistics, {}
    self.told = told or (lambda function: function())
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
    self._classes = None if labels is None else np.asarray(labels)[self.chosen]
    self._class_names = classes
    self._require_enough(most)
    published = statistics and file_of_statistics.read(statistics)
    self.published = (published.mean, published.cov) if published else None
    self.nets, loaded = {}, {}
    for name, p in self.protocols.items():
      # Once for protocols that it is the same for.
      resize = p.resize if 'resize' in self._arguments else ''
      if resize not in loaded:
        loaded[resize] = self._net(p, source, labels, weights, data_dir)
      self.nets[name] = loaded[resize]
    self._check(drawn)
    net = next(iter(self.nets.values()))
    self.labels = {name: names.of_metric(name, net) for name in self.modules}
    self.better = {self.labels[name][suffix]: direction
                   for name, module in self.modules.items()
                   for suffix, direction in module.BETTER.items()}
    mesh = mesh or spread.mesh()
    sizes = [fit.of_network(net, source.shape[1:])
             for net in self.nets.values() if net and fit.limit(mesh)]
    self.batch = spread.divisible(
        batch or fit.batch(mesh, max([also, *sizes]), most), mesh)
    self._viewer = viewer.Viewer(self.protocols, self.nets, self.needs,
                                 mesh=mesh, batch=self.batch,
                                 precision=precision)
    self.stamps = {name: self._stamp(name, reference, source)
                   for name in self.protocols}
    # What follows from the reals alone: also for the Scorers of other seeds.
    for once in ('reference', 'fingerprint', '_made', '_seen_reals'):
      setattr(self, once, functools.cache(getattr(self, once)))

  @property
  def is_seeded(self):
    """Whether the seed decides weights of its networks."""
    return 'images' in self._arguments

  @property
  def _arguments(self):
    """Parameters of the network's load(); none without a network."""
    return inspect.signature(lookup.find('features', self.network).load
                             ).parameters if self.network else {}

  def of_seed(self, seed, drawn=None):
    """The Scorer of a run with another seed, which shares networks and reals.

    It must not be `is_seeded`.

    drawn: labels of the generated images of that run, [n], as above.
    """
    other = copy.copy(self)
    other.seed, other.previous = seed, {}
    other.stamps = {name: stamp | {'seed': seed}
                    for name, stamp in self.stamps.items()}
    other._check(drawn)
    return other

  def _check(self, drawn):
    """Refuses a network or classes unfit for a metric; drawn: of fakes."""
    net = next(iter(self.nets.values()))
    for module in self.modules.values():
      if hasattr(module, 'check'):
        module.check(net, self._class_names, self._classes, drawn)

  def _require_enough(self, most):
    """Refuses fewer images than a metric needs; most: generated ones."""
    for name, module in self.modules.items():
      for p in self.protocols.values() if hasattr(module, 'least') else ():
        try:
          needs = called(module.least, {'splits': p.splits,
                                        **self.knobs.get(name, {})})
        except UserError as error:
          raise UserError(f"metric '{name}': {error}") from error
        for kind, needed, there in zip(('real', 'generated'), needs,
                                       (len(self.chosen), most)):
          if there < needed:
            raise UserError(
                f"metric '{name}' needs {needed} {kind} images or more, and "
                f'there are {there}: more images (config.eval.reals, '
                'config.eval.samples), or other knobs or another protocol of '
                'the metric would be right')

  def score(self, batches, settings=None, stamp=None, labels=None):
    """Scores generated images.

    Args:
      batches: as in Viewer.look.
      settings: {argument: value}, passed to metrics with such an argument.
      stamp: entries about the fakes, added to each protocol's stamp.
      labels: [n] of the fakes, for metrics of classes; None: not known.

    Returns:
      {protocol: [{label: value}, stamp]}.
    """
    seen = viewer.finished(self.look(batches))
    return self.told(lambda: self.values(seen, settings, stamp, labels))

  def look(self, batches):
    """Looks at generated images, and yields after each batch.

    Before the first one, it looks at the reals if no score did.

    Returns:
      The argument `seen` of `values`, as the value of the generator.
    """
    if any(module.REFERENCE is True for module in self.modules.values()):
      for name in self.protocols:
        self.reference(name)
    return (yield from self._viewer.look(batches))

  def values(self, seen, settings=None, stamp=None, labels=None):
    """The scores of images that were looked at; host work of process 0.

    Arguments and result are those of `score`.
    """
    scores = {}
    for name, p in self.protocols.items():
      values = {}
      for metric, module in self.modules.items():
        computed = self._metric(
            name, p, module, seen[name]._replace(labels=labels),
            {**(settings or {}), **self.knobs.get(metric, {})})
        if computed and computed.keys() != module.BETTER.keys():
          raise UserError(f"metric '{metric}' gives the values {[*computed]}, "
                          f'and BETTER in its file names {[*module.BETTER]}')
        values |= {self.labels[metric][suffix]: value
                   for suffix, value in computed.items()}
      net = self.nets[name]
      if net and 'moments' in self.needs and seen[name].count <= net.dims:
        log.warning('%d fakes for %d features: the Frechet distance of so few '
                    'fakes is much higher than that of many',
                    seen[name].count, net.dims)
      scores[name] = [values, {**self.stamp(name), **(stamp or {}),
                               'settings': settings or {},
                               'fakes': seen[name].count}]
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
      real = self.reference(name) if module.REFERENCE else None
      if real and self.published and 'features' not in module.NEEDS:
        # Else fd has the covariance of fewer reals than fakes from these.
        real = real._replace(features=None)
    return called(module.score, {'splits': p.splits, 'ddof': p.ddof,
                                 'seed': self.seed, **settings}, real, fake)

  def _made(self, name, module):
    """A metric after its precomputation on the reals: fake -> values."""
    return module.make(self.reference(name))

  def reference(self, name):
    """Samples of the reals under one protocol; at least their moments."""
    net = self.nets[name]
    if self.needs - {*viewer.MOMENTS} or net is None:
      real = self._seen_reals()[name]
    else:
      real = self._moments_of_reals(name, net)
    if self.published:
      self.told(lambda: self._verify_published(real))
      real = real._replace(mean=self.published[0], cov=self.published[1])
    return real._replace(labels=self._classes)

  def _seen_reals(self):
    """{protocol: Samples} of the reals."""
    return viewer.finished(self._viewer.look(self._reals()))

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

  def _moments_of_reals(self, name, net):
    """Samples of the reals with their moments alone, cached by content."""
    shapes = {'count': ()}
    for need, x in viewer.MOMENTS.items():
      if need in self.needs:
        d = net.dims if x == 'features' else net.spatial
        shapes |= {f'{x}_mean': (d,), f'{x}_cov': (d, d)}
    about = [net.sha256, sorted(net.protocol.items()),
             self.protocols[name].ddof,
             [key.removesuffix('_mean') for key in shapes if 'mean' in key],
             self.fingerprint()]
    if self.precision != 'highest':
      about.append(self.precision)
    digest = hashlib.sha256(repr((*about,)).encode()).hexdigest()
    file = (pathlib.Path(self.cache).expanduser() / 'statistics'
            / f'{digest}.npz')
    cached = _cache.read_arrays(file, shapes)
    if self.told(lambda: cached is None):
      real = self._seen_reals()[name]
      if jax.process_index() == 0:
        of = {'features': (real.mean, real.cov), 'spatial': real.spatial}
        _cache.write_arrays(file, {'count': real.count} | {
            key: of[x][part == 'cov'] for key in shapes if key != 'count'
            for x, part in [key.split('_')]})
      return real
    moments = lambda x: ((cached[f'{x}_mean'], cached[f'{x}_cov'])
                         if cached and f'{x}_mean' in cached else None)
    return Samples(len(self.chosen), *(moments('features') or ()),
                   spatial=moments('spatial'))

  def _verify_published(self, real):
    """Refuses statistics of a file that do not describe the reals."""
    distance = _frechet.distance(real.mean, real.cov, *self.published)
    if distance > _NEAR_ZERO:
      raise UserError(
          f'{self.statistics} does not describe these {real.count} images: '
          f'their Frechet distance is {distance:.4g}, above {_NEAR_ZERO}; the '
          'file may be of another split, resize or set of weights')

  def _net(self, p, source, labels, weights, data_dir):
    """The Extractor of a protocol; None if no metric needs a network."""
    if not self.network:
      return None
    module = lookup.find('features', self.network)
    if 'images' in self._arguments:
      from jgan import batches
      net = module.load(batches.as_array(source), labels, seed=self.seed)
    else:
      options = {'data_dir': data_dir, 'resize': p.resize}
      weights = weights or (os.environ.get('JGAN_INCEPTION', '')
                            if self.network == 'inception' else '')
      net = module.load(weights, **{k: v for k, v in options.items()
                                    if k in self._arguments})
    for need, what, width in (('spatial', 'spatial features', net.spatial),
                              ('logits', 'logits', net.classes)):
      if need in self.needs and not width:
        metric = next(n for n, m in self.modules.items() if need in m.NEEDS)
        raise UserError(f"metric '{metric}' needs {what}, and network "
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
        **({'network precision': self.precision}
           if net and self.precision != 'highest' else {}),
        'jgan': protocol.VERSION}


def called(function, settings, *arguments):
  """Calls a function with those of the settings that its signature has."""
  parameters = inspect.signature(function).parameters
  return function(*arguments, **{k: v for k, v in settings.items()
                                 if k in parameters})
