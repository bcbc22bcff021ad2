"""Named sections of a config: the parts they name, and the keys they have.

A section with a `name` (data, generator, loss, ...) names a file or a function
of jgan, and has the arguments of this part as keys.
"""
import dataclasses
import inspect

from ml_collections import ConfigDict

from jgan import contracts, lookup
from jgan.errors import UserError

# Fields of a linen module that name a function or class in
# jgan/layers/<field>.py, or in the folder jgan/layers/<field> a file with it.
PARTS = ('conv', 'deconv', 'dense', 'norm', 'act', 'initializer', 'relax')
# Arguments of parts that networks set, so that maps have the sizes they need.
_OF_NETWORKS = {'conv': ('stride', 'last'), 'initializer': ('gain',),
                'deconv': ('kernel', 'stride', 'padding', 'last')}
# {key: kind} of the keys whose values are tuples of named sections.
LISTS = {**{kind: kind for kind in ('penalties', 'feedback', 'augment',
                                    'schedules')}, 'log.sinks': 'run.sinks'}
# Fields of a linen module that build.py sets, from data and devices.
_BUILT = ('parent', 'name', 'size', 'colors', 'dtype', 'axis_name',
          'classes')
# Keyword arguments that build.py passes: to functions of optim/, to others.
_PASSED_TO_OPTIM = ('steps', 'updates_per_step', 'seed', 'channels')
_PASSED = ('axis_name', 'classes')


def sections(config):
  """Yields (path, kind, section) of every named section."""
  for kind, path in (('data', 'data'), ('models', 'generator'),
                     ('models', 'discriminator'), ('losses', 'loss'),
                     ('methods', 'method')):
    yield path, kind, config[path]
  for side in ('gen', 'disc'):
    path = f'optimizer.{side}'
    yield path, 'optim.algorithms', config.optimizer[side]
    yield f'{path}.schedule', 'optim.schedules', config.optimizer[side].schedule
    yield f'{path}.pruning', 'optim.pruning', config.optimizer[side].pruning
  yield 'compress.fit', 'compress.fits', config.compress.fit
  for path, kind in LISTS.items():
    for i, section in enumerate(within(config, path)):
      yield f'{path}[{i}]', kind, section


def within(config, path):
  """The value of a key as 'log.sinks'."""
  for key in path.split('.'):
    config = config[key]
  return config


def arguments(path, kind, name):
  """The config keys of the part called `name`: {key: default}."""
  if kind == 'models':
    return _fields(player(path, name))
  if kind == 'data':
    module, dataset = source(name)
    return {k: v for k, v in keywords(module.load).items()
            if not (dataset and k == 'dataset')} | {'labels': False}
  if kind.startswith('optim.'):
    return {k: v for k, v in keywords(optim_part(kind, name)).items()
            if k not in _PASSED_TO_OPTIM}
  module = lookup.find(kind, name)
  defaults = {}
  for function in contracts.CONTRACTS[kind].described:
    if callable(getattr(module, function, None)):
      defaults |= keywords(getattr(module, function))
  if kind == 'schedules':  # read by build.schedule
    defaults |= {'every': 0, 'evaluation': 'current'}
  if hasattr(module, 'TEACHER'):  # filled in by config.fill
    defaults |= {'sha256': ''}
  return {k: v for k, v in defaults.items() if k not in _PASSED}


def player(role, name):
  """The linen module 'generator' or 'discriminator' of jgan/models/<name>.py.

  Raises:
    UserError: that file has only the other one.
  """
  module = lookup.find('models', name)
  if not hasattr(module, role.capitalize()):
    raise UserError(f"model '{name}' has no {role.capitalize()}: config.{role}"
                    '.name must be another one')
  return getattr(module, role.capitalize())


def smallest(role, name):
  """{field: its smallest value} of the int fields of a model.

  It is 1, and 0 where that is the default and stands for a usual number;
  another one is said by 'least' in a field's metadata.
  """
  return {field.name: field.metadata.get('least', min(field.default, 1))
          for field in dataclasses.fields(player(role, name))
          if field.name not in _BUILT and type(field.default) is int}


def source(name):
  """Module of a data set, and NAME if `name` is 'tfds:NAME', else ''."""
  prefix, _, dataset = name.partition(':')
  if prefix == 'tfds' and dataset:
    return lookup.find('data', 'tfds_source'), dataset
  return lookup.find('data', name), ''


def optim_part(kind, name):
  """A function of optim/; an algorithm may be 'optax:NAME', one of optax.

  Raises:
    UserError: there is none.
  """
  if kind != 'optim.algorithms' or name in lookup.members(kind):
    return lookup.member(kind, name)
  if not name.startswith('optax:'):
    raise UserError(f"no '{name}' in {kind}: "
                    f'{lookup.nearest(name, lookup.members(kind))}, and those '
                    'of optax as optax:NAME')
  return lookup.find('optim', 'named').algorithm(name)


def data(config):
  """Module and arguments of the data set; 'tfds:NAME' is a set of TFDS."""
  module, dataset = source(config.data.name)
  arguments = {k: v for k, v in config.data.items()
               if k not in ('name', 'labels')}
  return module, arguments | ({'dataset': dataset} if dataset else {})


def subset(config):
  """Keyword arguments of batches.subset: the images that are trained on."""
  pipeline = config.pipeline
  return dict(first=pipeline.first, fraction=pipeline.fraction,
              order=pipeline.order, seed=pipeline.fraction_seed)


def rename(config, path, name):
  """Changes the name of a section; keeps keys that the new part has too."""
  section = within(config, path)
  kind = {p: k for p, k, _ in sections(config)}[path]
  keys = {*arguments(path, kind, name), *builder_keys(path)}
  with section.unlocked():
    for key in list(section):
      if key not in keys:
        del section[key]
    section.name = name


def keywords(function):
  """Keyword-only arguments of a function with their defaults."""
  parameters = inspect.signature(function).parameters.values()
  return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}


def builder_keys(path):
  """Keys of a named section that build.py reads itself."""
  if path.startswith('feedback'):
    return ('name', 'metric')
  if path.startswith('optimizer') and path.count('.') == 1:
    return ('name', 'lr', 'schedule', 'groups', 'clip_norm', 'clip_weight',
            'pruning')
  return ('name',)


def typed(path, value, default):
  """Checks that `value` has the type of `default`: -> value of this type.

  An int becomes a float, and a list a tuple, if the default is one.
  """
  field = path.split('.')[-1]
  if field in PARTS and isinstance(value, ConfigDict):
    return _part(path, field, value)
  if isinstance(default, float) and type(value) is int:
    return float(value)
  if isinstance(default, tuple) and isinstance(value, list):
    return tuple(value)
  if type(value) is not type(default):
    raise UserError(f'config.{path} is {value!r}, of type '
                    f'{type(value).__name__}; type {type(default).__name__} is '
                    f'needed, as {default!r}')
  return value


def refuse_impossible(path, value, least):
  """Refuses whole numbers that no part can have.

  path: of the config key.
  least: the smallest value of an int.

  Raises:
    UserError: an int is below `least`.
  """
  if type(value) is int and value < least:
    raise UserError(f'config.{path} is {value}, it must be at least {least}')


def _fields(module):
  """Fields of a linen module that a config may set, with their defaults."""
  defaults = {}
  for field in dataclasses.fields(module):
    if field.name in _BUILT:
      continue
    default = field.default
    if field.name in PARTS:
      default = lookup.name_of(f'layers.{field.name}', default)
    defaults[field.name] = default
  return defaults


def _part(path, field, section):
  """Checks a part with arguments, as in {'name': 'octave', 'alpha': .5}."""
  factory = lookup.member(f'layers.{field}', section.get('name', ''))
  defaults = {
      key: parameter.default
      for key, parameter in inspect.signature(factory).parameters.items()
      if isinstance(parameter.default, bool | int | float | str)
      and key not in _OF_NETWORKS.get(field, ())}
  for key, value in section.items():
    if key == 'name':
      continue
    if key not in defaults:
      raise UserError(f"unknown key '{key}' in config.{path} "
                      f"('{section.name}'): {lookup.nearest(key, defaults)}")
    default = defaults[key]
    section[key] = value = typed(f'{path}.{key}', value, default)
    refuse_impossible(f'{path}.{key}', value,
                      min(default, 1) if type(default) is int else None)
  return section
