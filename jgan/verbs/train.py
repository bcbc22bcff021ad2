"""Trains; a repeat of the same command resumes.

Writes into --workdir: config.json, run.json, metrics.jsonl and .csv,
evaluations.jsonl, samples/, plots/, checkpoints/, tensorboard/; findings.jsonl
where the doctor has found a symptom. With config.seeds > 1 each run has these
in seed_N/, and seeds.md compares them.

  jgan --config=FILE --workdir=RUNS --seeds=0,1,2 \\
    --sweep=config.optimizer.gen.lr=1e-4,2e-4

trains each combination in a folder of RUNS; sweep.md, sweep.json and index.html
compare them. A value that is a tuple stands in brackets.

  jgan --data_dir=PHOTOS --size=64 --workdir=RUN

trains on photos, in a folder, a zip file or Parquet files, by
experiments/photos/default.py.
"""
import pathlib

import jax

from jgan import flags as common
from jgan import photos, sweeps
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.run import loop, processes, seeds
from jgan.verbs import _sweep

FLAGS = (
    common.CONFIG, common.WORKDIR, common.DATA_DIR, photos.SIZE,
    common.ALLOW_CONFIG_CHANGE, sweeps.SEEDS, sweeps.SWEEP,
    Flag('profile', False, 'Trace ten steps, print the costliest operations.'),
    Flag('distributed', False, 'Train with the other processes of a TPU pod, '
         'SLURM, mpirun or Kubernetes.'),
    Flag('coordinator', '', 'Where these tell nothing: HOST:PORT of process '
         '0,'),
    Flag('processes', 0, 'the number of processes,'),
    Flag('process', -1, 'and the index of this one, from 0.'),
)


def run(config, flags):
  """Trains and returns the paths of its output."""
  explicit = flags.coordinator, flags.processes, flags.process
  several = flags.distributed or explicit != processes.NONE_GIVEN
  if flags.seeds or flags.sweep:
    if several or jax.process_count() > 1:
      raise UserError(f'--{"sweep" if flags.sweep else "seeds"} with several '
                      'processes: many runs are trained by one process, with '
                      'the devices of one host; leave --distributed, '
                      '--coordinator, --processes and --process out')
    return _sweep.run(config, flags)
  _sweep.refuse_sweep(flags.workdir)
  if several:
    processes.join(*explicit)
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
  grids = sorted((folder / 'samples').glob('[0-9]*.png'))
  sinks = [section.name for section in config.log.sinks]
  table = 'metrics.csv' if 'csv' in sinks else 'metrics.jsonl'
  return '\n'.join([
      f'samples      {grids[-1] if grids else "none"}',
      f'curves       {folder / "plots" / "curves.png"}',
      f'metrics      {folder / table}',
      f'checkpoints  {folder / "checkpoints"}',
      *(f'{name:12} {folder / name}' for name in sinks
        if (folder / name).is_dir()), ''])
