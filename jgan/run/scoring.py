"""The scores of a run: at once, or while training goes on (run/flight.py)."""
import concurrent.futures
import logging
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jgan import checks, protocol, signals
from jgan.run import parallel
from jgan.run.flight import Flight
from jgan.score import networks, record

log = logging.getLogger(__name__)

_copied = jax.jit(lambda tree: jax.tree.map(jnp.copy, tree))


class Judges(NamedTuple):
  """What looks at the states of a run; None where it has none.

  Attributes:
    scorer: Scorer of the averaged generator.
    gap: duality.Gap.
    probes: probing.Probes.
  """
  scorer: Any = None
  gap: Any = None
  probes: Any = None


NONE = Judges()


class Scoring:
  """Scores the states of one session, and records the scores.

  Attributes:
    overlaps: whether scores are computed while training goes on.
    flight: the Flight of the score that is, or None.
  """

  def __init__(self, config, judges, sampler, folder, stop):
    """Prepares the scores of a run.

    Args:
      config: completed.
      judges: Judges.
      sampler: Sampler of the run.
      folder: the workdir, a Path.
      stop: signals.Watch.
    """
    self._config = config
    self._scorer, self._gap, self._probes = judges
    self._sampler, self._folder, self._stop = sampler, folder, stop
    self._thread = concurrent.futures.ThreadPoolExecutor(1)
    self.overlaps = judges.scorer and _overlaps(config)
    self.flight = self._probed = None

  def go_on(self, start):
    """Forgets records after step `start`."""
    if self._scorer:
      record.go_on(self._folder, start, self._scorer,
                   writer=jax.process_index() == 0)

  def now(self, step, state):
    """Scores a state: -> {'eval/LABEL': value}, the protocol's identity.

    The values of probes follow, as 'probe/NAME/VALUE'.

    Raises:
      signals.Asked: the processes are to stop after this step.
    """
    seen = self._seen(step, state.ema)
    values, identity = self._recorded(step, self._scorer.told(
        lambda: self._values(step, seen)))
    if self._gap:
      gap = self._gap.score(parallel.local(state), self._config.seed + 3)
      values |= {f'eval/{name}': value for name, value in gap.items()}
    if self._probes:
      values |= self._probes.values(self._probes.begin(parallel.local(state)))
    return values, identity

  def of(self, step, net):
    """The scores of a generator that a search tries: {label: value}.

    They are not recorded.

    Raises:
      signals.Asked: as of `now`.
    """
    previous = {**self._scorer.previous}  # images of the run itself
    seen = self._seen(step, net)
    (values, _), = self._scorer.told(lambda: self._values(step, seen)).values()
    self._scorer.previous = previous
    return values

  @property
  def better(self):
    """{label: 'lower', 'higher' or 'neither'} of the scores."""
    return self._scorer.better

  def launch(self, step, state, until, *, keeps):
    """Begins to score a copy of the state's averaged generator.

    Args:
      step: of the state.
      state: GanState.
      until: step at which the score has to be there.
      keeps: copy the whole state too, since there will be no checkpoint of it.
    """
    if self._probes:  # before training goes on, which overwrites the state
      self._probed = self._probes.begin(parallel.local(state))
    copied = _copied(state if keeps else state.ema)
    ema, whole = (copied.ema, copied) if keeps else (copied, None)
    batches = -(-self._config.eval.samples // self._sampler.batch)
    self.flight = Flight(step, until, self._looking(ema), batches,
                         lambda seen: self._values(step, seen),
                         self._scorer.told, self._thread, whole)

  def land(self):
    """Waits for the score in flight: -> its step, state, values, identity.

    Raises:
      signals.Asked: a signal arrived before it was done.
    """
    flight = self.flight
    scores = self._stop.wait(flight.result)
    self.flight = None
    values, identity = self._recorded(flight.step, scores)
    if self._probes:
      values |= self._probes.values(self._probed)
    return flight.step, flight.state, values, identity

  def close(self):
    """Ends the thread."""
    self._thread.shutdown(cancel_futures=True)

  def _seen(self, step, net):
    """What the scorer saw of a generator."""
    looking = self._looking(net)
    while True:
      try:
        next(looking)
        if self._stop(step):
          raise signals.Asked
      except StopIteration as end:
        return end.value

  def _looking(self, net):
    return self._scorer.look(networks.fakes(self._config, self._sampler, net))

  def _values(self, step, seen):
    return self._scorer.values(seen, networks.settings_of(self._config,
                                                          self._scorer),
                               networks.of_fakes(self._config, step),
                               networks.labels_of(self._config))

  def _recorded(self, step, scores):
    (values, stamp), = scores.values()
    if jax.process_index() == 0:
      record.add(self._folder, step, values, stamp)
      record.keep_previous(self._folder, step, self._scorer)
    return ({f'eval/{name}': value for name, value in values.items()},
            protocol.identity(stamp))


def _overlaps(config):
  """Whether scores are computed while training goes on.

  On a CPU it would only delay both.
  """
  if config.eval.overlap != 'auto':
    return config.eval.overlap == 'on'
  on_cpu = jax.devices()[0].platform == 'cpu'
  at_once = checks.needs_scores_at_once(config)
  if at_once and not on_cpu:
    log.info('training waits for each score: %s needs it before the next step',
             at_once)
  return not (at_once or on_cpu)
