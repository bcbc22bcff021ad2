"""Trains; a repeat of the same command resumes.

Writes into --workdir: config.json, run.json, metrics.jsonl and .csv,
evaluations.jsonl, samples/, plots/, checkpoints/, tensorboard/. With
config.seeds > 1 each run has these in seed_N/, and seeds.md compares them.
"""
import pathlib

import jax

from jgan import flags as common
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.run import loop, processes, seeds

FLAGS = (
    common.CONFIG, common.WORKDIR, common.DATA_DIR,
    common.ALLOW_CONFIG_CHANGE,
    Flag('profile', False, 'Trace ten steps, print the costliest operations.'),
    Flag('coordinator', '', 'HOST:PORT of process 0, to train with several.'),
    Flag('processes', 1, 'Number of processes that train together.'),
    Flag('process', 0, 'Index of this process, from 0.'),
)


def run(config, flags):
  """Trains and returns the paths of its output."""
  if flags.coordinator:
    processes.join(flags.coordinator, flags.processes, flags.process)
  elif flags.processes != 1 or flags.process:
    raise UserError(f'--processes={flags.processes} --process={flags.process} '
                    'need --coordinator=HOST:PORT, the address of process 0')
  if config.seeds > 1:
    return seeds.run(config, flags.workdir, data_dir=flags.data_dir,
                     allow_config_change=flags.allow_config_change,
                     profiled=flags.profile)
  loop.run(config, flags.workdir, data_dir=flags.data_dir,
           allow_config_change=flags.allow_config_change,
           profiled=flags.profile)
  if jax.process_index():
    return ''
  folder = pathlib.Path(flags.workdir)
  grids = sorted((folder / 'samples').glob('*.png'))
  return '\n'.join([
      f'samples      {grids[-1] if grids else "none"}',
      f'curves       {folder / "plots" / "curves.png"}',
      f'metrics      {folder / "metrics.csv"}',
      f'checkpoints  {folder / "checkpoints"}',
      f'tensorboard  {folder / "tensorboard"}', ''])
