"""Runs of one config that differ in their seeds: config.seeds of them.

Each is an ordinary run in a folder of its own, WORKDIR/seed_0, seed_1, ..., and
equals the run of its seed alone.

On accelerators they are one program: the loop trains a state with an axis of
runs (run/parallel.py), and `Sessions` does the periodic work of each in turn.
On a CPU they are processes, one for each core at a time: a step of a small
model leaves cores idle, and there their bits are those of single runs.

A run whose numbers are not finite stops, and the others go on.
"""
import contextlib
import functools
import logging
import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np

import jgan
from jgan import build, failures, labelling, precision, progress, signals
from jgan import config as configs
from jgan.errors import NonFinite, SomeStopped, Stopped, UserError
from jgan.run import (
    announce,
    checkpoint,
    loop,
    outcomes,
    parallel,
    processes,
    profile,
    several,
)
from jgan.run.session import Session
from jgan.run.sessions import Sessions
from jgan.score import networks
from jgan.types import Pair
from jgan.workdir import has_checkpoint, opened, runs_of_seeds, settle_config

log = logging.getLogger(__name__)

_COMMAND = sys.executable, '-m', 'jgan.alone'


@failures.explained()
def run(config, workdir, *, data_dir='', allow_config_change=False,
        profiled=False, together=None, chosen=(), finished=()):
  """Trains the runs of config.seeds, or resumes them: the verb `train`.

  Args:
    config: an experiment's config.
    workdir: the folder of their folders.
    data_dir: folder of data sets.
    allow_config_change: resume from checkpoints of a different config.
    profiled: trace some steps (run/profile.py).
    together: one program (True), or a process for each run (False); None:
      processes on a CPU.
    chosen: seeds in place of those of the config. Another command may add
      some, which begin when the earlier ones are done.
    finished: those of `chosen` that are done, and are left as they are.

  Returns:
    Text: the table of their scores, which is also in WORKDIR/seeds.md.

  Raises:
    UserError: a mistake, or something that cannot be combined.
    Stopped: all of them stopped, at a signal.
    SomeStopped: a run stopped by itself.
  """
  if chosen:
    config = config.copy_and_resolve_references().unlock()
    config.seed, config.seeds = min(chosen), len(chosen)
  config = labelling.settled(configs.complete(config), data_dir)
  processes.require_joined()
  if jax.process_count() > 1:
    raise UserError(f'config.seeds={config.seeds} with {jax.process_count()} '
                    'processes: many seeds are trained by one process, with '
                    'the devices of one host')
  if together is None:
    together = parallel.chosen_devices(config)[0].platform != 'cpu'
  numbers = chosen or range(config.seed, config.seed + config.seeds)
  if not (chosen or allow_config_change):
    refuse_other_seeds(workdir, numbers)
  with opened(workdir, config, allow_config_change=allow_config_change,
              many=bool(chosen)) as folder, loop.writing(folder):
    runs = {folder / f'seed_{seed}': of_seed(config, seed) for seed in numbers}
    waiting = {path: own for path, own in runs.items()
               if own.seed not in finished}
    train = in_one_program if together else in_processes
    # In one program all go on from one step, which new ones do not have.
    groups = by_age(waiting) if chosen and together else [waiting]
    for group in filter(None, groups):
      train(config, group, data_dir, allow_config_change, profiled)
    text = outcomes.write(folder, runs)
    stopped = {path.name: why for path in runs
               if (why := outcomes.why_stopped(path))}
  if stopped:
    raise SomeStopped(
        f'{len(stopped)} of {len(runs)} runs stopped: ' + '; '.join(
            f'{name}: {why}' for name, why in stopped.items()))
  return text


def refuse_other_seeds(workdir, numbers):
  """Refuses the folder of other seeds than those of the config."""
  there = [int(run.name.removeprefix('seed_')) for run in
           runs_of_seeds(workdir)]
  if {*there} - {*numbers}:
    shown = ','.join(map(str, sorted(there)))
    raise UserError(f'--workdir={workdir} holds the runs of seeds {shown}, and '
                    f'the config asks for {numbers[0]} to {numbers[-1]}: '
                    f'--seeds={shown} would be right')


def by_age(runs):
  """Groups runs: those that have a checkpoint, and those that have none."""
  begun = {folder: own for folder, own in runs.items()
           if has_checkpoint(folder)}
  return begun, {folder: own for folder, own in runs.items()
                 if folder not in begun}


def of_seed(config, seed):
  """The config of the run of one seed, as if it were trained alone."""
  config = config.copy_and_resolve_references().unlock()
  config.seed, config.seeds = seed, 1
  return configs.complete(config)


def in_processes(config, runs, data_dir, allow_config_change, profiled):
  """Trains each run in a process, as many at a time as there are cores.

  Args:
    config: completed, with all seeds.
    runs: {folder: config of the run}.
    data_dir, allow_config_change, profiled: as in `run`.

  Raises:
    Stopped: a signal asked for it; the runs are saved.
    UserError: a run has another config, or all runs failed by a mistake.
  """
  for folder, own in runs.items():
    folder.mkdir(exist_ok=True)
    settle_config(folder, own, allow_config_change)
    outcomes.forget(folder)
  cores = (len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity')
           else os.cpu_count() or 1)
  log.info('%d runs, %d at a time, each in a process of its own that writes to '
           '%s', len(runs), min(cores, len(runs)),
           next(iter(runs)).parent / 'seed_*' / 'log.txt')
  arguments = [f'--data_dir={data_dir}', *['--profile'] * profiled,
               *['--allow_config_change'] * allow_config_change]
  waiting, working, mistakes = list(runs), {}, []
  with signals.watched() as stop, contextlib.ExitStack() as stack:
    stack.enter_context(progress.during(f'training {len(runs)} runs'))
    while waiting or working:
      while waiting and len(working) < cores:
        folder = waiting.pop(0)
        working[folder] = stack.enter_context(started(folder, arguments))
        log.info('%s begins', folder.name)
      for folder, process in list(working.items()):
        if process.poll() is not None:
          del working[folder]
          why = ended(folder, process.returncode)
          mistakes += [why] if process.returncode == 2 else []
          log.info('%s %s', folder.name, why or 'is done')
      if stop(0):
        for process in working.values():
          process.send_signal(signal.SIGTERM)
        for folder, process in working.items():
          process.wait()
          log.info('%s %s', folder.name, last_words(folder) or 'is done')
        raise Stopped('stopped: the runs are saved. The same command resumes '
                      'them')
      time.sleep(.05)
  if len(mistakes) == len(runs):
    raise UserError(mistakes[0])


@contextlib.contextmanager
def started(folder, arguments):
  """Trains the run of a folder in a process: yields the Popen.

  arguments: for the command line.
  """
  root = str(pathlib.Path(jgan.__file__).parent.parent)
  cache = jax.config.jax_compilation_cache_dir or ''
  environment = os.environ | {
      'JAX_COMPILATION_CACHE_DIR': cache, 'PYTHONPATH': os.pathsep.join(
          filter(None, [root, os.environ.get('PYTHONPATH')]))}
  with (folder / 'log.txt').open('a') as words, subprocess.Popen(
      [*_COMMAND, f'--workdir={folder}', '--compilation_cache=', *arguments],
      stdin=subprocess.PIPE, stdout=words, stderr=words, env=environment,
      start_new_session=True) as process:  # of a Ctrl-C we tell them
    yield process


def ended(folder, code):
  """Records why the run of a folder stopped: -> that text, '' if it did not.

  code: exit status of its process.
  """
  if not code:
    return ''
  why = last_words(folder) or f'its process ended with status {code}'
  outcomes.note(folder, why)
  return why


def last_words(folder):
  """The error that the process of a run ended with, '' if it has none."""
  lines = (folder / 'log.txt').read_text(errors='replace').splitlines()
  _, error, words = (lines or [''])[-1].partition('jgan: error: ')
  return words if error else ''


def in_one_program(config, runs, data_dir, allow_config_change, profiled):
  """Trains all runs together, each device its share of them.

  Args and exceptions are those of `in_processes`.
  """
  where = parallel.layout_of_runs(config, [c.seed for c in runs.values()])
  k, method, source, init, abstract = loop.prepared(config, where, data_dir)
  labels = loop.labels_of(config, data_dir)
  refuse_drawn_masks(config, method)
  if config.eval.overlap == 'on':
    raise UserError(f"config.eval.overlap='on' with config.seeds="
                    f"{config.seeds}: the runs of one program are scored one "
                    "by one while it waits; 'auto' or 'off' would be right")
  if config.rollback.on:
    raise UserError(f'config.rollback.on={config.rollback.on} with '
                    f'config.seeds={config.seeds}: the runs of one program '
                    'cannot go back one by one; config.seed, one by one, would '
                    'be right')
  with contextlib.ExitStack() as stack:
    saved = {}
    for folder, own in runs.items():
      _, saved[folder] = stack.enter_context(loop.held(
          own, folder, source, data_dir, allow_config_change,
          # What one run has written, a kill may have kept from another.
          keep=max(2, own.checkpoint.keep)))
    step, states = common(saved, abstract, config.steps)
    if not states:
      return  # all have stopped
    if step:
      log.info('resuming from step %s', f'{step:,}')
      _, notes = next(iter(states.values()))
      if change := precision.changed(notes.get('dtype'), config):
        log.warning('%s', change)
    else:
      announce.parameters(abstract)
    # A run that is finished beside others that are not is left out. One that
    # has stopped keeps its place, for the program to be the same.
    runs = {folder: own for folder, own in runs.items()
            if folder in states or outcomes.why_stopped(folder)}
    where = parallel.layout_of_runs(config, [c.seed for c in runs.values()])
    fresh = loop.fresh(config, init)
    state = jax.device_put(several.stacked([
        states[folder][0] if states.get(folder) else
        begun_at(step, fresh(own.seed)) for folder, own in runs.items()]),
        where.carried)
    stop = stack.enter_context(signals.watched())
    sessions, judges, sampler = {}, None, None
    for i, (folder, own) in enumerate(runs.items()):
      if folder not in states:
        continue
      judges = judges_of(own, where, source, data_dir, labels, judges)
      notes = states[folder][1] if states[folder] else {}
      sessions[i] = Session(own, method, source, folder, saved[folder], where,
                            step, notes, judges, stop, sampler)
      stack.callback(sessions[i].close)
      sampler = sessions[i].sampler
      sessions[i].cost = next(iter(sessions.values())).cost  # of any seed
      # A score in flight is of another step than that at which all are saved.
      sessions[i].scoring.overlaps = False
    session = Sessions(sessions, where)
    trace = stack.enter_context(profile.traced(
        config, next(iter(runs)).parent, step, profiled))
    try:
      try:
        session.show(state)
        loop.loop(config, method, source, where, k, state, step, session, stop,
                  trace=trace, labels=labels)
      except signals.Asked:
        session.leave(step, state)
      session.finish()
    except NonFinite:
      pass  # all have stopped, which is recorded


def begun_at(step, state):
  """A state of the first step, said to be of `step`."""
  return state.replace(step=np.int32(step))


def common(saved, abstract, end):
  """The newest step that the runs can go on from together.

  Args:
    saved: {folder: Checkpoints}. Checkpoints after that step are deleted, as
      they will be written again.
    abstract: shapes of a state.
    end: the last step. Runs that are there are left out if there are others
      that have no step in common with them.

  Returns:
    The step, and {folder: (state, notes), or None before the first step} of
    the runs that have not stopped.

  Raises:
    UserError: they have checkpoints, but none that all can go on from.
  """
  for folder, each in saved.items():
    if end in each.steps():  # it was trained alone since it stopped
      outcomes.forget(folder)
  saved = {folder: each for folder, each in saved.items()
           if not outcomes.why_stopped(folder)}
  if not saved:
    return 0, {}
  step, states = shared(saved, abstract)
  if not states:
    saved = {folder: each for folder, each in saved.items()
             if end not in each.steps()} or saved
    step, states = shared(saved, abstract)
  steps = {folder.name: each.steps() for folder, each in saved.items()}
  if not states and (all(steps.values()) or any(
      len(each) > 1 for each in steps.values())):
    raise UserError('the runs have no intact checkpoint of one step to go on '
                    f'from together: {steps}. Train those that are behind by '
                    'themselves, by --workdir=FOLDER, or choose another '
                    '--workdir')
  for folder, each in saved.items():
    each.go_back(step, states[folder][1] if states else {})
  return step, states or dict.fromkeys(saved)


def shared(saved, abstract):
  """The newest step that all runs have intact: -> it, {folder: (state, notes)}.

  0 and {} if there is none.
  """
  steps = set.intersection(*({*each.steps()} for each in saved.values()))
  for step in sorted(steps, reverse=True):
    try:
      return step, {folder: each.restore(step, abstract)
                    for folder, each in saved.items()}
    except checkpoint.Damaged as error:
      log.warning('%s; all runs go on from the one before', error)
  return 0, {}


def judges_of(config, where, source, data_dir, labels, earlier):
  """As loop.judges; with those of an earlier run they share what they can.

  earlier: the same of another run, or None.
  """
  if not earlier or (earlier.scorer and earlier.scorer.is_seeded):
    return loop.judges(config, where, source, data_dir, labels)
  scorer, probes = earlier.scorer, earlier.probes
  return earlier._replace(
      scorer=scorer and scorer.of_seed(config.seed, networks.labels_of(config)),
      probes=probes and probes.of_seed(config.seed))


def refuse_drawn_masks(config, method):
  """Refuses masks that the seed draws: it is a constant of the program."""
  state = build.abstract(config, method)
  for player in Pair._fields:
    params = getattr(state, player).params
    one, other = (str(jax.make_jaxpr(functools.partial(
        _updated, getattr(build.optimizers(of_seed(config, seed)), player)))(
            params)) for seed in (0, 1))
    if one != other:
      name = config.optimizer[player].pruning.name
      raise UserError(
          f"config.seeds={config.seeds} with optimizer.{player}.pruning "
          f"'{name}' that draws by the seed, which is one for all runs of a "
          'program: train these seeds one by one, by config.seed')


def _updated(tx, params):
  """The first update of an optimizer, for gradients that are the parameters."""
  return tx.update(params, tx.init(params), params)
