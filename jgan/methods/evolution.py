"""Search by evolution: EAGAN (Ying et al., 2022), and SCGAN's selection.

The super-networks of random_search train on one path in each step. In a warm-up
it is a fresh one; then that of a random member of a population. Every `every`
steps the population has as many children, all of both are scored with the
shared weights, and some survive (methods/_selection.py). Only the generator is
searched; a discriminator that is a super-network has random paths throughout.

The host makes a generation (run/evolving.py): the population is in
GanState.extra['evolution'], so nothing is compiled again.
"""
import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np

from jgan import build, forward, lookup, steps
from jgan.errors import UserError
from jgan.methods import _search, _selection
from jgan.ops import flops
from jgan.types import Method

_TRIES = 20_000  # draws until one is given up


def make(config, shape, *, axis_name=None, population=32, warmup=50_000,
         every=12_500, generations=16, selection='fronts', params=(), macs=(),
         cell_params=()):
  """Builds the training of super-networks on the paths of a population.

  Args:
    config, shape, axis_name: as in every method (methods/adversarial.py).
    population: number of members; each generation scores twice as many.
    warmup: steps before the first generation.
    every: steps between generations.
    generations: how many there are.
    selection: 'fronts' or 'clusters'; config.checkpoint.best names the score
      that comes first, the other scores of config.eval and the number of
      parameters follow.
    params: (fewest, most) parameters of a generator, () for any.
    macs: the same of multiply-accumulates for one image.
    cell_params: the same of the parameters of each cell.

  Returns:
    Method. It samples with the uniform mixture of all operations.

  Raises:
    UserError: the models are no super-networks of one space, their relaxation
      is not 'softmax', or an argument is impossible.
  """
  limits = {'params': params, 'macs': macs, 'cell_params': cell_params}
  _check(config, population, warmup, every, generations, selection, limits)
  _search.require_softmax(config)
  models = build.models(config, shape, axis_name=axis_name)
  space = _search.Space(config, models, both=False)
  choices = {player: space.choices(player) for player in space.names}
  widths = {part: len(ops) for part, ops in space.names['generator'].items()}
  tx = build.optimizers(config)
  play = functools.partial(steps.gan_step, models=models, tx=tx,
                           **build.game(config, axis_name))

  def step(state, batch, rng):
    gen_rng, disc_rng, rng = jax.random.split(rng, 3)
    memory = state.extra['evolution']
    member = jax.random.randint(jax.random.fold_in(gen_rng, 0), (), 0,
                                population)
    fresh = _search.uniform(gen_rng, choices['generator'])
    paths = {'generator': {
        part: jnp.where(memory['generation'] > 0, jax.nn.one_hot(
            genes[member], widths[part]), fresh[part])
        for part, genes in memory['genes'].items()}}
    if 'discriminator' in choices:
      paths['discriminator'] = _search.uniform(disc_rng,
                                               choices['discriminator'])
    return _search.path_step(state, batch, rng, paths, play=play)

  genes = {part: np.zeros((population, *has.shape[:-1]), np.int32)
           for part, has in choices['generator'].items()}
  memory = {'genes': genes, 'score': np.zeros(population, np.float32),
            'params': np.zeros(population, np.int32),
            'generation': np.int32(0)}
  init = functools.partial(
      steps.gan_init, models=models, tx=tx,
      extra={**build.extra(config), 'evolution': memory})
  evolution = Evolution(config, models.gen, space, selection, {
      name: limit for name, limit in limits.items() if limit})
  search = space.search()._replace(
      derive=evolution.best, draw=evolution.draw, evolve=evolution.evolve,
      front=evolution.front)
  return Method(init, step, functools.partial(forward.sample, models.gen),
                models.gen.latent, search)


def evolves(config):
  """Steps after which the population has a next generation, a range."""
  method = config.method
  return range(method.warmup, method.warmup + method.generations * method.every,
               method.every)


def _check(config, population, warmup, every, generations, selection, limits):
  """Refuses impossible arguments of `make`."""
  for name, value, least in (('population', population, 2),
                             ('warmup', warmup, 1), ('every', every, 1),
                             ('generations', generations, 1)):
    if value < least:
      raise UserError(f'config.method.{name} is {value}, it must be at least '
                      f'{least}')
  if selection not in _selection.RULES:
    raise UserError(f"config.method.selection is '{selection}': "
                    f'{lookup.nearest(selection, _selection.RULES)}')
  for name, limit in limits.items():
    if limit and not (
        len(limit) == 2 and all(isinstance(x, int | float) for x in limit)
        and 0 <= limit[0] <= limit[1]):
      raise UserError(f'config.method.{name} is {limit}: (fewest, most), or () '
                      'for any, would be right')
  last = warmup + (generations - 1) * every
  if last > config.steps:
    raise UserError(f'generation {generations} of config.method comes after '
                    f'step {last}, and config.steps is {config.steps}: fewer '
                    'generations, or a smaller warmup or every, would be right')
  if not config.checkpoint.best:
    raise UserError("method 'evolution' selects by scores: config.checkpoint."
                    "best has to name the one that comes first, as 'eval/FID'")


class Evolution:
  """What happens to the individuals of a space, on the host.

  An individual is the generator of a genotype, {edge: operation} per cell.
  """

  def __init__(self, config, model, space, selection, limits):
    """model: super-network. limits: {a value of Sizes: (fewest, most)}."""
    self._space, self._selection, self._limits = space, selection, limits
    self._cells = space.cells('generator')
    self._score = config.checkpoint.best
    name = config.generator.name.removesuffix('_super')
    network = build.module(config, 'generator', name)
    if not hasattr(network, 'genotype'):
      raise UserError(f"method 'evolution' counts the parameters of genotypes, "
                      f"and model '{name}' has none: the super-network "
                      "'NAME_super' of a model 'NAME' that has would be right")
    self._sizes = Sizes(model, network, space.name)

  def evolve(self, memory, seen, scores_of, better, rng):
    """The next generation; the first one begins with random members.

    Args:
      memory: GanState.extra['evolution'], numpy.
      seen: set of the keys (_search.key) of individuals that cannot be born
        again.
      scores_of: genotype -> {label: value}.
      better: {label: 'lower' or 'higher'} of the scores to select by.
      rng: np.random.Generator.

    Returns:
      The new memory, its members best first, and a list of {'generation',
      'genotype' (the generator's), 'values', 'params', 'macs', 'selected'}, of
      the parents and then of the children.

    Raises:
      UserError: no new individual was drawn within many tries.
    """
    count = len(memory['score'])
    parents = (self.members(memory) if memory['generation'] else
               self._new(count, {*seen}, lambda _: self._drawn(rng)))
    grown = {*seen, *map(_search.key, parents)}
    children = self._new(count, grown, lambda tries: child(
        rng, parents, self._cells, mutates=tries > _TRIES // 2
        or rng.random() < .5))
    brood = parents + children
    values = [scores_of({'space': self._space.name, 'generator': one})
              for one in brood]
    first = self._score.removeprefix('eval/')
    labels = [first, *(label for label in better if label != first
                       and all(label in value for value in values))]
    sign = {'lower': 1., 'higher': -1.}
    sizes = [self._sizes.of(one) for one in brood]
    costs = [[*(sign[better[label]] * value[label] for label in labels),
              size['params']] for value, size in zip(values, sizes)]
    chosen = _selection.survivors(costs, count, self._selection)
    generation = int(memory['generation']) + 1
    records = [{'generation': generation, 'genotype': brood[i],
                'values': values[i], 'params': sizes[i]['params'],
                'macs': sizes[i]['macs'], 'selected': i in chosen}
               for i in range(len(brood))]
    genes = [self._genes(brood[i]) for i in chosen]
    return {'genes': {part: np.stack([one[part] for one in genes])
                      for part in genes[0]},
            'score': np.float32([values[i][first] for i in chosen]),
            'params': np.int32([sizes[i]['params'] for i in chosen]),
            'generation': np.int32(generation)}, records

  def members(self, memory):
    """The individuals of a memory."""
    return [[{name: edge.ops[memory['genes'][edge.part][i][edge.row]]
              for name, edge in edges.items()} for edges in self._cells]
            for i in range(len(memory['score']))]

  def draw(self, rng):
    """A random genotype within the limits.

    Raises:
      UserError: none of many is.
    """
    one, = self._new(1, set(), lambda _: self._drawn(rng))
    return {'space': self._space.name, 'generator': one}

  def best(self, state):
    """The genotype of the best member; None before the first generation."""
    genotypes = self._told(state)
    return genotypes[0] if genotypes else None

  def front(self, state):
    """The genotypes that no other member beats in both score and size."""
    genotypes, memory = self._told(state), state.extra['evolution']
    sizes = np.asarray(memory['params'])
    # The members stand in the order of their scores.
    return [one for i, one in enumerate(genotypes)
            if np.isfinite(memory['score'][i]) and (
                sizes[i] < sizes[:i]).all()]

  def _fits(self, one):
    """Whether an individual is within the limits."""
    size = self._sizes.of(one) if self._limits else {}
    return all(low <= x <= high for name, (low, high) in self._limits.items()
               for x in np.atleast_1d(size[name]))

  def _new(self, count, seen, made):
    """List of `count` valid individuals within the limits, unlike any before.

    Args:
      seen: set of keys, which grows by theirs.
      made: number of tries before -> an individual.
    """
    new = []
    for _ in range(count):
      for tries in range(_TRIES):
        one = made(tries)
        if _search.key(one) not in seen and self._space.valid(
            one, 'generator') and self._fits(one):
          break
      else:
        within = [f'config.method.{name}={limit}'
                  for name, limit in self._limits.items()]
        raise UserError(
            f'of {_TRIES:,} architectures none was '
            f'{" and ".join(["new, valid", *within])}, after {len(seen):,} '
            'others: wider limits, more operations or fewer generations would '
            'be right')
      seen.add(_search.key(one))
      new.append(one)
    return new

  def _drawn(self, rng):
    return self._space.draw(rng)['generator']

  def _genes(self, one):
    """{part: index of each edge's operation} of an individual."""
    return {part: x.argmax(-1).astype(np.int32) for part, x in
            self._space.one_hot(one, 'generator').items()}

  def _told(self, state):
    """The genotypes of the population, with score and size as 'origin'."""
    memory = jax.tree.map(np.asarray, state.extra['evolution'])
    if not memory['generation']:
      return []
    return [{'space': self._space.name, 'generator': one,
             'origin': f'generation {memory["generation"]}, {self._score} '
             f'{score:.6g}, {size:,} parameters'} for one, score, size in zip(
                 self.members(memory), memory['score'], memory['params'])]


class Sizes:
  """Sizes of genotypes' networks, at the width of a super-network.

  What an operation adds on its edge is read off a network that has it, so most
  networks are never built. If one turns out to be more than the sum of its
  edges, all are from then on.
  """

  def __init__(self, model, network, space):
    """model: the super-network. network: the class. space: its name."""
    names = lambda kind: {field.name for field in dataclasses.fields(kind)}
    self._fields = {name: getattr(model, name) for name in names(network)
                    & names(model) - {'axis_name', 'genotype', 'parent',
                                      'name'}}
    self._network, self._space = network, space
    self._parts, self._rests = {}, []

  def of(self, one):
    """{'params', 'macs' of an image, 'cell_params': of each cell}."""
    places = [(i, *edge) for i, cell in enumerate(one) for edge in cell.items()]
    if len(self._rests) != 1 or not all(
        place in self._parts for place in places):
      total = self._measured(one)
    else:
      total = self._rests[0] + sum(self._parts[place] for place in places)
    params, macs, *cells = map(int, total)
    return {'params': params, 'macs': macs, 'cell_params': cells}

  def _measured(self, one):
    """int64 [2 + cells]: parameters, MACs, parameters of each cell."""
    network = self._network(**self._fields, genotype=json.dumps(
        {'space': self._space, 'generator': one}))
    z, *labels = forward.inputs(network, jnp.zeros((1, network.latent)))
    variables = jax.eval_shape(
        lambda: network.init(jax.random.key(0), z, True, *labels))
    rows = flops.layers(network, variables, z, *labels)

    def within(scope):
      inside = flops.total([row for row in rows if not scope or (
          f'{row.name}/'.startswith(f'{scope}/'))])
      return inside.params, inside.macs

    cells = [within(f'cell_{i + 1}')[0] for i in range(len(one))]
    total = rest = np.array([*within(''), *cells])
    for i, cell in enumerate(one):
      for edge, op in cell.items():
        params, macs = within(f'cell_{i + 1}/{edge}')
        part = np.array([params, macs, *(params * (i == j)
                                         for j in range(len(one)))])
        self._parts[i, edge, op] = part
        rest = rest - part
    if not any((rest == other).all() for other in self._rests):
      self._rests.append(rest)
    return total


def child(rng, parents, cells, *, mutates):
  """A parent with another operation on one edge.

  Args:
    rng: np.random.Generator.
    parents: individuals.
    cells: {name: space.Edge} each.
    mutates: the operation is any other one; else that of another parent, which
      may be the same.
  """
  edges = [(i, name) for i, cell in enumerate(cells)
           for name, edge in cell.items() if len(edge.ops) > 1]
  i, name = edges[rng.integers(len(edges))]
  a, b = rng.choice(len(parents), 2, replace=False)
  own = parents[a][i][name]
  others = [op for op in cells[i][name].ops if op != own]
  op = (others[rng.integers(len(others))] if mutates else parents[b][i][name])
  return [{**cell, name: op} if j == i else cell
          for j, cell in enumerate(parents[a])]
