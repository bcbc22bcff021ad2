"""The training loop: build, restore, step, periodic work, save."""
import collections
import contextlib
import functools
import logging
import pathlib
import time

import jax
import numpy as np

import jgan
from jgan import (
    batches,
    build,
    failures,
    labelling,
    observers,
    paths,
    precision,
    progress,
    signals,
    weights,
)
from jgan import config as configs
from jgan.errors import NonFinite, Stopped, UserError
from jgan.run import (
    announce,
    checkpoint,
    feeding,
    images,
    parallel,
    processes,
    profile,
    rollback,
    scoring,
)
from jgan.run.session import Session
from jgan.score import duality, networks, probing
from jgan.workdir import checkpoints, has_checkpoint, opened

log = logging.getLogger(__name__)

IN_FLIGHT = 4  # dispatches that a signal has to wait for, at most
_FEW = 50  # images that say little about others
# Options of JAX that a run depends on: it computes in float32, and its random
# numbers are those of ops/row_key.py.
_OPTIONS = {'jax_enable_x64': False, 'jax_threefry_partitionable': True,
            'jax_default_prng_impl': 'threefry2x32'}


def prepared(config, where, data_dir):
  """What a run needs of its config and its images, before its folder.

  where: parallel.Layout.

  Returns:
    Steps in one dispatch, Method, images, and as `first_state`.
  """
  for option, right in _OPTIONS.items():
    if (value := getattr(jax.config, option)) != right:
      raise UserError(
          f'{option} is {value!r}, and jgan computes with {right!r}: '
          f"jax.config.update('{option}', {right!r}) would be right")
  k = parallel.calls_of(config, where.mesh.devices.flat[0].platform)
  observers.check_sinks(config)
  log.info('devices: %s, computing in %s', announce.devices(where),
           precision.of(config))
  method = build.method(config, axis_name=where.axis_name)
  with progress.during('looking at the images'):
    source = build.source(config, data_dir)
  log.info('data: %s, %s images of %s', config.data.name,
           f'{len(source):,}', ' x '.join(map(str, source.shape[1:])))
  if len(source) < _FEW:
    log.warning('%d images are few: a generator learns to repeat them, and '
                'some hundred would be a start', len(source))
  return k, method, source, *first_state(config, method, source)


def labels_of(config, data_dir):
  """The labels of the images of a run, [n] int32; None without classes."""
  return (labelling.of_training(config, data_dir) if config.data.labels else
          None)


def judges(config, where, source, data_dir, labels):
  """The scoring.Judges of a run; labels: of its images, as from `labels_of`."""
  scorer = gap = probes = None
  if config.eval.every:
    with progress.during('preparing the scores'):
      real, told = build.reference(config, source, data_dir, labels)
      scorer = networks.of_config(
          config, real, data_dir=data_dir, labels=told, mesh=where.mesh,
          told=processes.group().told)
    if config.eval.best_response:
      gap = duality.Gap(config, real, updates=config.eval.best_response,
                        labels=told if config.data.labels else None)
    if config.eval.probes:
      # Of several runs each trains on one device.
      devices = 1 if where.kind == 'runs' else where.mesh.size
      probes = probing.Probes(config, source, labels=labels,
                              data_dir=data_dir, devices=devices)
  networks.followed(config, scorer, gap)  # says what no score will be
  return scoring.Judges(scorer, gap, probes)


@failures.explained()
def run(config, workdir, *, data_dir='', allow_config_change=False,
        profiled=False, make_session=Session):
  """Trains a config in `workdir`, or resumes there: the verb `train`.

  Args:
    config: an experiment's config.
    workdir: the folder of the run; an unfinished run in it is resumed.
    data_dir: folder of data sets.
    allow_config_change: resume from a checkpoint of a different config.
    profiled: trace some steps (run/profile.py).
    make_session: Session, or a function like it, as of run/heard.py.

  Returns:
    The final state.

  Raises:
    UserError: a mistake, reported before anything is compiled.
    Stopped: the run cannot continue (non-finite, preempted, a full disk, out
      of memory, another process ended).
  """
  config = labelling.settled(configs.complete(config), data_dir)
  if config.seeds != 1:
    raise UserError(f'config.seeds={config.seeds}, and one run is trained '
                    'here: 1 would be right; --mode=train has many seeds')
  processes.require_joined()
  rollback.check(config)
  while True:
    try:
      return trained(config, workdir, data_dir, allow_config_change, profiled,
                     make_session)
    except (NonFinite, rollback.Sick) as error:
      rollback.go_back(config, workdir, error)


def trained(config, workdir, data_dir, allow_config_change, profiled,
            make_session):
  """Trains from the newest checkpoint to the end: -> the final state.

  Arguments and exceptions as of `run`, with a completed config.

  Raises:
    rollback.Sick: the run is to go back to a healthy checkpoint.
  """
  group = processes.group()
  group.require_shared(pathlib.Path(paths.local(workdir, '--workdir')))
  group.require_same(config=configs.plain(config), jax=jax.__version__,
                     jgan=jgan.__version__)
  given, config = config, rollback.applied(config, workdir)
  with group.together():
    where = parallel.layout(config)
    k, method, source, init, abstract = prepared(config, where, data_dir)
    labels = labels_of(config, data_dir)
    judged = judges(config, where, source, data_dir, labels)
    if not has_checkpoint(paths.local(workdir, '--workdir')):
      weights.warm_start(abstract, config.init)  # refuses what does not fit
  if group.count > 1:
    group.require_same(images=batches.fingerprint(source))
  with contextlib.ExitStack() as stack:
    folder, saved = stack.enter_context(held(
        given, workdir, source, data_dir, allow_config_change))
    state, start, notes = begin(config, init, abstract, saved, where)
    # Before this, a signal ends the process: there is nothing to save.
    stop = stack.enter_context(signals.watched(group.count > 1))
    with group.together():
      session = make_session(config, method, source, folder, saved, where,
                             start, notes, judged, stop)
    stack.callback(session.close)
    trace = stack.enter_context(
        profile.traced(config, folder, start, profiled))
    try:
      session.show(state)
      state = loop(config, method, source, where, k, state, start, session,
                   stop, trace=trace, labels=labels)
    except signals.Asked:
      session.leave(start, state)
    session.finish()
  return state


@contextlib.contextmanager
def held(config, workdir, source, data_dir, allow_config_change, keep=0):
  """Opens the folder of a run: yields it, and its Checkpoints.

  keep: number of newest checkpoints to keep; 0: as the config says.
  """
  group = processes.group()
  with contextlib.ExitStack() as stack:
    with group.together():
      folder = stack.enter_context(
          opened(workdir, config, allow_config_change=allow_config_change))
      stack.enter_context(writing(folder))
      images.settle(folder, source, data_dir, allow_change=allow_config_change,
                    writer=not group.index)
    yield folder, stack.enter_context(checkpoint.Checkpoints(
        checkpoints(folder), keep=keep or config.checkpoint.keep))


@contextlib.contextmanager
def writing(folder):
  """Raises Stopped for an OSError: the folder of the run fails."""
  try:
    yield
  except OSError as error:
    raise Stopped(f'cannot write to --workdir={folder}: {error}. The same '
                  'command resumes from the last checkpoint') from error


def first_state(config, method, source):
  """A function: seed -> the initial state, and the shapes of that state."""
  batch = {'image': jax.ShapeDtypeStruct(
      (config.critics, 1, *source.shape[1:]), source.dtype)}
  init = lambda seed: method.init(jax.random.key(seed), batch)
  return init, jax.eval_shape(init, np.uint32(0))


def begin(config, init, abstract, saved, where):
  """Restores the newest intact checkpoint, or makes the initial state.

  Returns:
    The state on the devices, its step, and the notes of the checkpoint.
  """
  latest = saved.latest(abstract)
  if latest:
    step, state, notes = latest
    log.info('resuming from step %s', f'{step:,}')
    if change := precision.changed(notes.get('dtype'), config):
      log.warning('%s', change)
  else:
    step, notes = 0, {}
    announce.parameters(abstract)
    with processes.group().together():
      state = fresh(config, init)(config.seed)
  return parallel.place(state, where), step, notes


def fresh(config, init):
  """The function: seed -> the state before the first step, compiled once."""
  compiled = jax.jit(init, compiler_options=_quick())

  def made(seed):
    with progress.during('the initial state', compiles=True):
      state = weights.warm_start(compiled(np.uint32(seed)), config.init)
    for path in filter(None, config.init.values()):
      log.info('starting from %s', path)
    return state

  return made


def loop(config, method, source, where, k, state, start, session, stop,
         calls=None, trace=None, labels=None):
  """Trains from step `start` to the end, calling session.after in between.

  stop: signals.Watch.
  calls: {(kind of step, number of steps): executable} compiled before.
  trace: profile.Trace.
  labels: of the images, as from `labels_of`.

  Raises:
    Stopped: a signal asked for it; the state is saved.
  """
  state = session.go_on(start, state)
  if start >= config.steps:
    log.info('already at step %s of %s', f'{start:,}', f'{config.steps:,}')
    return state
  health = parallel.place_own(lambda _: parallel.healthy(), config, where)
  seed = parallel.place_own(np.uint32, config, where)
  kinds = method.step if method.plan else {'step': method.step}
  calls = dict(calls or {})
  plan = build.plan(config, method)
  inputs = functools.partial(feeding.fed, config, plan, source, where,
                             labels=labels)
  begun = collections.deque()
  with contextlib.ExitStack() as stack:
    data, feed = stack.enter_context(inputs(start, k, stop))
    session.begin(start)
    progress.training(start, config.steps, session.operations)
    ahead = next(feed)
    while ahead:
      (step, length, name), x = ahead
      if (name, length) not in calls:
        began = time.perf_counter()
        function = functools.partial(parallel.advance, step=kinds[name])
        function.__name__ = f'{name}_{length}'  # its program's, in a profile
        try:
          with progress.during(shown(name, length), compiles=True):
            call = stop.wait(
                _fitting, config.pipeline.placement == 'auto', function, where,
                state, health, data, x, seed)
        except signals.Asked:
          session.leave(step - length, state)
        if call is None:
          log.info('%s: the images do not fit beside it, and are streamed',
                   name)
          calls.clear()
          stack.close()
          data, feed = stack.enter_context(inputs(
              step - length, k, stop, resident=False))
          ahead = next(feed)
          continue
        calls[name, length] = call
        report_compiled(name, length, call, time.perf_counter() - began)
        session.begin(step - length)
      state, health, metrics = calls[name, length](state, health, data, x, seed)
      progress.dispatched(step, metrics)
      begun.append(metrics)
      if len(begun) > IN_FLIGHT:
        jax.block_until_ready(begun.popleft())
      state = session.after(step, state, health, metrics)
      if trace:
        trace.after(step, metrics, calls)
      if stop(step) and step < config.steps:
        log.info('stopping: what was begun is finished, up to step %s, and '
                 'saved; a second Ctrl-C ends it at once', f'{step:,}')
        session.leave(step, state)
      ahead = next(feed, None)
  return state


def _fitting(may_stream, function, where, state, health, data, *rest):
  """parallel.compile_call, or None if it does not fit the devices' memory.

  may_stream: None is returned for images on the devices only, and if this is
    true; else XLA's error is raised, or that of the first call.
  """
  limit = may_stream and data is not None and processes.group().said(
      parallel.limit(where))
  try:
    call = parallel.compile_call(function, where, state, health, data, *rest)
  except jax.errors.JaxRuntimeError as error:
    if limit and failures.is_memory(error):
      return None
    raise
  return call if not limit or parallel.memory(call) <= limit else None


def report_compiled(name, length, call, seconds):
  """Logs the time of the compilation and the memory of a dispatch."""
  log.info('%s: compiled in %.1f s; %.1f MiB per device', shown(name, length),
           seconds, parallel.memory(call) / 2**20)


def shown(name, length):
  """A dispatch as the log calls it: 'step', 'step x 10'."""
  return f'{name} x {length}' if length > 1 else name


def _quick():
  """Compiler options for code that runs once: fast to compile."""
  return ({'xla_backend_optimization_level': 0}
          if jax.default_backend() == 'cpu' else {})
