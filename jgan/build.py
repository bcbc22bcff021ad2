"""From a config to models, losses, optimizers and a method: names become
functions here and in a method's make(), and nowhere else.
"""
import functools

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from jgan import batches, lookup, sections, steps
from jgan import config as configs
from jgan.compress import channels
from jgan.errors import UserError
from jgan.layers import factored
from jgan.optim import pruning
from jgan.optim.groups import grouped
from jgan.schedules._progress import progress
from jgan.sections import keywords
from jgan.types import Augment, Feedback, Loss, Pair, Penalty, Turn


def method(config, *, axis_name=None):
  """The method a config names, for images of its data set.

  config: an experiment's; it is completed and checked first.
  axis_name: the device axis the step will run under, None for none.
  """
  config = configs.complete(config)
  module = lookup.find('methods', config.method.name)
  return module.make(config, spec(config).shape, axis_name=axis_name,
                     **_arguments(config.method))


def spec(config):
  """ImageSpec of the config's data set, without reading it."""
  module, arguments = _data(config)
  return module.info(**arguments)


def source(config, data_dir):
  """The images the config trains on, its fraction of them (data/)."""
  module, arguments = _data(config)
  images = module.load(data_dir, **arguments)
  want = module.info(**arguments).shape
  if tuple(images.shape[1:]) != tuple(want):
    raise UserError(f'images of {config.data.name} have shape '
                    f'{tuple(images.shape[1:])}, the config says {want}')
  p = config.pipeline
  return batches.subset(images, first=p.first, fraction=p.fraction,
                        seed=p.fraction_seed)


def reference(config, images, data_dir):
  """The images that scores compare with, and their labels or None.

  images: what the config trains on; another split is loaded if it asks.

  Raises:
    UserError: the data set has no such split.
  """
  split = config.eval.split
  module, arguments = _data(config)
  whole = config.pipeline.first == 0 and config.pipeline.fraction == 1.
  if split:
    if 'split' not in arguments:
      raise UserError(f"config.eval.split is '{split}', but "
                      f'{config.data.name} has no splits')
    images = module.load(data_dir, **arguments | {'split': split})
  elif not config.eval.subset and not whole:
    images = module.load(data_dir, **arguments)
  # The classifier learns from the labels of the whole training set.
  if config.eval.network != 'classifier' or not hasattr(module, 'labels'):
    return images, None
  if not whole or split:
    return images, None
  return images, module.labels(data_dir, **arguments)


def prepare(config, axis_name=None):
  """(rng, images) -> float32 images in [-1, 1], as the config asks."""
  return functools.partial(
      batches.prepare, flip=config.pipeline.flip,
      dequantize=config.pipeline.dequantize, axis_name=axis_name)


def models(config, shape, *, axis_name=None):
  """Pair of linen modules for images of `shape` (h, w, c)."""
  height, width, colors = shape
  if height != width:
    raise UserError(f'images are {height} x {width}: only square ones train')
  pair = Pair(*(
      getattr(lookup.find('models', config[player].name), player.capitalize())(
          size=height, colors=colors, dtype=jnp.dtype(config.dtype),
          axis_name=axis_name, **_parts(config[player]))
      for player in ('generator', 'discriminator')))
  if config.factored:
    pair = pair._replace(gen=factored.module(pair.gen,
                                             config.factored.to_dict()))
  return pair


def abstract(config, method):
  """The shapes that a state of the config's method has."""
  image = jax.ShapeDtypeStruct((1, 1, *spec(config).shape), jnp.float32)
  return jax.eval_shape(method.init, jax.random.key(0), {'image': image})


def plan(config, method):
  """step -> Turn of a method; the steps of most are all of one kind."""
  return method.plan or (
      lambda step: Turn('step', config.critics, (0., 1.), step))


def game(config, axis_name=None):
  """All that steps.gan_step takes by keyword but models and optimizers."""
  return dict(
      loss=loss(config), penalties=penalties(config),
      prepare=prepare(config, axis_name), ema=ema(config),
      gen_batch=config.gen_batch, augment=augment(config, axis_name),
      schedule=schedule(config), axis_name=axis_name,
      unroll=jax.default_backend() == 'cpu')


def loss(config):
  """The Loss the config names, its arguments bound."""
  module = lookup.find('losses', config.loss.name)
  arguments = _arguments(config.loss)
  traced = {name: arguments.pop(name) for name in getattr(module, 'TRACED', ())}
  observe = getattr(module, 'observe', None)
  return Loss(*_players(module, arguments), getattr(module, 'PAIRED', False),
              traced, observe and _bind(observe, arguments),
              getattr(module, 'DRAWS', False))


def penalties(config):
  """{name: Penalty}, in the config's order; a repeated name gets a number."""
  found = {}
  for section in config.penalties:
    module = lookup.find('penalties', section.name)
    name = section.name
    while name in found:
      name += '_'
    arguments = _arguments(section)
    traced = {k: arguments.pop(k) for k in getattr(module, 'TRACED', ())}
    found[name] = Penalty(*_players(module, arguments),
                          getattr(module, 'PAIRED', False), traced)
  return found


def augment(config, axis_name=None):
  """{name: Augment}, in the config's order.

  Raises:
    UserError: a name stands there twice, whose memories would be one.
  """
  found = {}
  for section in config.augment:
    if section.name in found:
      raise UserError(f"config.augment has '{section.name}' twice: once would "
                      'be right')
    module = lookup.find('augment', section.name)
    arguments = {**_arguments(section), 'axis_name': axis_name}

    def bound(name, module=module, arguments=arguments):
      function = getattr(module, name, None)
      return function and _bind(function, arguments)

    start = bound('start')
    shape = (config.gen_batch or config.batch, *spec(config).shape)
    found[section.name] = Augment(
        bound('apply'), bound('replace'), bound('remember'), bound('update'),
        start and start(shape))
  return found


def schedule(config):
  """step -> ({variable: value} in training, the same for sampling), or None.

  Of what config.schedules names, over config.steps.
  """
  bound = []
  for section in config.schedules:
    module = lookup.find('schedules', section.name)
    arguments = _arguments(section)
    every, evaluation = arguments.pop('every'), arguments.pop('evaluation')
    bound.append((_bind(module.values, arguments), every,
                  evaluation == 'final'))

  def values(step):
    now, sampled = {}, {}
    for function, every, final in bound:
      found = function(progress(step, steps=config.steps, every=every))
      now |= found
      sampled |= function(jnp.float32(1.)) if final else found
    return now, sampled

  return values if bound else None


def feedback(config):
  """{name: Feedback}, in the config's order."""
  found = {}
  for section in config.feedback:
    module = lookup.find('feedback', section.name)
    arguments = _arguments(section)
    metric = arguments.pop('metric')
    start = config.loss[module.SETS]
    found[section.name] = Feedback(
        metric, module.SETS, _bind(module.start, arguments)(start),
        _bind(module.update, arguments))
  return found


def extra(config):
  """The state's `extra` as a run begins: what is traced, and its rules."""
  found = {}
  if loss(config).traced:
    found['loss'] = {name: jnp.float32(value)
                     for name, value in loss(config).traced.items()}
  held = {name: {k: jnp.float32(v) for k, v in penalty.traced.items()}
          for name, penalty in penalties(config).items() if penalty.traced}
  if held:
    found['penalties'] = held
  held = {name: each.start for name, each in augment(config).items()
          if each.start is not None}
  if held:
    found['augment'] = held
  if config.feedback:
    found['feedback'] = {name: rule.memory
                         for name, rule in feedback(config).items()}
  return found


def optimizers(config, steps=0):
  """Pair of optax transformations, their schedules in generator steps.

  steps: of the schedules; 0: config.steps.
  """
  steps = steps or config.steps
  groups = lambda: channels.groups(models(config, spec(config).shape).gen)
  return Pair(_optimizer(config.optimizer.gen, steps, 1, config.seed, groups),
              _optimizer(config.optimizer.disc, steps, config.critics,
                         config.seed))


def spans(config):
  """Pair of what a completed config says of the players' masks, Spans."""
  return Pair(*(pruning.spans(steps=config.steps,
                              **config.optimizer[player].pruning.to_dict())
                for player in Pair._fields))


def ema(config):
  """(ema, gen, step) -> ema, with the config's decay."""
  return functools.partial(steps.average, decay=config.ema.decay,
                           rampup=config.ema.rampup, stats=config.ema.stats)


def _optimizer(section, steps, updates_per_step, seed, channels=None):
  """Gradient clipping, the algorithm, clipping of weights; pruned, if asked.

  channels: () -> Groups that the player can lose.
  """
  arguments = _arguments(section)
  masks = arguments.pop('pruning')
  schedule = arguments.pop('schedule')
  lr = arguments.pop('lr')
  groups = arguments.pop('groups')
  clip_norm = arguments.pop('clip_norm')
  clip_weight = arguments.pop('clip_weight')

  def algorithm(lr):
    rate = lookup.member('optim.schedules', schedule.name)(
        lr, steps=steps, **_arguments(schedule))
    return lookup.member('optim.algorithms', section.name)(
        lambda count: rate(count // updates_per_step), **arguments)

  chain = [grouped(algorithm, lr, groups) if groups else algorithm(lr)]
  if clip_norm:
    chain.insert(0, optax.clip_by_global_norm(clip_norm))
  if clip_weight:
    weight_clip = lookup.find('optim', 'weight_clip').weight_clip
    chain.append(weight_clip(clip_weight))
  wrap = lookup.member('optim.pruning', masks.name)
  where = ({'channels': channels} if 'channels' in keywords(wrap)
           else {})
  return wrap(optax.chain(*chain), steps=steps, seed=seed,
              updates_per_step=updates_per_step, **where, **_arguments(masks))


def _data(config):
  """Module and arguments of the data set; 'tfds:NAME' is any TFDS set."""
  module, dataset = sections.source(config.data.name)
  arguments = _arguments(config.data)
  return module, arguments | ({'dataset': dataset} if dataset else {})


def _arguments(section):
  """A named section as keyword arguments."""
  return {k: v for k, v in section.items() if k != 'name'}


def _parts(section):
  """Arguments of a module; names of its parts become functions."""
  arguments = _arguments(section)
  for field in sections.PARTS:
    if field in arguments:
      arguments[field] = _part(field, arguments[field])
  return arguments


def _part(field, value):
  """A function of jgan/layers/<field>.py by name, or name and arguments."""
  if isinstance(value, ConfigDict):
    return functools.partial(lookup.member(f'layers.{field}', value.name),
                             **_arguments(value))
  return lookup.member(f'layers.{field}', value)


def _players(module, arguments):
  """The module's discriminator() and generator(), bound; None if absent.

  Each takes of the section's arguments those that it declares.
  """
  functions = (getattr(module, player, None)
               for player in ('discriminator', 'generator'))
  return [function and _bind(function, arguments) for function in functions]


def _bind(function, arguments):
  """The function with those of the arguments that it declares."""
  takes = keywords(function)
  return functools.partial(
      function, **{k: v for k, v in arguments.items() if k in takes})
