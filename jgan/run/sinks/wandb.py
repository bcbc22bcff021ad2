"""wandb/: a run of Weights & Biases, offline unless a config says otherwise.

Offline nothing leaves the machine: `wandb sync WORKDIR/wandb/offline-run-*`
sends it when you like. WORKDIR/wandb.json has the id of the run, which a
resumed run goes on with, and what the run was given: records that a resumed
run writes again are not given twice; but for one, with the same values, if the
process is killed between giving it and noting that. Without that file a new run
gets all records from the first on.

The axis of all curves is `step`, the training step.
"""
import json
import logging
import threading
import uuid

from jgan import lookup
from jgan.errors import UserError
from jgan.files import parsed
from jgan.run.logbook import read
from jgan.run.sinks._sink import Sink
from jgan.workdir import write_text

log = logging.getLogger(__name__)

_MODES = 'offline', 'online'
_PATIENCE = 300.  # seconds for what is still to be written or sent at the end
_LOST = '"writer: failed to save record'  # in the log of wandb's own process


class Tracked(Sink):
  """Gives a run of wandb what it has not been given."""

  def __init__(self, wandb, handle, file, given):
    """Catches up with the records of metrics.jsonl.

    Args:
      wandb: the module.
      handle: its run.
      file: wandb.json, a Path.
      given: what it says: {'id', 'records': their number, 'speed' and 'images':
        the last steps}.
    """
    self._wandb, self._run, self._file = wandb, handle, file
    self._given, self._seen = given, 0
    self._lock = threading.Lock()  # images come from another thread
    for record in read(file.parent):
      self._record(record)

  def scalars(self, step, values):
    """Gives the next record, unless an earlier session gave it."""
    self._record({'step': step, **values})

  def speed(self, step, values):
    """Gives rates, under speed/."""
    if step > self._given['speed']:
      self._give({f'speed/{k}': v for k, v in values.items()} | {'step': step},
                 speed=step)

  def image(self, step, name, image):
    """Gives an image: uint8 [h, w, c]."""
    if step > self._given['images']:
      self._give({'step': step, name: self._wandb.Image(image)}, images=step)

  def flush(self):
    """Raises OSError if wandb could not write something.

    wandb writes in a process of its own, which says so in its log only.
    """
    file = self._run.settings.log_internal
    with open(file, encoding='utf-8', errors='replace') as lines:
      lost = next((line for line in lines if _LOST in line), '')
    if lost:
      raise OSError(f'wandb lost records, as {file} tells: {lost.strip()}')

  def close(self):
    """Waits until all is written, or sent; TimeoutError after five minutes."""
    self._run.finish()
    self.flush()
    self._note()  # fails where the disk has become full

  def _record(self, record):
    self._seen += 1
    if self._seen > self._given['records']:
      self._give(record, records=self._seen)

  def _give(self, values, **news):
    with self._lock:
      self._run.log(values)
      self._given |= news
      self._note()

  def _note(self):
    write_text(self._file, json.dumps(self._given) + '\n')


def check(*, mode='offline'):
  """Refuses a mode that there is not, and an environment without wandb.

  Raises:
    UserError: either of them.
  """
  if mode not in _MODES:
    raise UserError(f"sink 'wandb' has no mode '{mode}': "
                    f'{lookup.nearest(mode, _MODES)}')
  _module()


def make(run, *, mode='offline', project='jgan', entity='', group=''):
  """The sink of a Run.

  mode: offline | online (`wandb login` first).
  project, entity, group: where wandb shows the run; entity '': its default.

  Raises:
    UserError: wandb cannot begin, as without a login.
  """
  wandb = _module()
  file = run.folder / 'wandb.json'
  given = _given(file)
  settings = wandb.Settings(
      silent=True, console='off', disable_git=True, save_code=False,
      finish_timeout=_PATIENCE, finish_timeout_raises=True)
  try:
    handle = wandb.init(
        mode=mode, project=project, entity=entity or None, group=group or None,
        dir=run.folder, id=given['id'], name=run.folder.name, resume='allow',
        config=run.config, allow_val_change=True, reinit='create_new',
        settings=settings)
  except wandb.errors.Error as error:
    raise UserError(f"sink 'wandb' cannot begin with mode='{mode}': {error}"
                    ) from error
  if mode == 'online':
    log.info('wandb: %s', handle.url)
  handle.define_metric('*', step_metric='step')
  return Tracked(wandb, handle, file, given)


def _given(file):
  """What wandb.json says, or that of a new run."""
  new = {'id': uuid.uuid4().hex[:8], 'records': 0, 'speed': -1, 'images': -1}
  if not file.exists():
    return new
  try:
    given = parsed(file.read_bytes())
    if {k: type(v) for k, v in given.items()} == {
        k: type(v) for k, v in new.items()}:
      return given
  except (ValueError, AttributeError):  # no JSON, or another than ours
    pass
  raise UserError(f'{file} is damaged. Without it a new run of wandb begins, '
                  'with all records of this run: delete it')


def _module():
  try:
    import wandb
  except ImportError as error:
    raise UserError("sink 'wandb' needs wandb: pip install wandb installs it, "
                    f"the extra 'wandb' of jgan ({error})") from error
  return wandb
