"""Builds models, losses, optimizers and a method from a config.

Names in a config are resolved to functions only here and in make() of methods.
"""
import functools

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from jgan import (
    batches,
    classes,
    labelling,
    lookup,
    power,
    precision,
    sections,
    steps,
    teachers,
)
from jgan import config as configs
from jgan.compress import channels
from jgan.errors import UserError
from jgan.layers import conditional, factored
from jgan.optim import pruning
from jgan.optim.groups import grouped
from jgan.schedules._progress import progress
from jgan.sections import keywords
from jgan.types import Augment, Feedback, Loss, Pair, Penalty, Turn


def method(config, *, axis_name=None):
  """The method that a config names, for images of its data set.

  config: of an experiment; it is completed and checked first.
  axis_name: name of the device axis inside the step; None without one.
  """
  config = configs.complete(config)
  module = lookup.find('methods', config.method.name)
  made = module.make(config, spec(config).shape, axis_name=axis_name,
                     **arguments_of(config.method)
                     )._replace(classes=classes.count(config))
  widths = config.ema.power
  return power.with_averages(made, widths) if widths else made


def spec(config):
  """ImageSpec of the config's data set, without reading it."""
  module, arguments = sections.data(config)
  return module.info(**arguments)


def source(config, data_dir):
  """The images that the config trains on: its subset of the data set."""
  module, arguments = sections.data(config)
  images = module.load(data_dir, **arguments)
  want = module.info(**arguments).shape
  if tuple(images.shape[1:]) != tuple(want):
    raise UserError(f'images of {config.data.name} have shape '
                    f'{tuple(images.shape[1:])}, the config says {want}')
  return batches.subset(images, **sections.subset(config))


def reference(config, images, data_dir, labels=None):
  """The real images that scores compare with, and their labels or None.

  images, labels: of training, labels None if not read; others are loaded if
    config.eval asks for another split, or for all without `pipeline`'s subset.

  Raises:
    UserError: the data set has no such split.
  """
  split = config.eval.split
  module, arguments = sections.data(config)
  whole = config.pipeline.first == 0 and config.pipeline.fraction == 1.
  if split:
    if 'split' not in arguments:
      raise UserError(f"config.eval.split is '{split}', but "
                      f'{config.data.name} has no splits')
    images = module.load(data_dir, **arguments | {'split': split})
  elif not config.eval.subset and not whole:
    images = module.load(data_dir, **arguments)
  if config.data.get('labels'):
    if split or not (config.eval.subset or whole):
      own = {'split': split} if split else {}
      return images, labelling.of_images(config, data_dir, **own)
    return images, (labelling.of_training(config, data_dir) if labels is None
                    else labels)
  # Else only the network 'classifier' uses labels: of the whole training set.
  if config.eval.network != 'classifier' or not hasattr(module, 'labels'):
    return images, None
  if not whole or split:
    return images, None
  return images, module.labels(data_dir, **arguments)


def prepare(config, axis_name=None):
  """The preprocessing (rng, images) -> float32 images.

  They are in [-1, 1], unless config.pipeline standardises them.

  Raises:
    UserError: the means or deviations do not fit the channels.
  """
  flip, dequantize, mean, std = (config.pipeline[key] for key in (
      'flip', 'dequantize', 'mean', 'std'))
  channels = spec(config).shape[-1]
  if (mean or std) and not (
      len(mean) == len(std) == channels
      and all(isinstance(x, int | float) for x in (*mean, *std))
      and min(std) > 0.):
    raise UserError(f'config.pipeline has mean={mean} and std={std}: a number '
                    f'for each of {channels} channels, deviations above 0, or '
                    '() for both would be right')
  return functools.partial(batches.prepare, flip=flip, dequantize=dequantize,
                           mean=mean, std=std, axis_name=axis_name)


def models(config, shape, *, axis_name=None):
  """Pair of linen modules for images of `shape` (h, w, c)."""
  height, width, colors = shape
  if height != width:
    raise UserError(f'images are {height} x {width}: only square images are '
                    'supported')
  told = {'classes': count} if (count := classes.count(config)) else {}
  pair = Pair(*(
      module(config, player, config[player].name)(
          size=height, colors=colors, dtype=jnp.dtype(precision.of(config)),
          axis_name=axis_name, **told, **_parts(config[player]))
      for player in ('generator', 'discriminator')))
  if config.factored:
    pair = pair._replace(gen=factored.module(pair.gen,
                                             config.factored.to_dict()))
  return pair


def module(config, player, name):
  """A linen module of jgan/models, which takes labels if images have some.

  player: 'generator' or 'discriminator'.
  """
  kind = sections.player(player, name)
  return conditional.of(player, kind) if config.data.get('labels') else kind


def abstract(config, method):
  """The initial GanState of a method, as shapes and dtypes."""
  image = jax.ShapeDtypeStruct((1, 1, *spec(config).shape), jnp.float32)
  return jax.eval_shape(method.init, jax.random.key(0), {'image': image})


def batch_of(config, turn):
  """The Batch of a Turn, as shapes and dtypes."""
  known = spec(config)
  rows = turn.critics, turn.batch or config.batch
  batch = {'image': jax.ShapeDtypeStruct((*rows, *known.shape), known.dtype)}
  return batch | ({'label': jax.ShapeDtypeStruct(rows, jnp.int32)}
                  if config.data.get('labels') else {})


def plan(config, method):
  """The function step -> Turn; most methods have one kind of step."""
  return method.plan or (
      lambda step: Turn('step', config.critics, (0., 1.), step))


def game(config, axis_name=None):
  """Keyword arguments of steps.gan_step, except models and optimizers."""
  return dict(
      loss=loss(config), penalties=penalties(config, axis_name),
      prepare=prepare(config, axis_name), ema=ema(config),
      labels_of=labelling.of_updates(config, axis_name),
      share_noise=config.gen_noise == 'shared', gen_batch=config.gen_batch,
      augment=augment(config, axis_name), schedule=schedule(config),
      axis_name=axis_name, unroll=jax.default_backend() == 'cpu')


def loss(config):
  """The Loss that the config names, with its arguments bound."""
  module = lookup.find('losses', config.loss.name)
  arguments = arguments_of(config.loss)
  traced = {name: arguments.pop(name) for name in getattr(module, 'TRACED', ())}
  observe = getattr(module, 'observe', None)
  return Loss(*_players(module, arguments), getattr(module, 'PAIRED', False),
              traced, observe and bind(observe, arguments),
              getattr(module, 'DRAWS', False), config.paired_stats)


def penalties(config, axis_name=None):
  """{name: Penalty} in the config's order; a repeated name gets a '_'.

  A lazy penalty that config.lazy sets apart is called when it is due only.
  """
  built, set_apart = {}, config.lazy == 'apart'
  for section in config.penalties:
    module = lookup.find('penalties', section.name)
    name = section.name
    while name in built:
      name += '_'
    arguments = arguments_of(section)
    traced = {k: arguments.pop(k) for k in getattr(module, 'TRACED', ())}
    if role := getattr(module, 'TEACHER', ''):
      arguments['teacher'] = teachers.teacher(
          arguments['teacher'], arguments['sha256'], role, config,
          lambda c: models(c, spec(c).shape, axis_name=axis_name))
    apart = 0
    if set_apart and arguments.get('every', 1) > 1:
      apart, arguments['every'] = arguments['every'], 1
    built[name] = Penalty(*_players(module, arguments),
                          getattr(module, 'PAIRED', False), traced, apart)
  return built


def augment(config, axis_name=None):
  """{name: Augment}, in the config's order.

  Raises:
    UserError: a name is repeated: both entries would share one memory.
  """
  built = {}
  for section in config.augment:
    if section.name in built:
      raise UserError(f"config.augment has '{section.name}' twice: once would "
                      'be right')
    module = lookup.find('augment', section.name)
    arguments = {**arguments_of(section), 'axis_name': axis_name,
                 'classes': len(config.classes.names)}

    def bound(name, module=module, arguments=arguments):
      function = getattr(module, name, None)
      return function and bind(function, arguments)

    start = bound('start')
    shape = (config.gen_batch or config.batch, *spec(config).shape)
    built[section.name] = Augment(
        bound('apply'), bound('replace'), bound('remember'), bound('update'),
        start and start(shape))
  return built


def schedule(config):
  """The values of scheduled variables, by config.schedules.

  Returns:
    step -> ({variable: value} in training, {variable: value} in sampling);
    None if config.schedules is empty.
  """
  bound = []
  for section in config.schedules:
    module = lookup.find('schedules', section.name)
    arguments = arguments_of(section)
    every, evaluation = arguments.pop('every'), arguments.pop('evaluation')
    bound.append((bind(module.values, arguments), every,
                  evaluation == 'final'))

  def values(step):
    training, sampling = {}, {}
    for function, every, final in bound:
      current = function(progress(step, steps=config.steps, every=every))
      training |= current
      sampling |= function(jnp.float32(1.)) if final else current
    return training, sampling

  return values if bound else None


def feedback(config):
  """{name: Feedback}, in the config's order."""
  rules = {}
  for section in config.feedback:
    module = lookup.find('feedback', section.name)
    arguments = arguments_of(section)
    metric = arguments.pop('metric')
    start = config.loss[module.SETS]
    rules[section.name] = Feedback(
        metric, module.SETS, bind(module.start, arguments)(start),
        bind(module.update, arguments))
  return rules


def extra(config):
  """The initial GanState.extra: traced scalars and memories of parts."""
  values = {}
  if loss(config).traced:
    values['loss'] = {name: jnp.float32(value)
                      for name, value in loss(config).traced.items()}
  traced = {name: {k: jnp.float32(v) for k, v in penalty.traced.items()}
            for name, penalty in penalties(config).items() if penalty.traced}
  if traced:
    values['penalties'] = traced
  memories = {name: each.start for name, each in augment(config).items()
              if each.start is not None}
  if memories:
    values['augment'] = memories
  if config.feedback:
    values['feedback'] = {name: rule.memory
                          for name, rule in feedback(config).items()}
  return values


def optimizers(config, steps=0):
  """Pair of optax transformations; their schedules count generator steps.

  steps: length of the schedules; 0 for config.steps.
  """
  steps = steps or config.steps
  groups = lambda: channels.groups(models(config, spec(config).shape).gen)
  return Pair(_optimizer(config.optimizer.gen, steps, 1, config.seed, groups),
              _optimizer(config.optimizer.disc, steps, config.critics,
                         config.seed))


def spans(config):
  """Pair of lists of optim.pruning.Span: phases of the players' masks."""
  return Pair(*(pruning.spans(steps=config.steps,
                              **config.optimizer[player].pruning.to_dict())
                for player in Pair._fields))


def ema(config):
  """The function (ema, gen, step) -> ema, with the config's decay."""
  section = config.ema
  return functools.partial(steps.average, decay=section.decay, end=section.end,
                           rampup=section.rampup, stats=section.stats)


def _optimizer(section, steps, updates_per_step, seed, channels=None):
  """Chain of gradient clipping, the algorithm and weight clipping.

  It is wrapped by the pruning that the section names.

  channels: () -> Groups of channels of the player that pruning may remove.
  """
  arguments = arguments_of(section)
  masks = arguments.pop('pruning')
  schedule = arguments.pop('schedule')
  lr = arguments.pop('lr')
  groups = arguments.pop('groups')
  clip_norm = arguments.pop('clip_norm')
  clip_weight = arguments.pop('clip_weight')

  def algorithm(lr):
    rate = lookup.member('optim.schedules', schedule.name)(
        lr, steps=steps, **arguments_of(schedule))
    return sections.optim_part('optim.algorithms', section.name)(
        lambda count: rate(count // updates_per_step), **arguments)

  chain = [grouped(algorithm, lr, groups) if groups else algorithm(lr)]
  if clip_norm:
    chain.insert(0, optax.clip_by_global_norm(clip_norm))
  if clip_weight:
    weight_clip = lookup.find('optim', 'weight_clip').weight_clip
    chain.append(weight_clip(clip_weight))
  wrap = lookup.member('optim.pruning', masks.name)
  options = {'channels': channels} if 'channels' in keywords(wrap) else {}
  return wrap(optax.chain(*chain), steps=steps, seed=seed,
              updates_per_step=updates_per_step, **options,
              **arguments_of(masks))


def arguments_of(section):
  """Keyword arguments of a named section."""
  return {k: v for k, v in section.items() if k != 'name'}


def _parts(section):
  """Arguments of a linen module, with names of parts made functions."""
  arguments = arguments_of(section)
  for field in sections.PARTS:
    if field in arguments:
      arguments[field] = _part(field, arguments[field])
  return arguments


def _part(field, value):
  """A function of jgan/layers/<field>.py; `value` is a name or a section."""
  if isinstance(value, ConfigDict):
    return functools.partial(lookup.member(f'layers.{field}', value.name),
                             **arguments_of(value))
  return lookup.member(f'layers.{field}', value)


def _players(module, arguments):
  """The module's discriminator() and generator(); None for a missing one.

  Those of `arguments` that a function declares are bound to it.
  """
  functions = (getattr(module, player, None)
               for player in ('discriminator', 'generator'))
  return [function and bind(function, arguments) for function in functions]


def bind(function, arguments):
  """Binds those of `arguments` that the function declares."""
  declared = keywords(function)
  return functools.partial(
      function, **{k: v for k, v in arguments.items() if k in declared})
