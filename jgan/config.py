"""The config: every key with its default, and functions to complete it.

A section with a `name` (data, generator, loss, ...) names a part of jgan and
also has the arguments of this part as keys. `complete` fills in the defaults
of these arguments, so that config.json of a run is a full record, and refuses
unknown keys.
"""
import json
import pathlib

from ml_collections import ConfigDict

from jgan import checks, classes, genotype, lookup, paths, pins
from jgan.errors import UserError
from jgan.files import parsed
from jgan.sections import LISTS, arguments, builder_keys, sections, typed

# The end of messages about a damaged config.json.
_WHOLE = 'Without this file, --mode=train writes it again from --config'


def base():
  """The config that every experiment starts from, with all keys."""
  c = ConfigDict()
  c.seed = 0              # decides init, data order and all noise
  c.seeds = 1             # number of runs, with seeds seed, seed + 1, ...
  c.steps = 1000          # generator steps
  c.batch = 64            # real images of one discriminator step, all devices
  c.gen_batch = 0         # fakes of one generator step; 0: equal to batch
  c.gen_noise = 'fresh'   # fakes of a generator step: fresh | shared (those
                          # of the discriminator step before it)
  c.critics = 1           # discriminator steps per generator step (n_critic)
  c.dtype = 'auto'        # of the computation: float32 | bfloat16 | auto
                          # (jgan/precision.py)
  c.parallel = 'pmap'     # pmap | jit (one program over a mesh, pods)
  c.platform = 'any'      # any | cpu | gpu | tpu | accelerator: refuse others
  c.devices = 0           # how many devices to use; 0: all
  c.steps_per_call = 0    # most steps in one dispatch; 0: 1 on CPU, else 10

  c.data = ConfigDict({'name': 'digits'})
  c.pipeline = ConfigDict({
      'flip': False,        # mirror each real image with probability 1/2
      'dequantize': False,  # add U[0, 1) / 128 noise to the real images
      'mean': (),           # standardise the real images: of each channel, in
      'std': (),            # [0, 1]; (): they are scaled to [-1, 1]
      'first': 0,           # use the first N images only; 0: all
      'order': 'files',     # that `first` counts in: files | random (a seed)
      'fraction': 1.,       # use a random fraction of the images
      'fraction_seed': 0,   # decides the fraction, random order and shards
      'placement': 'auto',  # auto | device (all images, uint8) | stream
      'shards': 1,          # parts of the images, of which each gives as many
                            # rows of a batch: a device holds its parts only
  })
  c.classes = ConfigDict({  # of images with labels, config.data.labels
      'fakes': 'uniform',   # labels of generated images: uniform | data (as
                            # often as in the data) | real (those of the reals
                            # that D sees beside them)
      'names': (),          # of all classes, in the order of the data set's
                            # labels; (): those that it says
      'counts': (),         # training images of each; (): counted by a run
  })
  c.generator = ConfigDict({'name': 'dcgan'})
  c.discriminator = ConfigDict({'name': 'dcgan'})
  c.loss = ConfigDict({'name': 'nonsaturating'})
  c.penalties = ()        # of {'name': ..., its arguments}
  c.lazy = 'joined'       # penalties with every > 1: joined (to the loss) |
                          # apart (in updates of their own, as published)
  c.paired_stats = False  # real images that a paired loss looks at in G's step
                          # move D's statistics too, as fake ones do
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
      'rampup': 0.,         # half-life at most rampup * step; 0: no limit
      'end': 0.,            # steps in which it rises from 0, by a cosine; 0: it
                            # does not
      'stats': False,       # average batch statistics too; else copy them
      'power': (),          # widths of further averages, as (.05, .1), of which
                            # --mode=average makes others after training
      'snapshots': 0,       # steps between files of these; 0: as checkpoints
  })
  c.factored = ConfigDict({})  # {layer of the generator: its low-rank form}
  c.init = ConfigDict({     # start from exported weights; '': from scratch
      'generator': '',
      'discriminator': '',
  })
  c.log = ConfigDict({
      'every': 100,
      'sinks': ({'name': 'csv'}, {'name': 'tensorboard'}),  # of {'name': ...,
                            # its arguments}, beside metrics.jsonl
  })
  c.samples = ConfigDict({
      'every': 1000,
      'count': 64,
      'initial': False,     # also before the first step, with real images
  })
  c.eval = ConfigDict({
      'every': 0,           # score the averaged generator; 0: never
      'first': 0,           # first step with a score; 0: `every`
      'metrics': (),        # names in jgan/metrics
      'probes': (),         # names in jgan/probes, measured at each score
      'knobs': {},          # arguments of both: {'spectrum': {'center': ...}}
      'network': '',        # a name in jgan/features, for those that need one
      'weights': '',        # its file; '': searched in the data folder
      'protocol': 'standard',  # a name in jgan/protocol.py
      'samples': 10000,     # generated images per score
      'reals': 0,           # real images to compare with; 0: all
      'split': '',          # of the data set; '': the training images
      'subset': True,       # use the images of `pipeline` only; False: all
      'statistics': '',     # .npz with mu, sigma of the reals; '': computed
      'batch': 0,           # images at a time; 0: as many as fit, 100 on a CPU
      'precision': 'highest',  # of `network`: highest | high | default (JAX's)
      'overlap': 'auto',    # score while training goes on: on | off | auto (on
                            # where no rule needs the score at once, not on CPU)
      'best_response': 0,   # updates for the duality gap; 0: not measured
  })
  c.checkpoint = ConfigDict({
      'every': 1000,
      'keep': 2,            # number of newest checkpoints to keep
      'best': '',           # keep also the best by this score, as eval/FID
  })
  c.doctor = ConfigDict({
      'every': 500,         # steps from one look for symptoms to the next, at
                            # records of the log; 0: never
      'without': (),        # symptoms, names in jgan/doctor, not looked for
      'knobs': {},          # their arguments: {'collapse': {'fall': .4}}
  })
  c.rollback = ConfigDict({  # to a healthy checkpoint (run/rollback.py)
      'on': (),             # symptoms, names in jgan/doctor, or non_finite
      'times': 3,           # at most, in the whole run
      'changes': (),        # of {'key': 'optimizer.gen.lr', 'factor': .1} or
                            # {'key': ..., 'value': ...}, at each
  })
  c.search = ''           # pipeline: the experiment whose genotype to train
  c.compress = ConfigDict({   # of the generator, by --mode=compress and others
      'rules': (),          # of {'match', 'form', 'rank' | 'ratio' | 'energy'}
      'genotype': '',       # the published one that `rules` are for; '': any
      'sensitivity': '',    # a sensitivity.json to choose layers and ranks by,
      'penalty': 0.,        # at this penalty on size; 0: within `budget`
      'last': (),           # rules applied after the fine-tuning
      'source': 'average',  # weights to factorize: average | online
      'restarts': 1,        # of the decomposition, with other random factors
      'iterations': 100,    # of alternating least squares, at most
      'fit': {'name': 'kernel'},  # what factors fit: a name in compress/fits
      'scaling': 'even',    # even | reference (as published, off for matrices)
      'steps': 1000,        # of the fine-tuning
      'lr': 1e-5,           # of the factors; other parameters keep theirs
      'feedback': False,    # use config.feedback in the fine-tuning too
      'ranks': (),          # sensitivity: ranks to try on each layer
      'match': '',          # sensitivity: pattern of layers; '': all
      'budget': 0.,         # sensitivity: allowed rise of the score
  })
  c.profile = ConfigDict({'start': 0, 'steps': 0})  # a trace; 0 steps: none
  return c


def small(config, form, changes, size=0):
  """Applies the ':smoke' form of an experiment, which runs for seconds.

  Args:
    config: the full experiment, changed in place.
    form: the text after the colon of --config, or None.
    changes: {'a.b': value} that make the experiment small.
    size: side of synthetic images (data 'mixture') to train on instead of the
      data set, so that nothing is downloaded; 0 keeps the data set.

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
  """Splits 'ROW', 'smoke', 'ROW:smoke' or None: -> ROW, the rest or None.

  For an experiment file with several rows of a paper's table.

  rows: names of the rows; the first one is the default.

  Raises:
    UserError: an unknown row.
  """
  name, _, rest = (form or '').partition(':')
  if name == 'smoke' and rest:
    raise UserError(f"':{form}': the row comes first, as in ':{rest}:smoke'")
  if name in ('', 'smoke'):
    return next(iter(rows)), name or None
  if name not in rows:
    raise UserError(f"experiment has no row '{name}': "
                    f'{lookup.nearest(name, rows)}')
  return name, rest or None


def complete(config):
  """The config of a run: with all defaults filled in, and checked.

  Raises:
    UserError: an unknown key, name, wrong type or impossible value.
  """
  config = fill(config)
  checks.check(config)
  return config.lock()


def fill(config):
  """Fills every named section with the defaults of its arguments.

  Raises:
    UserError: an unknown key or name, or a wrong type.
  """
  config = config.copy_and_resolve_references().unlock()
  _refuse_unknown_top(config)
  _localize(config)
  for path in LISTS:
    parent, _, key = path.rpartition('.')
    holder = config[parent] if parent else config
    holder[key] = _sections_of(path, holder[key])
  for path, kind, section in list(sections(config)):
    if 'name' not in section:
      raise UserError(f"config.{path} is {section.to_dict()}, and 'name' is "
                      f'needed: {lookup.nearest("", lookup.members(kind))}')
    defaults = arguments(path, kind, section.name)
    keys = [*defaults, *builder_keys(path)]
    for key in section:
      if key not in keys:
        raise UserError(f"unknown key '{key}' in config.{path} "
                        f"('{section.name}'): {lookup.nearest(key, keys)}")
    for key, default in defaults.items():
      section[key] = typed(f'{path}.{key}', section.get(key, default), default)
    if 'genotype' in section:  # config.json must not depend on a file
      section.genotype = genotype.inlined(section.genotype)
    if 'sha256' in section:
      pins.pin(section, path)
  classes.fill(config)
  return config


def _localize(section, prefix=''):
  """Replaces '~' in the paths of a config; refuses addresses."""
  for key in list(section):
    value = section[key]
    if isinstance(value, ConfigDict):
      _localize(value, f'{prefix}{key}.')
    elif isinstance(value, str):
      section[key] = paths.local(value, f'config.{prefix}{key}')


def recorded(workdir):
  """The config.json in a workdir as a dict, or None."""
  file = pathlib.Path(workdir) / 'config.json'
  if not file.is_file():
    return None
  try:
    record = parsed(file.read_bytes())
  except ValueError as error:
    raise UserError(f'{file} is damaged, it is not JSON: {error}. {_WHOLE}'
                    ) from error
  if not isinstance(record, dict):
    raise UserError(f'{file} is damaged: it holds a {type(record).__name__}, '
                    f'not an object of config keys. {_WHOLE}')
  return record


def _sections_of(path, value):
  """The sections of a key that holds several; a name alone is one too."""
  if not isinstance(value, tuple | list) or not all(
      isinstance(section, str | dict | ConfigDict) for section in value):
    raise UserError(f'config.{path} is {value!r}; a tuple of named sections, '
                    "as ({'name': ...},), would be right")
  return tuple(ConfigDict({'name': section} if isinstance(section, str)
                          else section) for section in value)


def from_record(record):
  """The completed config of a run's config.json.

  Keys that jgan got after the run was started have their defaults. Fields of a
  model whose defaults changed what it computes have the values of its file's
  EARLIER, {'generator' or 'discriminator': {field: value}}.

  Raises:
    UserError: it is no config of jgan, or of another jgan.
  """
  try:
    return _from_record(record)
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise UserError('config.json is damaged, it is no config of jgan: '
                    f'{error!r}. {_WHOLE}') from error


def _from_record(record):
  config = ConfigDict(_with_tuples(record))
  named = {path for path, _, _ in sections(base())}

  def add(target, known, prefix):
    for key in known:
      if key not in target:
        target[key] = known[key]
      elif isinstance(known[key], ConfigDict) and prefix + key not in named:
        add(target[key], known[key], f'{prefix}{key}.')

  # Until jgan had sinks, clu's writers had a key of their own.
  if writers := config.get('log', {}).get('writers'):
    config.log.sinks = (*base().log.sinks, {'name': 'clu', 'writers': writers})
  if 'writers' in config.get('log', {}):
    del config.log['writers']
  add(config, base(), '')
  for path, kind, section in sections(config):
    # Until images had labels, r3gan had a key for the number of its classes.
    if kind == 'models' and section.get('classes') == 0:
      del section['classes']
    if kind == 'models' and 'name' in section:
      module = lookup.find('models', section.name)
      earlier = getattr(module, 'EARLIER', {}).get(path, {})
      section.update({k: v for k, v in earlier.items() if k not in section})
  return complete(config)


def _with_tuples(record):
  """JSON's lists as tuples, so that each key has the type of its default."""
  if isinstance(record, dict):
    return {key: _with_tuples(value) for key, value in record.items()}
  if isinstance(record, list):
    return tuple(_with_tuples(value) for value in record)
  return record


def differences(old, new):
  """Lists 'key: old -> new' of two plain config dicts."""
  old, new = _flat(old), _flat(new)
  return [f'{k}: {old.get(k, "absent")} -> {new.get(k, "absent")}'
          for k in sorted({*old, *new}) if old.get(k) != new.get(k)]


def plain(config):
  """The config as JSON types, as written to config.json."""
  return json.loads(json.dumps(config.to_dict(), default=_jsonable))


def _jsonable(value):
  if isinstance(value, ConfigDict):
    return value.to_dict()
  raise TypeError(f'a config value has type {type(value).__name__}')


def _flat(tree, prefix=''):
  if isinstance(tree, dict) and tree:
    return {k: v for key, value in tree.items()
            for k, v in _flat(value, f'{prefix}{key}.').items()}
  return {prefix[:-1]: tree}


def _refuse_unknown_top(config):
  """Refuses keys outside named sections that `base` does not have."""
  named = {path for path, _, _ in sections(base())}

  def compare(section, known, prefix):
    for key in section:
      if key not in known and prefix[:-1] not in named:
        raise UserError(f"unknown config key '{prefix}{key}': "
                        f'{lookup.nearest(key, known)}')
      path = f'{prefix}{key}'
      if key in known and isinstance(known[key], ConfigDict):
        if not hasattr(section[key], 'keys'):
          raise UserError(f'config.{path} is {section[key]!r}; a section with '
                          'keys would be right')
        if known[key]:  # an empty section may have any key
          compare(section[key], known[key], f'{path}.')
      elif key in known:
        section[key] = typed(path, section[key], known[key])
    for key in known:
      # A named section that an experiment replaced may lack keys.
      if key not in section and prefix[:-1] in named:
        section[key] = known[key]
      elif key not in section:
        raise UserError(f"config key '{prefix}{key}' is missing: start from "
                        'jgan.config.base()')
  compare(config, base(), '')
