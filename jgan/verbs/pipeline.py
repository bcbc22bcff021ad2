"""Searches, trains, compresses, fine-tunes, reports; again: resumes.

Every stage is a run, or a verb, of its own and can be called alone:

  search/       the super-networks (config.search; else config's genotype)
  dense/        the network of the genotype, trained
  sensitivity/  each of its layers compressed alone
  compressed/   its layers factored (config.compress.rules; without any, as
                the sensitivity says)
  finetuned/    trained on
  final/        its last layers factored too (config.compress.last)
  report.md     all generators side by side

A repeated command goes on where the last one ended.
"""
import logging
import pathlib
import shutil

from jgan import build, cli
from jgan import config as configs
from jgan import flags as common
from jgan.errors import UserError
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
    config: completed; of the training, with config.search and
      config.compress.
    workdir: folder.
    data_dir: where data sets and weights are found.

  Returns:
    Text: the report.

  Raises:
    UserError: the config names nothing to compress, or no metric.
  """
  folder = pathlib.Path(workdir)
  if not (config.compress.rules or config.compress.ranks):
    raise UserError('config.compress has neither rules nor ranks to try: the '
                    'pipeline compresses; for training alone use --mode=train')
  if config.compress.ranks and not config.eval.metrics:
    raise UserError(f'config.compress.ranks={config.compress.ranks} are to be '
                    'tried, and config.eval.metrics is empty: one is needed, '
                    "as ('fd_pixels',)")
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
  """Searches, and puts the genotype into the config."""
  stage(folder / 'search')
  found = configs.complete(cli.load(config.search))
  loop.run(found, folder / 'search', data_dir=data_dir)
  found, method, state = restored(folder / 'search', best=False)
  path = folder / 'genotype.json'
  derive.write(found, method, state, path, folder=folder / 'search')
  with config.unlocked():
    config.generator.genotype = str(path)
  return configs.complete(config)


def compressed(source, target, data_dir, last=False, trials=''):
  """Compresses a run into another folder, unless that was done.

  trials: the sensitivity.json that decides where the config has no rules.
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
  """Makes the run `target` start as `source` stands: -> its config."""
  if configs.recorded(target) is None:
    half = target.with_name(f'.{target.name}.part')
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(source, half)
    half.rename(target)
  return configs.from_record(configs.recorded(target))


def restored(folder, best=True):
  """Config, method and state of a run: its best, or its last checkpoint."""
  config = configs.from_record(configs.recorded(folder))
  method = build.method(config)
  return config, method, restore.state_of(
      config, method, folder, best=best and bool(config.checkpoint.best))


def stage(folder):
  """Says where the pipeline stands."""
  log.info('---- %s', folder)
