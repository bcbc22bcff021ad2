"""The command line: a verb, its flags, and a config with its overrides."""
import ast
import re
from typing import Any, NamedTuple

from absl import flags as absl_flags
from ml_collections import config_flags

from jgan import config as configs
from jgan import experiment, lookup, paths, photos, sections, sweeps
from jgan.errors import UserError
from jgan.experiment import load
from jgan.flags import Flag, values

__all__ = ['Command', 'load', 'parse', 'usage']

# Flags of jgan.main, for any verb.
FLAGS = (
    Flag('mode', 'train', 'The verb.'),
    Flag('compilation_cache', '~/.cache/jgan',
         "Folder of compiled programs; '' for none."),
    Flag('quiet', False, 'Tell of warnings and errors only.'),
    Flag('debug', False, 'Show the traceback of an error.'),
    Flag('help', False, 'Show this, or with --mode=VERB the flags of a verb.'),
)
_DEFINE = {bool: absl_flags.DEFINE_bool, int: absl_flags.DEFINE_integer,
           float: absl_flags.DEFINE_float, type(None): absl_flags.DEFINE_float,
           str: absl_flags.DEFINE_string, tuple: absl_flags.DEFINE_list,
           list: absl_flags.DEFINE_multi_string}


class Command(NamedTuple):
  """A parsed command line.

  Attributes:
    verb: module of jgan/verbs.
    config: completed; None for a verb without config.
    flags: flags of the verb, a namespace.
    main: flags of jgan.main, a namespace.
    notes: lines to tell the user.
  """
  verb: Any
  config: Any
  flags: Any
  main: Any
  notes: tuple[str, ...] = ()


def parse(argv):
  """Parses a command line: -> Command.

  argv: list of arguments; the first one is the program.

  Raises:
    UserError: any mistake in it.
  """
  mode = _mode(argv) or 'train'
  verb = lookup.find('verbs', mode)
  declared = {flag.name: flag for flag in verb.FLAGS}
  for argument in argv[1:]:
    _refuse_unread(argument, mode, declared)
  notes = ()
  if photos.SIZE in verb.FLAGS:
    argv, notes = photos.expanded(argv, _value)
  config = _config(argv) if 'config' in declared else None
  parsed = _parsed(argv, declared, config)
  values_of = lambda names: {name: _plain(name, parsed[name].value)
                             for name in names}
  flags = values(verb.FLAGS, values_of(declared.keys() - {'config'}))
  if 'config' in declared:
    flags.config = _value(argv, 'config') or ''
  if config:
    _split_words(parsed.config)
    config = configs.complete(parsed.config)
  for flag in verb.FLAGS:
    if flag.name == 'config' and flag.required and not config:
      raise UserError('no --config=FILE given, and no run in --workdir='
                      f"'{_value(argv, 'workdir') or ''}' that has a config; "
                      '--help lists the experiments')
    if flag.required and flag.name != 'config' and not getattr(flags,
                                                               flag.name):
      raise UserError(f'--mode={mode} needs --{flag.name}')
  if sweeps.SWEEP in verb.FLAGS:
    flags.combinations = _combinations(argv, declared, flags)
  return Command(verb, config, flags,
                 values(FLAGS, values_of(flag.name for flag in FLAGS)), notes)


def usage(mode=''):
  """The text of --help: of all verbs, or of one."""
  if mode:
    verb = lookup.find('verbs', mode)
    has_config = any(flag.name == 'config' for flag in verb.FLAGS)
    keys = ' [--config.KEY=VALUE ...]' if has_config else ''
    return '\n'.join([
        f'jgan --mode={mode} [--FLAG=VALUE ...]{keys}', '',
        (verb.__doc__ or '').strip(), '', 'flags:',
        *map(_described, [*verb.FLAGS, *FLAGS]), ''])
  verbs = {file.stem: _first_line(file) for file in lookup.files('verbs')}
  return '\n'.join([
      'jgan --mode=VERB [--config=FILE[:ROW][:smoke]] [--workdir=DIR] '
      '[--config.KEY=VALUE ...]', '', 'verbs:',
      *(f'  {name:12} {text}' for name, text in verbs.items()), '', 'flags:',
      *map(_described, FLAGS),
      "  each verb's own: jgan --mode=VERB --help", '',
      'experiments (each also as FILE:smoke, which ends in seconds to minutes;',
      'their rows: jgan --mode=list --what=experiments):',
      *(f'  {experiment.shown(file):42} {_first_line(file)}'
        for file in experiment.files()), ''])


def wants_help(argv):
  """Whether --help is given, and the verb it is for ('' for all)."""
  if not {'--help', '-help', '-h', '--help=true'} & {*argv[1:]}:
    return False, ''
  return True, _mode(argv)


def _mode(argv):
  """The verb that --mode names; '' without one."""
  mode = _value(argv, 'mode') or ''
  if mode and mode not in lookup.names('verbs'):
    raise UserError(f"no --mode={mode}: "
                    f"{lookup.nearest(mode, lookup.names('verbs'))}")
  return mode


def _config(argv):
  """The config that a command line names, or None.

  Overrides of section names are applied, so that the new part's keys exist.
  """
  location, folder = _value(argv, 'config'), _value(argv, 'workdir')
  if location:
    config = load(location)
  else:
    record = configs.recorded(folder) if folder else None
    config = configs.from_record(record).unlock() if record else None
  if not config:
    return None
  for i, argument in enumerate(argv):
    match = re.fullmatch(r'--?config\.(.+)\.name(?:=(.*))?', argument)
    # Only now: an experiment need not have all keys of its sections.
    if match and match[1] in {path for path, _, _ in sections.sections(config)}:
      name = match[2] if match[2] is not None else ''.join(argv[i + 1:i + 2])
      if not name or name.startswith('-'):
        raise UserError(f'{argument} gives no name')
      sections.rename(config, match[1], name)
  return configs.fill(config)


def _combinations(argv, declared, flags):
  """The Combinations of --sweep; each is parsed as a command line is."""
  if flags.seeds and _value(argv, r'config\.seed') is not None:
    raise UserError('--config.seed is not read beside --seeds: leave one of '
                    'them out')
  words = sweeps.words(flags.sweep)
  for key in words:
    if (value := _value(argv, rf'config\.{re.escape(key)}')) is not None:
      raise UserError(f'--config.{key}={value} is not read beside --sweep='
                      f'config.{key}: leave one of them out')
  combinations = []
  for chosen in sweeps.products(words) if words else ():
    own = [*argv, *(sweeps.override(*item) for item in chosen.items())]
    try:
      config = _parsed(own, declared, _config(own)).config
      _split_words(config)
      values = {key: _swept(config, key, word) for key, word in chosen.items()}
      config = configs.complete(config)
    except UserError as error:
      raise UserError(f'{", ".join(map("=".join, chosen.items()))} of --sweep: '
                      f'{error}') from error
    combinations.append(sweeps.Combination(sweeps.name(values), values, config))
  for i, one in enumerate(combinations):
    for other in combinations[:i]:
      if one.config == other.config:
        raise UserError(f'--sweep asks for {one.name} twice: its values should '
                        'be different ones')
  return combinations


def _swept(config, key, word):
  """The value of a key, or the word that gave it where it is a section."""
  value = sections.within(config, key)
  return word if hasattr(value, 'keys') else value


def _parsed(argv, declared, config):
  """The values of all flags of a command line: FlagValues of absl."""
  parsed = absl_flags.FlagValues()
  for flag in [*declared.values(), *FLAGS]:
    if flag.name != 'config':
      _DEFINE[type(flag.default)](
          flag.name, list(flag.default) if flag.default in ((), []) else
          flag.default,
          flag.help, flag_values=parsed)
  argv = _last_of_each(_without_config(argv))
  try:
    if config:
      config_flags.DEFINE_config_dict('config', config, flag_values=parsed,
                                      sys_argv=argv)
    positional = parsed(argv)
  except absl_flags.UnrecognizedFlagError as error:
    raise UserError(_unknown(error.flagname, parsed)) from error
  except (absl_flags.Error, AttributeError, KeyError, TypeError,
          ValueError) as error:
    raise UserError(_wrong_override(argv, config, error)) from error
  if positional[1:]:
    raise UserError(f"'{positional[1]}' is not a flag: flags start with --")
  return parsed


def _split_words(config):
  """Splits words with commas, as of --config.eval.metrics=fd,kid, in place.

  The parser reads them as a tuple of one string.
  """
  for key, value in config.items():
    if hasattr(value, 'keys'):
      _split_words(value)
    elif (isinstance(value, tuple) and len(value) == 1
          and isinstance(value[0], str)):
      words = (word.strip() for word in value[0].split(','))
      config[key] = tuple(filter(None, words))


def _refuse_unread(argument, mode, declared):
  """Refuses a flag of other verbs that this verb does not have."""
  match = re.match(r'--?([a-z_0-9]+)(\.|=|$)', argument)
  name = match and match[1]
  if not name or name in declared or name in {flag.name for flag in FLAGS}:
    return
  readers = []
  for other in lookup.names('verbs'):
    try:
      flags = lookup.find('verbs', other).FLAGS
    except UserError:
      continue  # a broken file of another verb is not this command's mistake
    if {name, name.removeprefix('no')} & {flag.name for flag in flags}:
      readers.append(other)
  if readers and name.removeprefix('no') not in declared:
    key = (f'; --config.{name}=VALUE is a key of the config'
           if 'config' in declared and name in configs.base() else '')
    raise UserError(f'--mode={mode} does not read --{name}: '
                    f'{", ".join(readers)} {"do" if readers[1:] else "does"}'
                    f'{key}')


def _value(argv, name):
  """The last value given to a flag on the command line, None without one.

  '~' is replaced as in the values that verbs get.
  """
  value = None
  for argument, after in zip(argv[1:], [*argv[2:], '']):
    match = re.fullmatch(rf'--?{name}(?:=(.*))?', argument)
    if match:
      value = after if match[1] is None else match[1]
  return None if value is None else _plain(name, value)


def _without_config(argv):
  """The command line without '--config=X' and '--config X'."""
  rest, skip = [], False
  for argument in argv:
    if not skip and not re.match(r'--?config(=|$)', argument):
      rest.append(argument)
    skip = not skip and argument in ('-config', '--config')
  return rest


def _last_of_each(argv):
  """The command line without values that a later --config.KEY=VALUE replaces.

  The parser would join those of a tuple.
  """
  keys = [argument.partition('=') for argument in argv]
  return [argument for i, (argument, (key, equals, _)) in enumerate(
      zip(argv, keys)) if not (equals and key.startswith('--config.') and any(
          key == later and sign for later, sign, _ in keys[i + 1:]))]


def _unknown(name, known):
  """The message for an unknown flag, with known ones."""
  if name.startswith('config.'):
    return f'--{name} overrides a config: give --config=FILE too'
  if 'config' in known and name in configs.base():
    return (f'unknown flag --{name}: --config.{name}=VALUE is that key of the '
            'config')
  return f'unknown flag --{name}: {lookup.nearest(name, sorted(known))}'


def _wrong_override(argv, config, error):
  """The message for a wrong override of a config key, with known keys."""
  for argument in argv:
    match = re.match(r'--?config\.([^=]+)', argument)
    if not match:
      continue
    section = config
    for key in match[1].split('.'):
      if not hasattr(section, 'keys') or key not in section:
        known = list(section) if hasattr(section, 'keys') else []
        return (f"unknown config key '{match[1]}': "
                f'{lookup.nearest(key, known)}')
      section = section[key]
    if hasattr(section, 'keys'):
      key = 'name' if 'name' in section else next(iter(section), 'KEY')
      return (f'config.{match[1]} is a section: its keys are set one by one, '
              f'as --config.{match[1]}.{key}=VALUE')
  return ' '.join(str(error).split())


def _plain(name, value):
  """The value of a flag, with '~' for the home folder replaced in paths."""
  if isinstance(value, list):
    return tuple(_plain(name, item) for item in value)
  return paths.local(value, f'--{name}') if isinstance(value, str) else value


def _described(flag):
  """The line of a flag in --help."""
  note = ('needed' if flag.required else 'off' if flag.default is False
          else 'none' if flag.default in (None, '', (), [])
          else repr(flag.default))
  return f'  --{flag.name:20} {flag.help} [{note}]'


def _first_line(file):
  """The first line of a file's docstring, read without importing the file."""
  try:
    text = ast.get_docstring(ast.parse(file.read_bytes()))
  except SyntaxError as error:
    return f'cannot be read: line {error.lineno}: {error.msg}'
  return (text or '').split('\n')[0]
