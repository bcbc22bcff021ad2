"""Searches, trains, compresses, fine-tunes and reports; a repeat resumes.

Every stage writes one run or report, and its verb can also be called alone:

  search/       training of the super-networks of config.search; without that,
                the genotype is the one in the config
  dense/        training of the network of the genotype
  sensitivity/  scores with each of its layers compressed alone
  compressed/   its layers factorized, by config.compress.rules or, if there
                are none or they are for another genotype, by the sensitivity
  finetuned/    training of the compressed network
  final/        its last layers factorized too (config.compress.last)
  report.md     comparison of all generators
"""
import logging
import pathlib
import shutil

from jgan import build, cli, experiment
from jgan import config as configs
from jgan import flags as common
from jgan.compress import ranks
from jgan.errors import UserError
from jgan.run import loop, restore
from jgan.verbs import compress, derive, report, sensitivity
from jgan.workdir import made

log = logging.getLogger(__name__)


FLAGS = (common.CONFIG, common.WORKDIR, common.DATA_DIR,
         common.ALLOW_CONFIG_CHANGE)


def run(config, flags):
  """Runs all stages in subfolders of --workdir."""
  path, _ = experiment.split(flags.config)
  if config.search and not path.endswith('.py'):
    refuse_foreign(config.search, path or flags.workdir)
  return write(config, flags.workdir, data_dir=flags.data_dir,
               allow_config_change=flags.allow_config_change)


def refuse_foreign(search, place):
  """Refuses a recorded search that is no experiment of jgan's own.

  An experiment is a program. One that the user names on the command line is
  run; one that only the record of a run names, in `place`, may be anybody's.
  """
  path, _ = experiment.split(search)
  own = [experiment.shown(file) for file in experiment.files()]
  if path not in own or (pathlib.Path(path).is_file() and not (
      experiment.FOLDER.parent / path).samefile(path)):
    raise UserError(f"the config in {place} has search='{search}', which is "
                    'not an experiment that comes with jgan: it is run only if '
                    '--config=FILE.py names the experiment that says so')


def write(config, workdir, *, data_dir='', allow_config_change=False):
  """Runs all stages in subfolders of `workdir`.

  Args:
    config: completed; of the training of dense/, with sections `search` and
      `compress`.
    workdir: folder.
    data_dir: folder of data sets and weights.
    allow_config_change: go on in runs of another config.

  Returns:
    Text: the report.

  Raises:
    UserError: config.compress has neither rules nor ranks for the network to
      train, or they do not fit it; a sensitivity is to be measured without a
      metric; or a compressed run is of another config.
  """
  folder = pathlib.Path(workdir)
  plan, train = config.compress, dict(data_dir=data_dir,
                                      allow_config_change=allow_config_change)
  if not (plan.rules or plan.ranks):
    raise UserError('config.compress has neither rules nor ranks to try: the '
                    'pipeline compresses; for training alone use --mode=train')
  if plan.ranks and not config.eval.metrics:
    raise UserError('config.eval.metrics is empty: trying config.compress.'
                    f'ranks={plan.ranks} needs a metric, as in '
                    "('fd_pixels',)")
  if plan.genotype and not plan.ranks and (config.search or
                                           not compress.rules_fit(config)):
    raise UserError('config.compress.rules are for genotype '
                    f"'{plan.genotype}', and another is to be trained: ranks "
                    'to try on its layers are needed, as in '
                    '--config.compress.ranks="(64,)"')
  for rules in plan.rules, plan.last:
    ranks.check(rules)
  if config.search:
    config = searched(config, folder, train)
  compress.check(config)
  stage(folder / 'dense')
  loop.run(config, folder / 'dense', **train)
  if plan.ranks:
    stage(folder / 'sensitivity')
    sensitivity.write(*restored(folder / 'dense'), folder / 'sensitivity',
                      data_dir=data_dir)
  compressed(folder / 'dense', folder / 'compressed', data_dir,
             trials=folder / 'sensitivity' / 'sensitivity.json')
  stage(folder / 'finetuned')
  tuned = copied(folder / 'compressed', folder / 'finetuned')
  loop.run(tuned, folder / 'finetuned', **train)
  runs = ['dense', 'compressed', 'finetuned']
  if config.compress.last:
    compressed(folder / 'finetuned', folder / 'final', data_dir, last=True)
    runs.append('final')
  return report.write([folder / name for name in runs], folder)


def searched(config, folder, train):
  """Runs the search: -> the config with the genotype that it derived.

  train: keyword arguments of loop.run.
  """
  stage(folder / 'search')
  search = configs.complete(cli.load(config.search))
  loop.run(search, folder / 'search', **train)
  search, method, state = restored(folder / 'search', best=False)
  path = folder / 'genotype.json'
  derive.write(search, method, state, path, folder=folder / 'search')
  with config.unlocked():
    config.generator.genotype = str(path)
  return configs.complete(config)


def compressed(source, target, data_dir, last=False, trials=''):
  """Compresses the run `source` into the run `target`, unless that exists.

  trials: the sensitivity.json that decides if the config's rules do not.

  Raises:
    UserError: `target` was made from another config.
  """
  stage(target)
  earlier = configs.recorded(target)
  if earlier is not None:
    refuse_changed(configs.from_record(configs.recorded(source)),
                   configs.from_record(earlier), target, last)
    return
  config, method, state = restored(source)
  if not (last or (config.compress.rules and compress.rules_fit(config))):
    with config.unlocked():
      config.compress.sensitivity = str(trials)
  compress.write(config, method, state, target, last=last, data_dir=data_dir)


def refuse_changed(config, earlier, target, last):
  """Refuses a compressed run that the config of its source would not give.

  Args:
    config: of the source.
    earlier: of the compressed run in the folder `target`.
    last: as in `compressed`.
  """
  layers = {path: options for path, options in earlier.factored.items()
            if path not in config.factored}
  with config.unlocked():
    config.compress.sensitivity = earlier.compress.sensitivity
  changed = configs.differences(
      configs.plain(earlier),
      configs.plain(compress.tuned(config, layers, last)))
  if changed:
    raise UserError(f'{target} was made from another config '
                    f'({"; ".join(changed[:8])}): remove it and the stages '
                    'after it to make them anew')


def copied(source, target):
  """Copies the run `source` to `target`, unless that exists: -> its config."""
  config = configs.from_record(configs.recorded(source))
  if configs.recorded(target) is None:
    with made(target, config) as folder:
      shutil.copytree(source, folder, dirs_exist_ok=True,
                      ignore=shutil.ignore_patterns('.lock'))
  return config


def restored(folder, best=True):
  """Config, method and state of a run's best checkpoint, or of its newest."""
  config = configs.from_record(configs.recorded(folder))
  method = build.method(config)
  return config, method, restore.state_of(
      config, method, folder, best=best and bool(config.checkpoint.best))


def stage(folder):
  """Logs the stage that begins."""
  log.info('---- %s', folder)
