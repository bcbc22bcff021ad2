"""The config: every key with its default, and the check that refuses mistakes.

A section with a `name` (data, generator, loss, ...) also takes the arguments
of what it names: `complete` fills in their defaults, so that a run's
config.json is the full record, and refuses what nothing would read.
"""
import dataclasses
import inspect
import json

from ml_collections import ConfigDict

from jgan import genotype, lookup, protocol
from jgan.errors import UserError

# Fields of a module that name a function or class of jgan/layers/<field>.py,
# or in the folder jgan/layers/<field> a file with it.
PARTS = ('conv', 'deconv', 'dense', 'norm', 'act', 'initializer', 'relax')
# Keys that hold tuples of named sections, each of the kind of its key.
LISTS = ('penalties', 'feedback', 'augment', 'schedules')
# Fields of a module that the builder sets, from the data and the devices.
_BUILT = ('parent', 'name', 'size', 'colors', 'dtype', 'axis_name')


def base():
  """The config from which every experiment starts; with every key."""
  c = ConfigDict()
  c.seed = 0              # decides init, data order and all noise
  c.steps = 1000          # generator steps
  c.batch = 64            # real images of one discriminator step, all devices
  c.gen_batch = 0         # fakes of one generator step; 0: as many as batch
  c.critics = 1           # discriminator steps per generator step (n_critic)
  c.dtype = 'float32'     # of the compute: float32 | bfloat16
  c.parallel = 'pmap'     # pmap | jit (one program over a mesh, pods)
  c.platform = 'any'      # any | cpu | gpu | tpu | accelerator: refuse others
  c.devices = 0           # how many devices to use; 0: all
  c.steps_per_call = 0    # steps in one dispatch; 0: 1 on CPU, up to 10 else

  c.data = ConfigDict({'name': 'digits'})
  c.pipeline = ConfigDict({
      'flip': False,        # mirror each real image with probability 1/2
      'dequantize': False,  # add U[0, 1) / 128 noise to the real images
      'first': 0,           # use the first N images only; 0: all
      'fraction': 1.,       # use a seeded random fraction of the images
      'fraction_seed': 0,
      'placement': 'auto',  # auto | device (all images, uint8) | stream
  })
  c.generator = ConfigDict({'name': 'dcgan'})
  c.discriminator = ConfigDict({'name': 'dcgan'})
  c.loss = ConfigDict({'name': 'nonsaturating'})
  c.penalties = ()        # of {'name': ..., its arguments}
  c.feedback = ()         # of {'name': ..., 'metric': ..., its arguments}
  c.augment = ()          # of {'name': ..., its arguments}
  c.schedules = ()        # of {'name': ..., 'every': ..., its arguments}
  c.method = ConfigDict({'name': 'adversarial'})
  c.optimizer = ConfigDict({side: {
      'name': 'adam',
      'lr': 2e-4,
      'schedule': {'name': 'constant'},
      'groups': (),         # of {'match': a pattern of names, 'lr': ...}
      'clip_norm': 0.,      # clip the gradient's global norm; 0: no
      'clip_weight': 0.,    # keep every parameter in [-c, c]; 0: no
      'pruning': {'name': 'none'},
  } for side in ('gen', 'disc')})
  c.ema = ConfigDict({
      'decay': 0.,          # per generator step; 0: none
      'rampup': 0.,         # half-life at most rampup * step; 0: no ramp
      'stats': False,       # average batch statistics too, else copy them
  })
  c.factored = ConfigDict({})  # {layer of the generator: its low-rank form}
  c.init = ConfigDict({     # start from exported weights; '': from scratch
      'generator': '',
      'discriminator': '',
  })
  c.log = ConfigDict({'every': 100})
  c.samples = ConfigDict({'every': 1000, 'count': 64})
  c.eval = ConfigDict({
      'every': 0,           # score the averaged generator; 0: never
      'metrics': (),        # names in jgan/metrics
      'knobs': {},          # their arguments: {'spectrum': {'center': ...}}
      'network': '',        # a name in jgan/features, for those that need one
      'weights': '',        # its file; '': looked for in the data folder
      'protocol': 'standard',  # a name in jgan/protocol.py
      'samples': 10000,     # generated images per score
      'reals': 0,           # real images to compare with; 0: all
      'split': '',          # of the data set; '': the training images
      'subset': True,       # of these, those trained on; False: all there are
      'statistics': '',     # an .npz of the reals with mu, sigma; '': our own
      'batch': 100,         # images at a time
      'best_response': 0,   # updates for the duality gap; 0: not measured
  })
  c.checkpoint = ConfigDict({
      'every': 1000,
      'keep': 2,            # the last so many stay
      'best': '',           # and the best by this metric, lower is better
  })
  c.search = ''           # pipeline: the experiment whose genotype to train
  c.compress = ConfigDict({   # the generator, by the verbs that do it
      'rules': (),          # of {'match', 'form', 'rank' | 'ratio' | 'energy'}
      'sensitivity': '',    # or a sensitivity.json, whose trials decide:
      'penalty': 0.,        # by this price of size, or if 0 within `budget`
      'last': (),           # rules applied after the fine-tuning
      'source': 'average',  # average | online: whose weights are factored
      'restarts': 1,        # of the decomposition, from other random factors
      'iterations': 100,    # of alternating least squares, at most
      'scaling': 'even',    # even | reference (as published, off for matrices)
      'steps': 1000,        # of the fine-tuning
      'lr': 1e-5,           # of the factors in it; all else keeps its own
      'feedback': False,    # let config.feedback steer the fine-tuning too
      'ranks': (),          # sensitivity: ranks to try on each layer
      'match': '',          # sensitivity: which layers; '': all there are
      'budget': 0.,         # sensitivity: allowed rise of the score
  })
  c.profile = ConfigDict({'start': 0, 'steps': 0})  # a trace; 0 steps: none
  return c


def small(config, form, changes, size=0):
  """Applies the ':smoke' form of an experiment, which ends in seconds.

  Args:
    config: the full experiment, changed in place.
    form: what stood behind the colon of --config, or None.
    changes: {'a.b': value} that make it small.
    size: trains on drawn images of this size instead of the experiment's
      data set, so that nothing has to be downloaded; 0 keeps the data.

  Raises:
    UserError: `form` is neither None nor 'smoke'.
  """
  if form == 'smoke':
    if size:
      config.data = {'name': 'mixture', 'render': 'images', 'size': size,
                     'count': 256}
    config.update_from_flattened_dict(changes)
    config.platform = 'any'
  elif form is not None:
    raise UserError(f"experiment has no form '{form}': "
                    f"{lookup.nearest(form, ['smoke'])}")
  return config


def row(form, rows):
  """Splits 'ROW', 'smoke', 'ROW:smoke' or None: -> ROW, what is left or None.

  For an experiment file with several rows of a paper's table.

  rows: their names; the first is meant where none is given.

  Raises:
    UserError: no such row.
  """
  name, _, rest = (form or '').partition(':')
  if name in ('', 'smoke'):
    return next(iter(rows)), name or None
  if name not in rows:
    raise UserError(f"experiment has no row '{name}': "
                    f'{lookup.nearest(name, rows)}')
  return name, rest or None


def sections(config):
  """Yields (path, kind, section) of everything that has a name."""
  for kind, path in (('data', 'data'), ('models', 'generator'),
                     ('models', 'discriminator'), ('losses', 'loss'),
                     ('methods', 'method')):
    yield path, kind, config[path]
  for side in ('gen', 'disc'):
    path = f'optimizer.{side}'
    yield path, 'optim.algorithms', config.optimizer[side]
    yield f'{path}.schedule', 'optim.schedules', config.optimizer[side].schedule
    yield f'{path}.pruning', 'optim.pruning', config.optimizer[side].pruning
  for kind in LISTS:
    for i, section in enumerate(config[kind]):
      yield f'{kind}[{i}]', kind, section


def arguments(path, kind, name):
  """The config keys that the thing called `name` takes: {key: default}."""
  if kind == 'models':
    player = path.capitalize()
    return _fields(getattr(lookup.find(kind, name), player))
  if kind.startswith('optim.'):
    found = keywords(lookup.member(kind, name))
    return {k: v for k, v in found.items()
            if k not in ('steps', 'offset', 'updates_per_step', 'seed',
                         'channels')}
  if kind == 'data':
    module, dataset = source(name)
    return {k: v for k, v in keywords(module.load).items()
            if not (dataset and k == 'dataset')}
  module = lookup.find(kind, name)
  found = {}
  for function in ('discriminator', 'generator', 'make', 'start', 'update',
                   'apply', 'replace', 'values'):
    if hasattr(module, function):
      found |= keywords(getattr(module, function))
  for built in ('axis_name', 'shape'):
    found.pop(built, None)
  if kind == 'schedules':  # what build.schedule reads itself
    found |= {'every': 0, 'evaluation': 'current'}
  return found


def source(name):
  """Module of a data set, and NAME where it is called 'tfds:NAME'."""
  prefix, _, dataset = name.partition(':')
  if prefix == 'tfds' and dataset:
    return lookup.find('data', 'tfds_source'), dataset
  return lookup.find('data', name), ''


def complete(config):
  """The config with all defaults, checked: what a run is made from.

  Raises:
    UserError: an unknown key, name, wrong type or impossible value.
  """
  config = fill(config)
  _check_values(config)
  return config.lock()


def fill(config):
  """Fills every named section with the defaults of its arguments.

  Raises:
    UserError: an unknown key or name, or a wrong type.
  """
  config = config.copy_and_resolve_references().unlock()
  _refuse_unknown_top(config)
  for kind in LISTS:
    config[kind] = tuple(ConfigDict(section) for section in config[kind])
  for path, kind, section in list(sections(config)):
    if 'name' not in section:
      raise UserError(f'{path} has no name: {lookup.nearest("", [kind])}')
    takes = arguments(path, kind, section.name)
    fixed = _fixed(path)
    for key in section:
      if key not in takes and key not in fixed:
        raise UserError(f"unknown key '{key}' in config.{path} "
                        f"('{section.name}'): "
                        f'{lookup.nearest(key, [*takes, *fixed])}')
    for key, default in takes.items():
      section[key] = _typed(f'{path}.{key}', section.get(key, default), default)
    if 'genotype' in section:  # the record must not depend on a file
      section.genotype = genotype.inlined(section.genotype)
  return config


def from_record(record):
  """The config that a run's config.json holds, completed.

  A key that came after the run was begun takes its default.
  """
  config = ConfigDict(record)
  named = {path for path, _, _ in sections(base())}

  def add(given, known, prefix):
    for key in known:
      if key not in given:
        given[key] = known[key]
      elif isinstance(known[key], ConfigDict) and prefix + key not in named:
        add(given[key], known[key], f'{prefix}{key}.')

  add(config, base(), '')
  return complete(config)


def rename(config, path, name):
  """Names another thing in a section, keeping the arguments it also takes."""
  section = config
  for key in path.split('.'):
    section = section[key]
  kind = {p: k for p, k, _ in sections(config)}[path]
  takes = arguments(path, kind, name)
  with section.unlocked():
    for key in list(section):
      if key not in takes and key not in _fixed(path):
        del section[key]
    section.name = name


def differences(old, new):
  """Lists 'key: old -> new' of two plain config dicts."""
  old, new = _flat(old), _flat(new)
  return [f'{k}: {old.get(k, "absent")} -> {new.get(k, "absent")}'
          for k in sorted({*old, *new}) if old.get(k) != new.get(k)]


def plain(config):
  """The config as JSON types, as it stands in config.json."""
  return json.loads(json.dumps(config.to_dict(), default=_jsonable))


def _jsonable(value):
  if isinstance(value, ConfigDict):
    return value.to_dict()
  raise TypeError(f'a config value of type {type(value).__name__}')


def _flat(tree, prefix=''):
  if isinstance(tree, dict) and tree:
    return {k: v for key, value in tree.items()
            for k, v in _flat(value, f'{prefix}{key}.').items()}
  return {prefix[:-1]: tree}


def _fixed(path):
  """Keys of a named section that the builder reads itself."""
  if path.startswith('feedback'):
    return ('name', 'metric')
  if path.startswith('optimizer') and path.count('.') == 1:
    return ('name', 'lr', 'schedule', 'groups', 'clip_norm', 'clip_weight',
            'pruning')
  return ('name',)


def keywords(function):
  """Keyword-only arguments of a function with their defaults."""
  found = inspect.signature(function).parameters.values()
  return {p.name: p.default for p in found if p.kind == p.KEYWORD_ONLY}


def _fields(module):
  """Fields of a linen module that a config may set, with their defaults."""
  found = {}
  for field in dataclasses.fields(module):
    if field.name in _BUILT:
      continue
    default = field.default
    if field.name in PARTS:
      place = f'layers.{field.name}'
      default = next(name for name in lookup.members(place)
                     if lookup.member(place, name) is default)
    found[field.name] = default
  return found


def _typed(path, value, default):
  """`value` as the type of `default`; an int may stand for a float."""
  field = path.split('.')[-1]
  if field in PARTS and isinstance(value, ConfigDict):
    return _part(path, field, value)
  if isinstance(default, float) and type(value) is int:
    return float(value)
  if isinstance(default, tuple) and isinstance(value, list):
    return tuple(value)
  if type(value) is not type(default):
    raise UserError(f'config.{path} is {value!r}, a {type(value).__name__}; '
                    f'a {type(default).__name__} like {default!r} is needed')
  return value


def _part(path, field, section):
  """A part with arguments, {'name': 'octave', 'alpha': .5}, checked."""
  factory = lookup.member(f'layers.{field}', section.get('name', ''))
  takes = list(inspect.signature(factory).parameters)
  for key in section:
    if key != 'name' and key not in takes:
      raise UserError(f"unknown key '{key}' in config.{path} "
                      f"('{section.name}'): {lookup.nearest(key, takes)}")
  return section


def _refuse_unknown_top(config):
  """Compares the keys outside named sections with those of `base`."""
  named = {path for path, _, _ in sections(base())}

  def compare(given, known, prefix):
    for key in given:
      if key not in known and prefix[:-1] not in named:
        raise UserError(f"unknown config key '{prefix}{key}': "
                        f'{lookup.nearest(key, known)}')
      path = f'{prefix}{key}'
      if key in known and isinstance(known[key], ConfigDict):
        if known[key]:  # an empty one takes any key
          compare(given[key], known[key], f'{path}.')
      elif key in known:
        given[key] = _typed(path, given[key], known[key])
    for key in known:
      if key not in given and prefix[:-1] in named:  # a section put in whole
        given[key] = known[key]
      elif key not in given:
        raise UserError(f"config key '{prefix}{key}' is missing: start from "
                        'jgan.config.base()')
  compare(config, base(), '')


def _check_values(config):
  """Refuses what no run could mean."""
  at_least = lambda low: (lambda v: v >= low, f'at least {low}')
  among = lambda *names: (lambda v: v in names, f'one of {", ".join(names)}')
  rules = {
      'seed': at_least(0), 'steps': at_least(1), 'batch': at_least(1),
      'gen_batch': at_least(0), 'critics': at_least(1),
      'steps_per_call': at_least(0), 'devices': at_least(0),
      'dtype': among('float32', 'bfloat16'),
      'parallel': among('pmap', 'jit'),
      'platform': among('any', 'cpu', 'gpu', 'tpu', 'accelerator'),
      'pipeline.first': at_least(0), 'pipeline.fraction_seed': at_least(0),
      'pipeline.fraction': (lambda v: 0 < v <= 1, 'in (0, 1]'),
      'pipeline.placement': among('auto', 'device', 'stream'),
      'ema.decay': (lambda v: 0 <= v < 1, 'in [0, 1)'),
      'ema.rampup': at_least(0),
      'log.every': at_least(1), 'samples.every': at_least(0),
      'samples.count': at_least(1), 'eval.every': at_least(0),
      'eval.samples': at_least(2), 'eval.batch': at_least(1),
      'eval.reals': at_least(0), 'eval.best_response': at_least(0),
      'eval.protocol': among(*protocol.NAMED),
      'compress.source': among('average', 'online'),
      'compress.scaling': among('even', 'reference'),
      'compress.restarts': at_least(1), 'compress.iterations': at_least(1),
      'compress.steps': at_least(1), 'compress.budget': at_least(0),
      'compress.penalty': at_least(0),
      'compress.lr': (lambda v: v > 0, 'positive'),
      'checkpoint.every': at_least(1), 'checkpoint.keep': at_least(1),
      'profile.start': at_least(0), 'profile.steps': at_least(0),
  }
  for side in ('gen', 'disc'):
    rules[f'optimizer.{side}.lr'] = (lambda v: v > 0, 'positive')
    for key in ('clip_norm', 'clip_weight'):
      rules[f'optimizer.{side}.{key}'] = at_least(0)
  for path, (holds, words) in rules.items():
    value = config
    for key in path.split('.'):
      value = value[key]
    if not holds(value):
      raise UserError(f'config.{path} is {value!r}, it must be {words}')
  if config.pipeline.first and config.pipeline.fraction < 1:
    raise UserError(f'config.pipeline takes first={config.pipeline.first} or '
                    f'fraction={config.pipeline.fraction}, not both')
  for name in config.eval.metrics:
    lookup.find('metrics', name)
  for metric, knobs in config.eval.knobs.items():
    module = lookup.find('metrics', metric)
    takes = keywords(module.score) if hasattr(module, 'score') else {}
    for key, value in knobs.items():
      if key not in takes:
        raise UserError(f"metric '{metric}' takes no '{key}': "
                        f'{lookup.nearest(key, takes)}')
      _typed(f'eval.knobs.{metric}.{key}', value, takes[key])
  if config.eval.network:
    lookup.find('features', config.eval.network)
  if config.eval.every and not (config.eval.metrics
                                or config.eval.best_response):
    raise UserError(f'config.eval.every is {config.eval.every} but '
                    'config.eval.metrics is empty: '
                    f'{lookup.nearest("", lookup.names("metrics"))}')
  for i, section in enumerate(config.feedback):
    sets = lookup.find('feedback', section.name).SETS
    if sets not in getattr(lookup.find('losses', config.loss.name), 'TRACED',
                           ()):
      raise UserError(f"config.feedback[{i}] steers '{sets}', and loss "
                      f"'{config.loss.name}' takes no such scalar")
    if not config.eval.every or not section.get('metric'):
      raise UserError(f"config.feedback[{i}] ('{section.name}') needs a metric "
                      "to follow, as metric='eval/FID', and config.eval.every "
                      'above 0')
  for side in ('gen', 'disc'):
    if (config.optimizer[side].pruning.name == 'fixed_mask'
        and config.method.name != 'lottery'):
      raise UserError(f"config.optimizer.{side}.pruning is 'fixed_mask', which "
                      f"masks nothing under method '{config.method.name}': "
                      "'lottery' would be right")
  if config.discriminator.get('decode') and 'reconstruction' not in [
      section.name for section in config.penalties]:
    raise UserError('config.discriminator.decode is True, and nothing would '
                    "train its decoders: the penalty 'reconstruction' would")
  for i, section in enumerate(config.schedules):
    if section.every < 0 or section.evaluation not in ('current', 'final'):
      raise UserError(f"config.schedules[{i}] has every={section.every} and "
                      f"evaluation='{section.evaluation}'; at least 0, and one "
                      'of current, final would be right')
  if config.checkpoint.best and not config.eval.every:
    raise UserError(f"config.checkpoint.best is '{config.checkpoint.best}' "
                    'but config.eval.every is 0: nothing would be scored')
