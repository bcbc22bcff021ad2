"""Refuses configs with impossible or contradictory values."""
import math

from ml_collections import ConfigDict

from jgan import lookup, protocol
from jgan.errors import UserError
from jgan.sections import (
    keywords,
    refuse_impossible,
    smallest,
    typed,
    within,
)

# Steps and sizes are int32 on the devices, and the largest one means 'never'.
_LARGEST = 2**31 - 2
# Seeds are uint32, and up to seed + 3 is used.
_LARGEST_SEED = 2**32 - 4


def check(config):
  """Checks the values of a config.

  config: with all defaults filled in (config.fill).

  Raises:
    UserError: a value is impossible, or contradicts another one.
  """
  _refuse_unfit_numbers(config)
  _check_values(config)
  _check_training(config)
  _check_compression(config)
  _check_scores(config)
  _check_doctor(config)
  _check_feedback(config)
  _check_optimizers(config)
  _check_discriminator(config)
  _check_schedules(config)
  _check_use_of_scores(config)


def _check_values(config):
  """Refuses what is impossible whatever the other keys are."""
  at_least = lambda low: (lambda v: v >= low, f'at least {low}')
  among = lambda *names: (lambda v: v in names, f'one of {", ".join(names)}')
  rules = {
      'seed': at_least(0), 'seeds': at_least(1), 'steps': at_least(1),
      'batch': at_least(1), 'gen_batch': at_least(0), 'critics': at_least(1),
      'steps_per_call': at_least(0), 'devices': at_least(0),
      'gen_noise': among('fresh', 'shared'), 'lazy': among('joined', 'apart'),
      'dtype': among('auto', 'float32', 'bfloat16'),
      'classes.fakes': among('uniform', 'data', 'real'),
      'parallel': among('pmap', 'jit'),
      'platform': among('any', 'cpu', 'gpu', 'tpu', 'accelerator'),
      'pipeline.first': at_least(0), 'pipeline.fraction_seed': at_least(0),
      'pipeline.fraction': (lambda v: 0 < v <= 1, 'in (0, 1]'),
      'pipeline.order': among('files', 'random'),
      'pipeline.placement': among('auto', 'device', 'stream'),
      'pipeline.shards': at_least(1),
      'ema.decay': (lambda v: 0 <= v < 1, 'in [0, 1)'),
      'ema.rampup': at_least(0), 'ema.end': at_least(0),
      'ema.snapshots': at_least(0),
      'ema.power': (lambda v: all(isinstance(x, float) and 0 < x <= 12**-.5
                                  for x in v),
                    'a tuple of widths above 0 and at most .2887'),
      'log.every': at_least(1), 'samples.every': at_least(0),
      'samples.count': at_least(1), 'eval.every': at_least(0),
      'eval.first': at_least(0),
      'eval.samples': at_least(2), 'eval.batch': at_least(0),
      'eval.reals': at_least(0), 'eval.best_response': at_least(0),
      'eval.protocol': among(*protocol.NAMED),
      'eval.precision': among('highest', 'high', 'default'),
      'eval.overlap': among('auto', 'on', 'off'),
      'compress.source': among('average', 'online'),
      'compress.scaling': among('even', 'reference'),
      'compress.restarts': at_least(1), 'compress.iterations': at_least(1),
      'compress.steps': at_least(1), 'compress.budget': at_least(0),
      'compress.penalty': at_least(0),
      'compress.lr': (lambda v: v > 0, 'positive'),
      'checkpoint.every': at_least(1), 'checkpoint.keep': at_least(1),
      'doctor.every': at_least(0),
      'profile.start': at_least(0), 'profile.steps': at_least(0),
  }
  last = config.seed + config.seeds - 1
  if last > _LARGEST_SEED:
    raise UserError(f'config.seed={config.seed} and config.seeds='
                    f'{config.seeds} give seeds up to {last}, and the largest '
                    f'is {_LARGEST_SEED}')
  for side in ('gen', 'disc'):
    rules[f'optimizer.{side}.lr'] = (lambda v: v > 0, 'positive')
    for key in ('clip_norm', 'clip_weight'):
      rules[f'optimizer.{side}.{key}'] = at_least(0)
  for path, (valid, requirement) in rules.items():
    value = within(config, path)
    if not valid(value):
      raise UserError(f'config.{path} is {value!r}, it must be {requirement}')
  for role in ('generator', 'discriminator'):
    least = smallest(role, config[role].name)
    for key, value in config[role].items():
      refuse_impossible(f'{role}.{key}', value, least.get(key))


def _check_training(config):
  if config.ema.snapshots and not config.ema.power:
    raise UserError(f'config.ema.snapshots is {config.ema.snapshots}, and '
                    'config.ema.power has no averages that would be written: '
                    '(.05, .1), or snapshots=0, would be right')
  if config.pipeline.first and config.pipeline.fraction < 1:
    raise UserError(f'config.pipeline has first={config.pipeline.first} and '
                    f'fraction={config.pipeline.fraction}: set one of them, '
                    'not both')
  shards = config.pipeline.shards
  for batch in (config.batch, *config.method.get('batches', ())):
    if type(batch) is int and batch % shards:  # the method refuses others
      near = max(round(batch / shards), 1) * shards
      raise UserError(f'a batch of {batch} does not divide by '
                      f'config.pipeline.shards={shards}; {near} would')
  if config.gen_noise == 'shared' and config.gen_batch not in (0, config.batch):
    raise UserError(f'config.gen_batch={config.gen_batch}, and gen_noise='
                    f"'shared' has the {config.batch} fakes of the "
                    "discriminator step: 0, or gen_noise='fresh', would be "
                    'right')


def _check_compression(config):
  if config.compress.fit.name != 'kernel' and config.compress.scaling != 'even':
    raise UserError(f"config.compress.scaling is '{config.compress.scaling}', "
                    'which repeats published factors of the kernel, and '
                    f"config.compress.fit.name is '{config.compress.fit.name}':"
                    " 'kernel', or scaling='even', would be right")


def _check_scores(config):
  for kind in ('metrics', 'probes'):
    for name in config.eval[kind]:
      lookup.find(kind, name)
  for name, knobs in config.eval.knobs.items():
    kind, function = (('probes', 'observe') if name in lookup.names('probes')
                      else ('metrics', 'score'))
    _check_knobs('eval.knobs', kind, name, function, knobs)
  if config.eval.network:
    lookup.find('features', config.eval.network)
  if config.eval.probes and not config.eval.every:
    raise UserError(f'config.eval.probes is {config.eval.probes} and '
                    'config.eval.every is 0: nothing would be measured')
  if config.eval.every and not (config.eval.metrics or config.eval.probes
                                or config.eval.best_response):
    raise UserError(f'config.eval.every is {config.eval.every} but '
                    'config.eval.metrics is empty: '
                    f'{lookup.nearest("", lookup.names("metrics"))}')


def _check_doctor(config):
  for name in config.doctor.without:
    lookup.find('doctor', name)
  for name, knobs in config.doctor.knobs.items():
    _check_knobs('doctor.knobs', 'doctor', name, 'examine', knobs)


def _check_feedback(config):
  for i, section in enumerate(config.feedback):
    sets = lookup.find('feedback', section.name).SETS
    if sets not in getattr(lookup.find('losses', config.loss.name), 'TRACED',
                           ()):
      raise UserError(f"config.feedback[{i}] steers '{sets}', and loss "
                      f"'{config.loss.name}' takes no such scalar")
    if not config.eval.every or not section.get('metric'):
      raise UserError(f"config.feedback[{i}] ('{section.name}') needs a metric "
                      "to follow, as in metric='eval/FID', and "
                      'config.eval.every above 0')


def _check_optimizers(config):
  for side in ('gen', 'disc'):
    if config.optimizer[side].name.startswith('optax:'):
      _check_optax(side, config)
    if (config.optimizer[side].pruning.name == 'fixed_mask'
        and config.method.name != 'lottery'):
      raise UserError(f"config.optimizer.{side}.pruning is 'fixed_mask', which "
                      f"masks nothing under method '{config.method.name}': "
                      "'lottery' would be right")


def _check_discriminator(config):
  norm = config.discriminator.get('norm')
  if 'chain' in [section.name for section in config.penalties] and isinstance(
      norm, ConfigDict) and 'p' in norm:
    raise UserError(f"config.discriminator.norm has p={norm.p:g}, and the "
                    "penalty 'chain' sets it: a p of the penalty would be "
                    'right')
  if config.discriminator.get('decode') and 'reconstruction' not in [
      section.name for section in config.penalties]:
    raise UserError('config.discriminator.decode is True, and nothing would '
                    "train its decoders: the penalty 'reconstruction' would")


def _check_schedules(config):
  for i, section in enumerate(config.schedules):
    if section.every < 0 or section.evaluation not in ('current', 'final'):
      raise UserError(f"config.schedules[{i}] has every={section.every} and "
                      f"evaluation='{section.evaluation}'; at least 0, and one "
                      'of current, final would be right')


def _check_use_of_scores(config):
  at_once = needs_scores_at_once(config)
  if config.eval.overlap == 'on' and at_once:
    raise UserError(f"config.eval.overlap is 'on', and {at_once} needs a score "
                    "before the next step: 'auto' or 'off' would be right")
  if config.checkpoint.best and not config.eval.every:
    raise UserError(f"config.checkpoint.best is '{config.checkpoint.best}' "
                    'but config.eval.every is 0: nothing would be scored')


def needs_scores_at_once(config):
  """What needs a score before the next training step; '' if nothing does."""
  if config.feedback:
    return 'config.feedback'
  if config.method.name == 'evolution':
    return "method 'evolution'"
  return 'config.eval.best_response' if config.eval.best_response else ''


def _check_optax(side, config):
  """Refuses an optimizer of optax with what it cannot be with."""
  named = lookup.find('optim', 'named')
  section, role = config.optimizer[side], {'gen': 'generator',
                                           'disc': 'discriminator'}[side]
  at = f"config.optimizer.{side}.name is '{section.name}'"
  beside = [key for key, there in (
      (f'optimizer.{side}.pruning', section.pruning.name != 'none'),
      (f'optimizer.{side}.groups', section.groups),
      (f'optimizer.{side}.clip_weight', section.clip_weight),
      ('ema.power', side == 'gen' and config.ema.power)) if there]
  if beside and named.has_two_sets(section.name):
    raise UserError(f'{at}, which has a second set of weights that these would '
                    f'not see: {", ".join(beside)}. Another optimizer, or none '
                    'of them, would be right')
  if named.has_two_sets(section.name) and not 0. < section.b1 <= 1.:
    raise UserError(f'{at}, whose b1 is the share of the average in the weights'
                    f' that it trains at, and config.optimizer.{side}.b1='
                    f'{section.b1:g}: one above 0, as .9, would be right')
  if config.init[role] and named.remembers(section.name):
    raise UserError(f"{at}, which remembers the network's first weights, and "
                    f'those of config.init.{role} come after: another '
                    'optimizer would be right')
  apart = config.lazy == 'apart' and any(
      penalty.get('every', 1) > 1 for penalty in config.penalties)
  if apart and not named.counts_apart(section.name):
    raise UserError(f"{at}, whose rate counts all updates, and config.lazy="
                    "'apart' adds some: lazy='joined' would be right")


def _check_knobs(path, kind, name, function, knobs):
  """Checks the arguments of a part that a config sets, and their types.

  Args:
    path: of the section {name: knobs}.
    kind: the folder of the part.
    name: the part.
    function: its function that has the arguments; a file may have none.
    knobs: {argument: value}.
  """
  function = getattr(lookup.find(kind, name), function, None)
  if not hasattr(knobs, 'items'):
    raise UserError(f"config.{path} has {knobs!r} for '{name}': arguments, as "
                    "{'KEY': value}, would be right")
  defaults = keywords(function) if function else {}
  what = {'metrics': 'metric', 'probes': 'probe', 'doctor': 'symptom'}[kind]
  for key, value in knobs.items():
    if key not in defaults:
      raise UserError(f"{what} '{name}' has no argument '{key}': "
                      f'{lookup.nearest(key, defaults)}')
    where, default = f'{path}.{name}.{key}', defaults[key]
    refuse_impossible(where, typed(where, value, default),
                      min(default, 1) if type(default) is int else None)


def _refuse_unfit_numbers(value, path='config'):
  """Refuses integers that do not fit into the types of the devices, and NaN."""
  if isinstance(value, ConfigDict | dict):
    for key in value:
      _refuse_unfit_numbers(value[key], f'{path}.{key}')
  elif isinstance(value, tuple):
    for i, item in enumerate(value):
      _refuse_unfit_numbers(item, f'{path}[{i}]')
  elif isinstance(value, float) and not math.isfinite(value):
    raise UserError(f'{path} is {value}, it must be finite')
  elif isinstance(value, int):
    largest = _LARGEST_SEED if path.endswith('seed') else _LARGEST
    if abs(value) > largest:
      raise UserError(f'{path} is {value}, it must be at most {largest}')
