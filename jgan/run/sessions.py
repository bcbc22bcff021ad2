"""The sessions of several runs in one program, as one for the loop."""
import contextlib
import logging

import jax

from jgan.errors import NonFinite, Stopped
from jgan.run import outcomes, several
from jgan.run.session import Session

log = logging.getLogger(__name__)


class Sessions:
  """What a run does between steps, for all runs in turn.

  A run whose numbers are not finite ends, and the others go on.
  """

  def __init__(self, sessions, where):
    """sessions: {index of the run in the program: Session}, all at one step."""
    self.sessions, self.where = sessions, where

  def begin(self, step):
    """As Session.begin, of all."""
    for session in self.sessions.values():
      session.begin(step)

  def after(self, step, state, health, metrics):
    """As Session.after. Arrays are split only if one of the runs needs them."""
    first = next(iter(self.sessions.values()))
    works = any(s.has_work(step) for s in self.sessions.values())
    if works or first.is_due(step, first.config.log.every):
      for i in [*self.sessions]:
        with self.turn(i) as session:
          session.remember(step, *self.taken((health, metrics), i))
    return self.work(step, state) if works else state

  def operations(self):
    """As Session.operations, of all."""
    first = next(iter(self.sessions.values()))
    return len(self.sessions) * first.operations()

  def show(self, state):
    """As Session.show, of all."""
    for i in [*self.sessions]:
      with self.turn(i) as session:
        session.show(self.taken(state, i))

  def go_on(self, step, state):
    """As Session.go_on."""
    if not any(session.due for session in self.sessions.values()):
      return state
    return self.in_turn(Session.go_on, step, state)

  def work(self, step, state):
    """As Session.work. If one run saves, all do: they resume from one step."""
    state = self.in_turn(Session.work, step, state)
    if any(step in session.saved.steps() for session in self.sessions.values()):
      for i in [*self.sessions]:
        with self.turn(i) as session:
          session.saved.save(step, self.taken(state, i), session.notes())
    return state

  def in_turn(self, work, step, state):
    """Calls work(session, step, state of the run) for each: -> the new state.

    A run that has to stop leaves the others saved, at the same step.
    """
    for session in self.sessions.values():
      session.saved.wait()  # so that a kill leaves all with a common step
    extra = {}
    for i in [*self.sessions]:
      own = self.taken(state, i)
      try:
        with self.turn(i) as session:
          new = work(session, step, own)
          if new.extra is not own.extra:
            extra[i] = new.extra
      except NonFinite:
        raise
      except Stopped:
        self.leave_others(step, self.with_extra(state, extra), i)
        raise
    return self.with_extra(state, extra)

  def with_extra(self, state, extra):
    """The state with GanState.extra replaced: {index of a run: the new one}."""
    if not extra:
      return state
    runs = range(len(self.where.seeds))
    return state.replace(extra=jax.device_put(several.stacked([
        jax.device_get(extra[i] if i in extra else self.taken(state.extra, i))
        for i in runs]), self.where.carried))

  def leave_others(self, step, state, first):
    """Saves all runs but `first`; the work of those after it is still due."""
    for i in [*self.sessions]:
      if i != first:
        with contextlib.suppress(Stopped), self.turn(i) as session:
          session.leave(step, self.taken(state, i), due=i > first)

  def leave(self, step, state):
    """As Session.leave, of all."""
    said = None
    for i in [*self.sessions]:
      try:
        with self.turn(i) as session:
          session.leave(step, self.taken(state, i))
      except Stopped as error:
        said = error
    raise said

  def finish(self):
    """As Session.finish, of all."""
    for i in [*self.sessions]:
      with self.turn(i) as session:
        session.finish()

  @contextlib.contextmanager
  def turn(self, i):
    """Yields the Session of run i, which ends alone if it is not finite.

    Raises:
      NonFinite: it was the last.
    """
    session = self.sessions[i]
    with named(session.folder.name):
      try:
        yield session
      except NonFinite as error:
        log.warning('%s', error)
        outcomes.note(session.folder, str(error))
        del self.sessions[i]
        if not self.sessions:
          raise

  def taken(self, tree, i):
    """The part of run i of stacked arrays."""
    return several.taken(tree, i, self.where)


@contextlib.contextmanager
def named(run):
  """Puts the name of a run before the lines of the log."""
  def prefix(record):
    if not hasattr(record, 'of_run'):  # by the filter of another handler
      record.msg, record.of_run = f'{run}  {record.msg}', run
    return True

  handlers = logging.getLogger('jgan').handlers
  for handler in handlers:
    handler.addFilter(prefix)
  try:
    yield
  finally:
    for handler in handlers:
      handler.removeFilter(prefix)
