"""The command line: flags, and a config file with its overrides."""
import functools
import importlib.util
import pathlib
import re
import sys

from absl import flags
from ml_collections import config_flags

from jgan import config as configs
from jgan import lookup
from jgan.errors import UserError
from jgan.workdir import recorded_config

ROOT = pathlib.Path(__file__).resolve().parent.parent


def define(values, verbs):
  """Defines the flags of all verbs on `values`, a flags.FlagValues."""
  text, switch, number = (
      functools.partial(make, flag_values=values) for make in (
          flags.DEFINE_string, flags.DEFINE_bool, flags.DEFINE_integer))
  text('mode', 'train', f'What to do: {", ".join(verbs)}.')
  text('workdir', '', 'Folder of the run.')
  text('data_dir', '', 'Folder of the data sets; else $JGAN_DATA.')
  switch('allow_config_change', False,
         'Go on from a checkpoint of another config.')
  text('out', '', 'sample, export: what to write; its ending says how. '
       'derive: a .json. compress, shrink, sensitivity, report: a folder.')
  number('n', 64, 'sample: how many images (with --interpolate: rows).')
  number('seed', 0, 'sample: of the noise.')
  number('interpolate', 0, 'sample: images from one latent to the next.')
  number('step', -1, 'The checkpoint to use; the newest if -1.')
  switch('best', False,
         'The best checkpoint by config.checkpoint.best.')
  switch('online', False,
         'sample, export: the trained generator, not its average.')
  switch('discriminator', False, 'export: the discriminator.')
  text('params', '', 'sample, evaluate, shrink: an exported generator '
       "instead of a checkpoint's.")
  number('candidates', 0, 'derive: architectures to draw and score.')
  switch('last', False, 'compress: the layers of config.compress.last.')
  text('runs', '', 'report: workdirs to compare, with commas.')
  switch('spectra', False, 'report: draw their mean power spectra too.')
  text('genotypes', '', 'genotypes: files, names, folders, workdirs, with '
       'commas.')
  text('label', '', 'genotypes: the score that tells good ones, as FID.')
  flags.DEFINE_float('threshold', None, 'genotypes: below it they are good.',
                     flag_values=values)
  text('a', '', 'evaluate: the reference: a folder, or cifar10:train.')
  text('b', '', 'evaluate: the images to score against --a, likewise.')
  text('metrics', '', 'evaluate: names, with commas; config.eval.metrics.')
  text('network', '', 'evaluate: the feature network; config.eval.network.')
  text('weights', '', "evaluate: the network's file; config.eval.weights.")
  text('protocols', '', "evaluate: names, with commas, or 'all'.")
  text('steps', '', "evaluate: checkpoints, 'all', FROM:TO or a list.")
  number('image_size', 0, 'evaluate: side to bring the images of folders to.')
  switch('json', False, 'describe: one JSON object on stdout.')
  text('coordinator', '', 'HOST:PORT of process 0, to train with several.')
  number('processes', 1, 'How many processes train together.')
  number('process', 0, 'Which of them this is, from 0.')
  text('compilation_cache', '~/.cache/jgan', "Compiled programs; '' for none.")
  switch('debug', False, 'Show the traceback of an error.')
  switch('help', False, 'Show this.')


def parse(argv, verbs):
  """Reads a command line: -> flag values, completed config (None without).

  Raises:
    UserError: any mistake in it.
  """
  argv, location = _take_config(argv)
  values = flags.FlagValues()
  define(values, verbs)
  config = load(location) if location else _recorded(argv)
  if config:
    renamed = r'--?config\.(.+)\.name(?:=(.*))?'
    for i, argument in enumerate(argv):
      match = re.fullmatch(renamed, argument)
      if match and match[1] in {p for p, _, _ in configs.sections(config)}:
        configs.rename(config, match[1], match[2] or argv[i + 1])
    config = configs.fill(config)
  try:
    if config:
      config_flags.DEFINE_config_dict('config', config, flag_values=values,
                                      sys_argv=argv)
    rest = values(argv)
  except flags.UnrecognizedFlagError as error:
    raise UserError(f'unknown flag --{error.flagname}: '
                    f'{lookup.nearest(error.flagname, sorted(values))}'
                    ) from error
  except (flags.Error, AttributeError, KeyError, TypeError,
          ValueError) as error:
    raise UserError(_unparsed(argv, config, error)) from error
  if rest[1:]:
    raise UserError(f"'{rest[1]}' is not a flag: flags start with --")
  if values.mode not in verbs:
    raise UserError(f'no --mode={values.mode}: '
                    f'{lookup.nearest(values.mode, verbs)}')
  return values, configs.complete(values.config) if config else None


def _recorded(argv):
  """The config of the run in --workdir, where no other is given."""
  folder = ''
  for argument, after in zip(argv, [*argv[1:], '']):
    match = re.fullmatch(r'--?workdir(?:=(.*))?', argument)
    if match:
      folder = after if match[1] is None else match[1]
  found = recorded_config(folder) if folder else None
  return configs.from_record(found).unlock() if found else None


def load(location):
  """Runs get_config of a config file: 'PATH' or 'PATH:FORM'.

  PATH is taken from the working directory, else from the folder of jgan.
  """
  path, _, form = location.partition(':')
  files = [f for f in (pathlib.Path(path), ROOT / path) if f.is_file()]
  if not files:
    known = [str(f.relative_to(ROOT)) for f in experiments()]
    raise UserError(f'no config file {path}: {lookup.nearest(path, known)}')
  if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # experiments inherit from each other
  spec = importlib.util.spec_from_file_location('experiment', files[0])
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  if not hasattr(module, 'get_config'):
    raise UserError(f'{files[0]} defines no get_config()')
  return module.get_config(form) if form else module.get_config()


def experiments():
  """The config files that come with jgan, sorted."""
  return sorted((ROOT / 'experiments').glob('*/[!_]*.py'))


def usage(verbs):
  """The text of --help."""
  values = flags.FlagValues()
  define(values, verbs)
  lines = ['python -m jgan.main --mode=VERB --config=FILE[:smoke] '
           '--workdir=DIR [--config.key=value ...]', '', 'verbs:']
  lines += [f'  {name:10} {verb.__doc__}' for name, verb in verbs.items()]
  lines += ['', 'flags:']
  lines += [f'  --{name:20} {values[name].help}' for name in sorted(values)]
  lines += ['', 'experiments (each also as FILE:smoke, which ends in seconds '
            'to minutes):']
  lines += [f'  {file.relative_to(ROOT)!s:42} {_first_line(file)}'
            for file in experiments()]
  return '\n'.join(lines) + '\n'


def _take_config(argv):
  """Splits '--config=X' or '--config X' off: -> the rest, X or ''."""
  rest, location = [], ''
  argv = list(argv)
  while argv:
    argument = argv.pop(0)
    if re.match(r'--?config=', argument):
      location = argument.partition('=')[2]
    elif argument in ('-config', '--config') and argv:
      location = argv.pop(0)
    elif argument == '-h':
      rest.append('--help')
    else:
      rest.append(argument)
  return rest, location


def _unparsed(argv, config, error):
  """Says which override was wrong, and what would be right."""
  for argument in argv:
    match = re.match(r'--?config\.([^=]+)', argument)
    if match and config is None:
      return f'{argument} overrides a config: give --config=FILE too'
    if match:
      found = config
      for key in match[1].split('.'):
        if not hasattr(found, 'keys') or key not in found:
          known = list(found) if hasattr(found, 'keys') else []
          return (f"unknown config key '{match[1]}': "
                  f'{lookup.nearest(key, known)}')
        found = found[key]
  return ' '.join(str(error).split())


def _first_line(file):
  text = file.read_text().lstrip('"\n')
  return text.split('\n', 1)[0].rstrip('"')
