"""The cost of training: real images and floating-point operations, by phase.

Three numbers are summed over all steps so far. None depends on time or device.

  real images  real images in D's own updates (#RI of Saxena et al., 2023).
  flops        2 x the multiply-accumulates (MACs) of every convolution and
               matrix product in these steps, forward and backward: in updates
               of G and D, penalties, the power iterations of spectral
               normalization, and losses that compare pairs. They are counted
               in the jaxpr of the step, so for any method. A penalty that
               acts at one step in `every` counts 1 / every. Optimizers,
               element-wise operations and scoring are not counted.
  published    #RI x 2 x the MACs of G for one image, the number that Saxena
               et al. report: 30 million images x 3.3623 GFLOPs of SN-GAN's
               generator = 1.01e17. A transposed convolution counts by its
               output, as in thop.

`of_image` has what other tables of theirs count for one image.

Tracing the steps of large networks takes seconds to minutes. What it gives is
kept by `program`, a name of all that it depends on: rates, lengths, seeds, data
of the same shape and scores do not change it.

FLOPs are also given at ideal sparse cost. While the masks of a player are in
force, its work is multiplied by the density of its prunable weights, as if all
its layers had this density and zeros cost nothing. Real hardware does not
reach this: masks alone save no time on it.
"""
import bisect
import collections
import hashlib
import itertools
import json
import re

import jax
import jax.numpy as jnp

from jgan import build, classes, forward, genotype
from jgan import config as configs
from jgan.ops import flops
from jgan.types import Pair

PHASES = 'warmup', 'sparse', 'dense'
"""Names of masked.WARMUP, SPARSE and DENSE. Without masks all are dense."""


class Cost:
  """The cost of a run, counted by tracing its steps, without running them.

  Attributes:
    program: what the counts depend on, sixteen hexadecimal digits.
    published: FLOPs of the generator for one image, as papers count them.
    steps: {kind of step: Counter of FLOPs by 'gen', 'disc' and 'rest'}.
    images: {kind of step: real images}.
  """

  def __init__(self, config, counted=None):
    """Traces one step of each kind that the completed config has.

    counted: {program: {'published', 'steps'}} of earlier counts, JSON types; a
      config whose program is there is not traced, another one is added.
    """
    config = classes.even(config)
    method = build.method(config)
    self._masked = any(config.optimizer[player].pruning.name != 'none'
                       for player in Pair._fields)
    self._spans = method.spans or build.spans(config)
    plan, turns = build.plan(config, method), {}
    self._kinds = []  # of all steps, or of any, where there is one kind
    for step in range(config.steps if method.plan else 1):
      turn = plan(step)
      turns.setdefault(turn.name, turn)
      self._kinds.append(turn.name)
    self.images = {name: turn.critics * (turn.batch or config.batch)
                   for name, turn in turns.items()}
    self.program = _program(config, turns)
    counted = {} if counted is None else counted
    if self.program not in counted:
      counted[self.program] = {
          'published': _published(config, build.abstract(config, method).ema),
          'steps': {kind: dict(work) for kind, work in
                    _with_lazy_penalties(config, turns).items()}}
    self.published = counted[self.program]['published']
    self.steps = {kind: collections.Counter(work) for kind, work
                  in counted[self.program]['steps'].items()}

  def phases(self, step):
    """The cost of the first `step` steps, by the phase of G's masks.

    Returns:
      {phase: {'real_images', 'flops', 'published'}} of the phases so far; also
      'flops_sparse' and 'published_sparse' if a player has masks, and the
      densities of both are known.
    """
    edges = sorted({0, step, *(x.first for player in self._spans
                               for x in player if x.first < step)})
    costs = {}
    for first, end in itertools.pairwise(edges):
      gen, disc = (
          player[bisect.bisect(player, first, key=lambda x: x.first) - 1]
          for player in self._spans)
      cost = costs.setdefault(PHASES[gen.phase], collections.Counter())
      cost.update(self._between(first, end, gen.density, disc.density))
    return {phase: dict(cost) for phase, cost in costs.items()}

  def total(self, step):
    """The cost of the first `step` steps, with the keys of `phases`."""
    nothing = self._between(0, 0, 1., 1.)
    costs = [*self.phases(step).values()] or [nothing]
    keys = [key for key in costs[0] if all(key in cost for cost in costs)]
    return {key: sum(cost[key] for cost in costs) for key in keys}

  def _between(self, first, end, *densities):
    """The cost of the steps [first, end), where G and D have `densities`."""
    kinds = (collections.Counter(self._kinds[first:end])
             if len(self._kinds) > 1 else
             dict.fromkeys(self.steps, end - first))
    images = sum(n * self.images[kind] for kind, n in kinds.items())
    work = collections.Counter()
    for kind, n in kinds.items():
      work.update({k: n * v for k, v in self.steps[kind].items()})
    cost = {'real_images': images, 'flops': float(work.total()),
            'published': float(images * self.published)}
    if None in densities or not self._masked:
      return cost
    density = dict(zip(Pair._fields, densities))
    return cost | {
        'flops_sparse': sum(density.get(k, 1.) * v for k, v in work.items()),
        'published_sparse': cost['published'] * density['gen']}


# Keys of a config that decide the operations of a step or their sizes, beside
# the shape of the images; and all others.
WITH_WORK = ('batch', 'gen_batch', 'gen_noise', 'critics', 'generator',
             'discriminator', 'loss', 'penalties', 'lazy', 'paired_stats',
             'augment', 'schedules', 'method', 'factored')
WITHOUT_WORK = (
    'seed', 'seeds', 'steps', 'dtype', 'parallel', 'platform', 'devices',
    'steps_per_call', 'data', 'classes', 'pipeline', 'optimizer', 'ema',
    'feedback', 'init', 'log', 'samples', 'eval', 'checkpoint', 'doctor',
    'rollback', 'search', 'compress', 'profile')


def _program(config, turns):
  """A name of all that the FLOPs of the steps depend on."""
  record = {key: value for key, value in configs.plain(config).items()
            if key in WITH_WORK}
  for loss in [record['loss'], *record['penalties']]:
    for key in ('weight', 'gamma', 'center', 'b_l', 'b_u', 'scales'):
      loss.pop(key, None)
  for player in ('generator', 'discriminator'):
    name = record[player].get('genotype', '')
    if name.startswith('{') or name in genotype.names():
      record[player]['genotype'] = {
          k: v for k, v in genotype.load(name).items() if k != 'origin'}
  record['schedules'] = [schedule['name'] for schedule in record['schedules']]
  # Durations of a method's phases are in the turns, as far as they matter.
  record['method'] = {key: value for key, value in record['method'].items()
                      if isinstance(value, str | bool)}
  if config.data.labels:
    record['classes'] = len(config.classes.names)
  spec = build.spec(config)
  record['images'] = [*spec.shape, str(spec.dtype)]
  record['turns'] = sorted([turn.name, turn.critics, turn.batch or config.batch]
                           for turn in turns.values())
  text = json.dumps(record, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:16]


def _with_lazy_penalties(config, turns):
  """{kind: Counter of FLOPs}; a lazy penalty counts 1 / every of its FLOPs."""
  config = config.copy_and_resolve_references().unlock()
  lazy = [x for x in config.penalties if x.get('every', 1) > 1]
  always = tuple(x for x in config.penalties if x.get('every', 1) <= 1)

  def counted(penalties):
    config.penalties = penalties
    return _steps(configs.complete(config), turns)

  base = counted(always)
  counts = {kind: collections.Counter(work) for kind, work in base.items()}
  for penalty in lazy:
    penalty, every = penalty.copy_and_resolve_references(), penalty.every
    penalty.every = 1
    for kind, work in counted((*always, penalty)).items():
      counts[kind].update({player: (count - base[kind][player]) / every
                           for player, count in work.items()})
  return counts


def _steps(config, turns):
  """{kind: Counter of FLOPs by player} of one step of each kind."""
  method = build.method(config)
  state = build.abstract(config, method)
  kinds = method.step if method.plan else {next(iter(turns)): method.step}
  counts = {}
  for kind, turn in turns.items():
    counts[kind] = collections.Counter()
    for scope, macs, _ in flops.work(kinds[kind], state,
                                     build.batch_of(config, turn),
                                     jax.random.key(0)):
      counts[kind][_player(scope)] += 2 * macs
  return counts


def _player(scope):
  """The player whose module a scope belongs to: 'gen', 'disc' or 'rest'."""
  owner = re.search(r'\b(Generator|Discriminator)\b', scope)
  return {'Generator': 'gen', 'Discriminator': 'disc'}.get(
      owner and owner[1], 'rest')


def of_image(config):
  """FLOPs of one image, as the tables of Saxena et al. (2023) count them.

  Returns:
    {'gen': one pass of G (tables 1 and 4), 'both': one of G and one of D
    (table 3), 'narrow': one of a G rebuilt with as many fewer channels as its
    sparsest phase prunes weights (the pruned rows of table 1)}. 'narrow' is of
    runs whose config prunes G and gives it a width.
  """
  method, spec = build.method(config), build.spec(config)
  state = build.abstract(config, method)
  disc = build.models(config, spec.shape).disc
  def judge(net, x):
    x, *labels = forward.inputs(disc, x)
    return forward.judge(disc, net.params, net.stats, x, jax.random.key(0),
                         *labels)[0].logits

  gen = _published(config, state.ema)
  counts = {'gen': gen, 'both': gen + _pass(judge, state.disc, spec.shape)}
  densities = [span.density for span in
               (method.spans or build.spans(config)).gen]
  widths = [key for key in ('width', 'most') if config.generator.get(key)]
  if None not in densities and min(densities) < 1. and widths:
    narrow = config.copy_and_resolve_references().unlock()
    for key in widths:
      width = round(min(densities) * config.generator[key])
      narrow.generator[key] = max(width, 1)
    narrow = configs.complete(narrow)
    net = build.abstract(narrow, build.method(narrow)).ema
    counts['narrow'] = _published(narrow, net)
  return counts


def _published(config, net):
  """FLOPs of the config's generator for one image, at its full size."""
  model = build.models(config, build.spec(config).shape).gen
  return _pass(lambda net, z: forward.sample(
      model, net, *forward.inputs(model, z)), net, (model.latent,))


def _pass(function, net, shape):
  """FLOPs of (Network, inputs) -> outputs for one input of this shape."""
  def macs_of(count):
    inputs = jax.ShapeDtypeStruct((count, *shape), jnp.float32)
    return sum(macs for _, _, macs in flops.work(function, net, inputs))

  # The difference cancels work that depends on the parameters alone.
  return 2 * (macs_of(2) - macs_of(1))
