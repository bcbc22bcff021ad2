"""What training costs: real images, floating-point operations, by phase.

Three numbers, of all steps so far. None depends on the clock or the device.

  real images  that D was shown in its own updates (#RI of Saxena et al., 2023)
  flops        2 x the multiply-accumulates of every convolution and matrix
               product in those steps, forward and backward: G's and D's
               updates, penalties, a spectral norm's power iterations, a loss
               that compares pairs. They are counted in the step's jaxpr, so
               of any method. A penalty that acts at one step in `every` costs
               that part. Optimizers and element-wise work are left out, as is
               the scoring.
  published    #RI x 2 x the multiply-accumulates of G for one image, which is
               what Saxena et al. report: 30 million images of SN-GAN's
               generator, of 3.3623 GFLOPs each, are 1.01e17. Transposed
               convolutions count by their output, as thop has them.

Each also stands at ideal sparse cost: in steps whose masks are in force, a
player's work counts by the kept part of the weights that may be pruned, as if
all its layers had that part and zeros were free. They are not on real
hardware, which saves nothing by masks.
"""
import bisect
import collections
import itertools
import re

import jax
import jax.numpy as jnp

from jgan import build
from jgan import config as configs
from jgan.ops import flops
from jgan.types import Pair

PHASES = 'warmup', 'sparse', 'dense'
"""Names of masked.WARMUP, SPARSE and DENSE; without masks all is dense."""


class Cost:
  """The cost of a run, of which nothing is computed but counts.

  Attributes:
    published: FLOPs of the generator for one image, as papers count.
    steps: {kind of step: Counter of FLOPs by 'gen', 'disc' and 'rest'}.
    images: {kind of step: real images}.
  """

  def __init__(self, config):
    """Traces a completed config's steps, of each kind that they are of."""
    method = build.method(config)
    self._plan = method.plan
    self._masked = any(config.optimizer[player].pruning.name != 'none'
                       for player in Pair._fields)
    self._spans = method.spans or build.spans(config)
    plan = build.plan(config, method)
    turns = {}
    for step in range(config.steps if method.plan else 1):
      turn = plan(step)
      turns.setdefault(turn.name, turn)
    self.images = {name: turn.critics * (turn.batch or config.batch)
                   for name, turn in turns.items()}
    self.steps = _with_lazy_penalties(config, turns)
    self.published = _published(method, build.abstract(config, method).ema)

  def phases(self, step):
    """The cost of the first `step` steps, by G's phase.

    Returns:
      {phase: {'real_images', 'flops', 'published', and if a player is masked,
      by densities that are known, 'flops_sparse', 'published_sparse'}}, of the
      phases there were.
    """
    edges = sorted({0, step, *(x.first for player in self._spans
                               for x in player if x.first < step)})
    found = {}
    for first, end in itertools.pairwise(edges):
      gen, disc = (
          player[bisect.bisect(player, first, key=lambda x: x.first) - 1]
          for player in self._spans)
      spent = found.setdefault(PHASES[gen.phase], collections.Counter())
      spent.update(self._between(first, end, gen.density, disc.density))
    return {phase: dict(spent) for phase, spent in found.items()}

  def total(self, step):
    """The cost of the first `step` steps, as one of `phases`."""
    nothing = self._between(0, 0, 1., 1.)
    found = [*self.phases(step).values()] or [nothing]
    keys = [k for k in found[0] if all(k in spent for spent in found)]
    return {k: sum(spent[k] for spent in found) for k in keys}

  def _between(self, first, end, *densities):
    """The cost of the steps [first, end), in which densities are constant."""
    kinds = (collections.Counter(self._plan(s).name for s in range(first, end))
             if self._plan else dict.fromkeys(self.steps, end - first))
    images = sum(n * self.images[kind] for kind, n in kinds.items())
    spent = collections.Counter()
    for kind, n in kinds.items():
      spent.update({k: n * v for k, v in self.steps[kind].items()})
    found = {'real_images': images, 'flops': float(spent.total()),
             'published': float(images * self.published)}
    if None in densities or not self._masked:
      return found
    kept = dict(zip(Pair._fields, densities))
    return found | {
        'flops_sparse': sum(kept.get(k, 1.) * v for k, v in spent.items()),
        'published_sparse': found['published'] * kept['gen']}


def _with_lazy_penalties(config, turns):
  """{kind: Counter of FLOPs}; one that acts now and then counts in part."""
  config = config.copy_and_resolve_references().unlock()
  lazy = [x for x in config.penalties if x.get('every', 1) > 1]
  always = tuple(x for x in config.penalties if x.get('every', 1) <= 1)

  def counted(penalties):
    config.penalties = penalties
    return _steps(configs.complete(config), turns)

  base = counted(always)
  found = {kind: collections.Counter(spent) for kind, spent in base.items()}
  for penalty in lazy:
    penalty, every = penalty.copy_and_resolve_references(), penalty.every
    penalty.every = 1
    for kind, spent in counted((*always, penalty)).items():
      more = {k: (v - base[kind][k]) / every for k, v in spent.items()}
      found[kind].update(more)
  return found


def _steps(config, turns):
  """{kind: Counter of FLOPs by player} of one step of each kind."""
  method, spec = build.method(config), build.spec(config)
  state = build.abstract(config, method)
  kinds = method.step if method.plan else {next(iter(turns)): method.step}
  found = {}
  for kind, turn in turns.items():
    image = jax.ShapeDtypeStruct(
        (turn.critics, turn.batch or config.batch, *spec.shape), spec.dtype)
    found[kind] = collections.Counter()
    for scope, macs, _ in flops.work(kinds[kind], state, {'image': image},
                                     jax.random.key(0)):
      found[kind][_player(scope)] += 2 * macs
  return found


def _player(scope):
  """Whose work is done in a scope: 'gen', 'disc', or the 'rest'."""
  owner = re.search(r'\b(Generator|Discriminator)\b', scope)
  return {'Generator': 'gen', 'Discriminator': 'disc'}.get(
      owner and owner[1], 'rest')


def _published(method, net):
  """FLOPs of a generator for one image."""
  def made(count):
    z = jax.ShapeDtypeStruct((count, method.latent), jnp.float32)
    return sum(macs for _, _, macs in flops.work(method.sample, net, z))

  # The difference has nothing of what depends on the parameters alone.
  return 2 * (made(2) - made(1))
