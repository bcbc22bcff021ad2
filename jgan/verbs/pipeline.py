"""Searches, trains, compresses, fine-tunes and reports; a repeat resumes.

Every stage writes one run or report, and its verb can also be called alone:

  search/       training of the super-networks of config.search; without that,
                the genotype is the one in the config
  dense/        training of the network of the genotype
  sensitivity/  scores with each of its layers compressed alone
  compressed/   its layers factorized, by config.compress.rules or, if there
                are none, by the sensitivity
  finetuned/    training of the compressed network
  final/        its last layers factorized too (config.compress.last)
  report.md     comparison of all generators
"""
import logging
import pathlib
import shutil

from jgan import build, cli
from jgan import config as configs
from jgan import flags as common
from jgan.errors import UserError
from jgan.files import own
from jgan.run import loop, restore
from jgan.verbs import compress, derive, report, sensitivity

log = logging.getLogger(__name__)


FLAGS = (common.CONFIG, common.WORKDIR, common.DATA_DIR)


def run(config, flags):
  """Runs all stages in subfolders of --workdir."""
  return write(config, flags.workdir, data_dir=flags.data_dir)


def write(config, workdir, *, data_dir=''):
  """Runs all stages in subfolders of `workdir`.

  Args:
    config: completed; of the training of dense/, with sections `search` and
      `compress`.
    workdir: folder.
    data_dir: folder of data sets and weights.

  Returns:
    Text: the report.

  Raises:
    UserError: config.compress has neither rules nor ranks, or a sensitivity
      is to be measured without a metric.
  """
  folder = pathlib.Path(workdir)
  if not (config.compress.rules or config.compress.ranks):
    raise UserError('config.compress has neither rules nor ranks to try: the '
                    'pipeline compresses; for training alone use --mode=train')
  if config.compress.ranks and not config.eval.metrics:
    raise UserError('config.eval.metrics is empty: trying config.compress.'
                    f'ranks={config.compress.ranks} needs a metric, as in '
                    "('fd_pixels',)")
  if config.search:
    config = searched(config, folder, data_dir)
  stage(folder / 'dense')
  loop.run(config, folder / 'dense', data_dir=data_dir)
  if config.compress.ranks:
    stage(folder / 'sensitivity')
    sensitivity.write(*restored(folder / 'dense'), folder / 'sensitivity',
                      data_dir=data_dir)
  compressed(folder / 'dense', folder / 'compressed', data_dir,
             trials=folder / 'sensitivity' / 'sensitivity.json')
  stage(folder / 'finetuned')
  tuned = copied(folder / 'compressed', folder / 'finetuned')
  loop.run(tuned, folder / 'finetuned', data_dir=data_dir)
  runs = ['dense', 'compressed', 'finetuned']
  if config.compress.last:
    compressed(folder / 'finetuned', folder / 'final', data_dir, last=True)
    runs.append('final')
  return report.write([folder / name for name in runs], folder)


def searched(config, folder, data_dir):
  """Runs the search: -> the config with the genotype that it derived."""
  stage(folder / 'search')
  search = configs.complete(cli.load(config.search))
  loop.run(search, folder / 'search', data_dir=data_dir)
  search, method, state = restored(folder / 'search', best=False)
  path = folder / 'genotype.json'
  derive.write(search, method, state, path, folder=folder / 'search')
  with config.unlocked():
    config.generator.genotype = str(path)
  return configs.complete(config)


def compressed(source, target, data_dir, last=False, trials=''):
  """Compresses the run `source` into the run `target`, unless that exists.

  trials: the sensitivity.json that decides if the config has no rules.
  """
  stage(target)
  if configs.recorded(target) is None:
    config, method, state = restored(source)
    if not config.compress.rules:
      with config.unlocked():
        config.compress.sensitivity = str(trials)
    compress.write(config, method, state, target, last=last,
                   data_dir=data_dir)


def copied(source, target):
  """Copies the run `source` to `target`, unless that exists: -> its config."""
  if configs.recorded(target) is None:
    part = own(target.with_name(f'.{target.name}.part'))
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part)
    part.rename(target)
  return configs.from_record(configs.recorded(target))


def restored(folder, best=True):
  """Config, method and state of a run's best checkpoint, or of its newest."""
  config = configs.from_record(configs.recorded(folder))
  method = build.method(config)
  return config, method, restore.state_of(
      config, method, folder, best=best and bool(config.checkpoint.best))


def stage(folder):
  """Logs the stage that begins."""
  log.info('---- %s', folder)
