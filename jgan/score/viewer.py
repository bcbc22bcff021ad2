"""What feature networks see of a set of images, on all devices of a mesh.

Images that were made on the devices stay there: the networks process them
where they are, and so are the moments of the features summed. The host gets
what metrics read themselves, of which only process 0 keeps a copy.
"""
import collections

import jax
import numpy as np

from jgan.errors import Stopped
from jgan.features import _extractor
from jgan.metrics._samples import Samples
from jgan.ops import moments, spread

MOMENTS = {'moments': 'features', 'spatial': 'spatial'}
"""Of which output of a network a need is the moments."""
_AHEAD = 2  # batches given to the devices before the host waits for one


class Viewer:
  """Looks at images through the networks of several protocols."""

  def __init__(self, protocols, nets, needs, *, mesh, batch,
               precision='highest'):
    """Puts the networks on the devices.

    Args:
      protocols: {name: Protocol}.
      nets: {name of a protocol: Extractor, or None}.
      needs: the fields of Samples that metrics read.
      mesh: of ops/spread.py.
      batch: images at a time, a multiple of the devices.
      precision: as in _extractor.outputs.
    """
    self._protocols, self._needs = protocols, needs
    self._mesh, self._batch = mesh, batch
    # Protocols may share a network and its resize.
    self._keys = {name: net.name + net.protocol.get('resize', '')
                  for name, net in nets.items() if net}
    self._nets = {key: nets[name] for name, key in self._keys.items()}
    self._summed = [x for need, x in MOMENTS.items() if need in needs]
    self._read = [x for x in ('features', 'logits') if x in needs]
    self._variables = {key: spread.copies(net.variables, mesh)
                       for key, net in self._nets.items()}
    self._see = {
        key: seen(net, self._summed, self._read, mesh=mesh, precision=precision)
        for key, net in self._nets.items()}
    self._start = jax.jit(lambda: {
        key: {x: moments.empty(_width(net, x)) for x in self._summed}
        for key, net in self._nets.items()},
        out_shardings=spread.everywhere(mesh))
    self._readable = jax.jit(lambda x: x, out_shardings=spread.readable(mesh))

  def look(self, batches):
    """Looks at all images, and yields after each batch.

    Args:
      batches: iterable of numpy images [b, h, w, c], or of pairs of images
        [batch, h, w, c] on the devices and the number of them that count.

    Returns:
      {protocol: Samples}, as the value of the generator.

    Raises:
      UserError: no images of uint8 for a network.
      Stopped: a feature is not finite.
    """
    sums, total = self._start(), 0
    parts = collections.defaultdict(list)
    waiting = collections.deque()

    def settle():
      count, images, outputs = waiting.popleft()
      jax.block_until_ready(images)
      if jax.process_index() == 0:
        for name, x in outputs.items():
          parts[name].append(spread.read(x)[:count])

    for images, count, given in self._spread(batches):
      total += count
      outputs = {}
      if 'images' in self._needs:
        outputs['images'] = (self._readable(images) if given is None
                             else given)
      for key, net in self._nets.items():
        x = spread.on_host(net.prepare, images) if net.host else images
        sums[key], seen = self._see[key](self._variables[key], sums[key], x,
                                         np.int32(count))
        outputs |= {(key, name): value for name, value in seen.items()}
      waiting.append((count, images, outputs))
      if len(waiting) > _AHEAD:
        settle()
      yield
    while waiting:
      settle()
    return self._samples(spread.local(sums), parts, total)

  def _spread(self, batches):
    """Yields images on the devices, their number, and them if numpy or None.

    Without a network, numpy images stay on the host.
    """
    for batch in batches:
      if isinstance(batch, tuple):
        self._check(batch[0])
        yield *batch, None
        continue
      batch = np.asarray(batch)
      self._check(batch)
      for i in range(0, len(batch), self._batch):
        chunk = batch[i:i + self._batch]
        images = spread.put(_extractor.padded(chunk, self._batch),
                            spread.rows(self._mesh)) if self._nets else chunk
        yield images, len(chunk), chunk

  def _check(self, images):
    for net in self._nets.values():
      _extractor.refuse_others(images, net.name)

  def _samples(self, sums, parts, total):
    """{protocol: Samples} from sums and outputs on the host."""
    arrays = {name: np.concatenate(part) for name, part in parts.items()}
    for key in sums:
      for name, s in sums[key].items():
        if s.bad:
          raise Stopped(f'{name}: {s.bad} of {total} are not finite; score an '
                        'earlier checkpoint')
    samples = {}
    for name, p in self._protocols.items():
      key, known = self._keys.get(name), {}
      for x, s in sums.get(key, {}).items():
        if s.count > p.ddof:
          mean, scatter = moments.mean_and_scatter(s)
          known[x] = mean, scatter / (s.count - p.ddof)
      samples[name] = Samples(
          total, *known.get('features', (None, None)),
          spatial=known.get('spatial'), images=arrays.get('images'),
          **{x: arrays.get((key, x)) for x in self._read})
    return samples


def seen(net, summed, read, *, mesh, precision='highest'):
  """The jitted function of a batch of images on the devices.

  Args:
    net: Extractor.
    summed: names of its outputs whose moments are summed.
    read: names of its outputs that the host reads.
    mesh: of ops/spread.py.
    precision: as in _extractor.outputs.

  Returns:
    (variables, {name: moments.Sums}, images [b, h, w, c] uint8, count) -> the
    new sums, which take the first `count` rows, and {name: [b, ...]} to read.
  """
  wanted = (*dict.fromkeys([*summed, *read]),)

  def see(variables, sums, images, count):
    prepared = images if net.host else net.prepare(images)
    computed = _extractor.outputs(net, variables, prepared, wanted, precision)
    sums = {x: moments.add(sums[x], computed[x], count) for x in sums}
    return sums, {x: computed[x] for x in read}

  return jax.jit(see, donate_argnums=1, out_shardings=(
      spread.everywhere(mesh), spread.readable(mesh)))


def finished(generator):
  """The value of a generator, run to its end."""
  while True:
    try:
      next(generator)
    except StopIteration as end:
      return end.value


def _width(net, output):
  return net.dims if output == 'features' else net.spatial
