"""Periodic work between training steps: logs, scores, samples, checkpoints.

The host does not wait for the device: the metrics of a step are read and
written when the next record is due, and a separate thread writes sample grids.
"""
import concurrent.futures
import functools
import itertools
import logging
import math
import time

import jax

from jgan import about, build, precision, progress, signals
from jgan.errors import NonFinite, Stopped
from jgan.run import (
    announce,
    derived,
    doctor,
    evolving,
    pair,
    parallel,
    rollback,
    scoring,
    snapshots,
    steering,
)
from jgan.run.cost import Cost
from jgan.run.logbook import Logbook, read
from jgan.run.pictures import Pictures
from jgan.run.timing import Timing
from jgan.score import labels, networks

log = logging.getLogger(__name__)


class Session:
  """One session of a run, from `start` until it ends or is stopped."""

  def __init__(self, config, method, source, folder, saved, where, start,
               notes, judges=scoring.NONE, stop=None, sampler=None):
    self.config, self.folder, self.saved = config, folder, saved
    self.method, self.source = method, source
    scorer = judges.scorer
    self.better = networks.followed(config, scorer, judges.gap)
    self.where, self.rules = where, build.feedback(config)
    self.plan, self.ends = build.plan(config, method), pair.ends(config)
    self.writer = jax.process_index() == 0
    self.start, self.stop = start, stop or signals.Watch()
    # Whether the run was stopped within the evaluation after step `start`.
    self.due = bool(notes.get('due'))
    self.book = (Logbook(folder, start, config, due=self.due)
                 if self.writer else None)
    if self.writer:
      snapshots.go_on(folder, start)
    self.best, self.scores = notes.get('best'), {}
    saved.keep_best(self.best and self.best['step'])
    self.sampler = sampler or networks.sampler_of(
        config, method, batch=scorer.batch if scorer else 0,
        most=config.samples.count, mesh=where.mesh)
    self.pictures = Pictures(config, source, method, self.sampler, folder)
    self.doctor = (doctor.Doctor(config, folder, read(folder), start,
                                 due=self.due) if self.writer else None)
    self.scoring = scoring.Scoring(config, judges, self.sampler, folder,
                                   self.stop)
    self.generations = evolving.steps(config)
    self.evolving = self.generations and evolving.Evolving(
        config, method.search, folder, start - self.due, self.scoring, where)
    self.worker, self.jobs = concurrent.futures.ThreadPoolExecutor(1), []
    self.pending, self.health = None, (parallel.healthy(), {})
    self.timing = Timing(folder, start) if self.writer else None
    self.cost = functools.cache(lambda: Cost(config))  # counts at its first use
    self.begin(start)
    self.scoring.go_on(start - self.due)

  def begin(self, step):
    """Restarts the clock of the speed; host and device are both at `step`."""
    self.clock = step, time.perf_counter()

  def after(self, step, state, health, metrics):
    """Does the work that is due after `step`: -> the state to continue with."""
    logs = self.remember(step, health, metrics)
    if self.scoring.flight:
      self.scoring.flight.advance(step)
    return self.work(step, state, lands=logs)

  def remember(self, step, health, metrics):
    """Keeps the metrics of `step`: -> whether a record of them is due.

    The last record is written then.
    """
    self.health = health, metrics
    logs = self.is_due(step, self.config.log.every)
    if logs:
      self.flush()
      self.pending = step, health, metrics
    return logs

  def is_due(self, step, every, first=0):
    """Whether what is done every `every` steps, 0: never, is due after one."""
    return every and (step == self.config.steps or (
        step >= first and (step - first) % every == 0))

  def has_work(self, step):
    """Whether `work` needs the state after `step`."""
    c = self.config
    return (self.due or step in self.ends or step in self.generations
            or doctor.is_due(c, step)
            or self.is_due(step, c.eval.every, c.eval.first)
            or any(self.is_due(step, every) for every in (
                c.samples.every, c.checkpoint.every, snapshots.every(c))))

  def show(self, state):
    """Writes samples/reals.png and 00000000.png before the first step."""
    if self.start or not self.config.samples.initial:
      return
    if self.writer:
      self.pictures.write_reals()
    self.draw(0, state)
    self.settle()
    log.info('%s: images of the data, and of the generator before its first '
             'step, in reals.png and 00000000.png', self.folder / 'samples')

  def go_on(self, step, state):
    """Does the work that an earlier session left: -> state to continue with."""
    return self.work(step, state) if self.due else state

  def work(self, step, state, *, lands=False):
    """Scores, draws and saves if it is due after `step`: -> state.

    lands: whether a score in flight may be written after this step.
    """
    c = self.config
    due = functools.partial(self.is_due, step)
    best, scores = False, due(c.eval.every, c.eval.first)
    given, evolves = state, step in self.generations
    try:
      flight = self.scoring.flight
      if flight and (self.ends_flights(step)
                     or (lands and step >= flight.landing)):
        self.land()
      self.renew(step)
      if scores and self.scoring.overlaps and step < c.steps:
        self.launch(step, state)
      elif scores:
        values, best = self.evaluate(step, state)
        self.scores = {step: values}
        state = steering.steered(self.rules, state, values, self.better,
                                 self.where, step, c.steps)
      if evolves:
        state = self.evolve(step, state)
    except signals.Asked:
      self.leave(step, given, due=scores or evolves)
    if doctor.is_due(c, step):
      self.examine(step, state)
    if due(c.samples.every):
      self.draw(step, state)
    if step in self.ends or due(snapshots.every(c)):
      self.keep(step, state)
    if due(c.checkpoint.every) or best or self.due:
      self.save(step, state, due=bool(self.scoring.flight))
    return state

  def flush(self):
    """Writes the pending record, if there is one."""
    if self.pending is None:
      return
    step, health, metrics = self.pending
    self.pending = None
    self.require_finite(health, metrics)
    values = {k: float(v) for k, v in jax.device_get(metrics).items()}
    if self.writer:
      self.write(step, values)
      self.progress(step, values)

  def require_healthy(self):
    """Writes the pending record; stops the run if a step was not finite."""
    self.flush()
    self.require_finite(*self.health)

  def require_finite(self, health, metrics):
    """Stops the run at the first metric that was not finite."""
    bad = parallel.first_bad(health, metrics)
    if bad:
      steps = self.saved.steps()
      finite = (f'The last finite checkpoint is kept (step {steps[-1]}); to '
                'resume from it' if steps else
                'There is no checkpoint yet; to begin again')
      raise NonFinite(f'{bad[0]} is not finite at step {bad[1]}. {finite}, '
                      'lower a learning rate or change --config.seed, with '
                      '--allow_config_change', bad[1],
                      f'{bad[0]} is not finite')

  def progress(self, step, values):
    """Logs one line, and gives the speed to the sinks."""
    rates = announce.speed(self.config, self.plan, self.clock, step, values)
    if rates:
      self.book.speed(step, rates)

  def evaluate(self, step, state):
    """Scores the averaged generator: -> scores, whether they are the best."""
    self.require_healthy()
    began = time.perf_counter()
    with progress.during('scoring'):
      values, identity = self.stop.wait(self.scoring.now, step, state)
    self.log_scores(step, values, time.perf_counter() - began)
    self.begin(step)
    return values, self.is_best(step, values, identity)

  def evolve(self, step, state):
    """Makes the next generation of a search: -> the state with it."""
    self.require_healthy()
    began = time.perf_counter()
    with progress.during('scoring the population'):
      state, values = self.evolving.next(step, state)
    if self.writer:
      self.timing.scored(time.perf_counter() - began)
      self.write(step, values)
    self.begin(step)
    return state

  def log_scores(self, step, values, seconds):
    """Writes the scores of a step, which training waited for so long."""
    if self.writer:
      with progress.during('counting operations'):
        cost = {f'cost/{k}': v for k, v in self.cost().total(step).items()}
      self.timing.scored(seconds)
      self.write(step, {**values, **cost})
      log.info('step %s  %s', f'{step:,}', '  '.join(
          f'{k} {v:.4g}' for k, v in values.items()
          if not k.startswith('probe/')))

  def ends_flights(self, step):
    """Whether a score in flight has to be there before what is due now."""
    c = self.config
    return (step == c.steps or self.is_due(step, c.checkpoint.every)
            or self.is_due(step, c.eval.every, c.eval.first))

  def launch(self, step, state):
    """Begins to score a copy of the averaged generator."""
    self.require_healthy()
    saves = self.due or self.is_due(step, self.config.checkpoint.every)
    until = next(s for s in itertools.count(step + 1) if self.ends_flights(s))
    self.scoring.launch(step, state, until, keeps=not saves)

  def land(self):
    """Waits for the score in flight, and writes it."""
    began = time.perf_counter()
    step, state, values, identity = self.scoring.land()
    self.log_scores(step, values, time.perf_counter() - began)
    self.scores = {step: values}
    if self.is_best(step, values, identity) and state is not None:
      # Due, so that a run that goes on from here scores it again, and writes
      # its records in the same order.
      self.saved.save(step, state, self.notes(due=True))

  def operations(self):
    """Floating-point operations of a step, on average."""
    return self.cost().total(self.config.steps)['flops'] / self.config.steps

  def renew(self, step):
    """Forgets the best checkpoint of an earlier round."""
    if self.best and not self.method.same_round(self.best['step'], step):
      self.best = None
      self.saved.keep_best(None)

  def is_best(self, step, values, identity):
    """Whether these scores are the best so far; if so, notes it."""
    name = self.config.checkpoint.best
    if self.best and self.best['identity'] != identity:
      log.warning('scores up to step %s were made under another protocol (%s, '
                  'now %s): curves show both, the best score is reset',
                  f'{step:,}', self.best['identity'], identity)
      self.best = None
    if name not in values or math.isnan(values[name]):
      return False
    cost = lambda value: labels.cost(value, self.better[name])
    if self.best and cost(values[name]) >= cost(self.best['value']):
      return False
    self.best = {'step': step, 'value': values[name], 'identity': identity}
    self.saved.keep_best(step)
    return True

  def draw(self, step, state):
    """Generates images of the fixed latents; a thread writes them."""
    with progress.during('drawing samples'):
      made = self.pictures.made(state.ema)
    if self.writer:
      self.later(self.pictures.write, step, made, self.book)

  def examine(self, step, state):
    """Records how diverse the trained generator is; looks for symptoms.

    Raises:
      rollback.Sick: the run is to go back to a healthy checkpoint.
    """
    self.require_healthy()
    new = []
    with progress.during('looking for symptoms'):
      made = self.pictures.made(state.gen)
      if self.writer:
        if values := self.pictures.diversity(made):
          self.write(step, {f'doctor/{k}': x for k, x in values.items()})
        new = self.doctor.examine(step)
    rollback.act(self.config, step, new)

  def write(self, step, values):
    """Writes a record, which the doctor sees too."""
    self.book.write(step, values)
    self.doctor.history.add({'step': step, **values})

  def keep(self, step, state):
    """Writes generators at the end of a phase, and averages for later."""
    self.require_healthy()
    if self.writer and self.is_due(step, snapshots.every(self.config)):
      snapshots.write(self.folder, step, state)
    if self.writer and step in self.ends:
      pair.write(self.folder, self.ends[step], step,
                 parallel.local(state.ema), about.strings(
                     self.config, network='generator', weights='average',
                     step=step, image=build.spec(self.config).shape,
                     latent=self.method.latent))

  def save(self, step, state, *, due=False):
    """Writes a checkpoint, after pending records and host work.

    due: the evaluation after this step is not done; whoever resumes does it.
    """
    self.require_healthy()
    self.settle()
    with progress.during('saving'):
      self.saved.save(step, state, self.notes(due))
    self.due = False
    if self.writer:
      self.timing.write(step)
      self.book.flush()
      derived.write(self.method.search, self.folder, step, state, self.scores)
    self.begin(step)

  def notes(self, due=False):
    """What a checkpoint notes beside the state; due: as in `save`."""
    return {'best': self.best, 'due': due, 'dtype': precision.of(self.config)}

  def leave(self, step, state, *, due=False):
    """Saves the state and raises Stopped, because a signal asks for it.

    due: as in `save`. A score in flight is given up with the steps after its
      own, and whoever resumes goes on from there.
    """
    flight = self.scoring.flight
    if flight:
      step, state, due = flight.step, flight.state, True
    if flight and state is None:  # it is saved
      self.saved.wait()
    elif step > self.start or due:
      self.save(step, state, due=due)
      self.saved.wait()
    elif not step:
      raise Stopped('stopped before the first step. The same command begins '
                    'again')
    raise Stopped(f'stopped at step {step:,}: saved. The same command '
                  'resumes from there')

  def later(self, job, *arguments):
    """Runs host work in the thread; `settle` raises its exceptions."""
    self.jobs.append(self.worker.submit(job, *arguments))

  def settle(self):
    """Waits for the host work in the thread to finish."""
    while self.jobs:
      self.jobs.pop(0).result()

  def finish(self):
    """Waits for all pending work and draws the curves."""
    self.flush()
    self.settle()
    self.saved.wait()
    if self.writer:
      seconds = self.timing.now()
      log.info('training took %.1f s and scoring %.1f s, in all sessions',
               seconds['training'], seconds['scoring'])
      self.book.flush()
      self.doctor.tell()
      records = read(self.folder)
      if records:  # `compress --last` makes a run that is at its end
        from jgan.report import curves  # loads matplotlib
        with progress.during('drawing curves'):
          curves.draw(self.folder / 'plots' / 'curves.png', records)

  def close(self):
    """Closes threads and files, also after a failure."""
    self.worker.shutdown(cancel_futures=True)
    self.scoring.close()
    if self.writer:
      self.book.close()
