"""What `report` measures of runs, and of which of them what is compared."""
import pathlib
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jgan import build
from jgan import config as configs
from jgan.errors import UserError
from jgan.metrics import spectrum, spectrum_bands
from jgan.run import restore, timing
from jgan.run.cost import Cost
from jgan.score import breaks, latency, record, samples, size
from jgan.types import Method, Network

BATCHES = 1, 64  # images made by one measured call
_IMAGES = 1000  # of each generator, and real ones, behind the mean spectra


class Run(NamedTuple):
  """The generator of one workdir.

  Attributes:
    name: what to call it.
    method: Method.
    net: the averaged generator, a Network.
    step: of its checkpoint.
    best: the metric by which that is the best one; '' where it is the newest.
    size: 'params', 'mb', 'macs', 'macs_thop', as `describe` counts them.
    scores: records of evaluation.record at that step, oldest first.
    history: the same at all steps.
    config: completed.
    cost: what training up to the checkpoint took: {'total', 'phases'} of
      cost.py, and the 'seconds' of all sessions where they were recorded.
  """
  name: str
  method: Method
  net: Network
  step: int
  best: str
  size: dict[str, Any]
  scores: list
  history: list = ()
  config: ConfigDict | None = None
  cost: dict[str, Any] | None = None


def names(folders):
  """What to call runs: the last part of their paths, if that tells them apart.

  Raises:
    UserError: there are none, or one of them is given twice.
  """
  paths = [pathlib.Path(folder) for folder in folders]
  if not paths:
    raise UserError('no runs to compare: --runs=A,B with two workdirs would be '
                    'right')
  for i, path in enumerate(paths):
    if path in paths[:i]:
      raise UserError(f'--runs names {path} twice: each of the {len(paths)} '
                      'should be another workdir')
  short = [path.name for path in paths]
  return short if len({*short}) == len(short) else [*map(str, paths)]


def load(folder, name):
  """The Run of a workdir.

  Raises:
    UserError: no run is there, or none of its checkpoints can be read.
  """
  recorded = configs.recorded(folder)
  if not recorded:
    raise UserError(f'no run in {folder}: a workdir, with config.json and '
                    'checkpoints/, would be right')
  config = configs.from_record(recorded)
  method = build.method(config)
  best = config.checkpoint.best
  state = restore.state_of(config, method, folder, best=bool(best))
  step = int(state.step)
  return Run(name, method, state.ema, step, best, size.generator(config),
             record.of_average(folder, step), record.of_average(folder),
             config, trained(folder, config, step))


def trained(folder, config, step):
  """Run.cost of the checkpoint of a workdir."""
  cost = Cost(config)
  seconds = [r['training'] for r in timing.read(folder) if r['step'] == step]
  return {'total': cost.total(step), 'phases': cost.phases(step),
          **({'seconds': seconds[-1]} if seconds else {})}


def latencies(runs):
  """How long they take to make images: {batch: {name: seconds}}."""
  return {batch: latency.measure({run.name: _call(run, batch) for run in runs})
          for batch in BATCHES}


def curve(history, label):
  """A score over the steps, {step: value}, of one protocol.

  Of the identity that most of its records have; a later one counts.
  """
  found = [r for r in history if label in r['values']]
  identities = [r['identity'] for r in found]
  usual = max(identities, key=identities.count, default='')
  return {r['step']: r['values'][label]
          for r in sorted(found, key=lambda r: r['step'])
          if r['identity'] == usual}


def course(run):
  """How the score went by which a run's best checkpoint is chosen.

  Returns:
    {'score', 'curve', 'min', 'final', 'max_late', 'breaks'}, see breaks.py, or
    None where that score is not chosen or was not taken several times.
  """
  label = run.best.removeprefix('eval/')
  points = curve(run.history, label)
  if len(points) < 2:
    return None
  return {'score': label, 'curve': points, **breaks.summary(points)}


def evolution(history):
  """The metric spectrum_bands over the steps: {band: {step: ratio}}, or {}."""
  found = {band: curve(history, f'spectrum_bands-{band}')
           for band in spectrum_bands.BANDS}
  return found if all(found.values()) else {}


def profiles(runs, data_dir):
  """Spectra of the real images and of each run's: {name: [n, bins]}.

  Raises:
    UserError: the runs were trained on several data sets.
  """
  first = runs[0].config
  for r in runs:
    if r.config.data != first.data:
      apart = configs.differences(first.data.to_dict(), r.config.data.to_dict())
      raise UserError(f'{runs[0].name} and {r.name} were trained on different '
                      f'images ({"; ".join(apart)}): their spectra are not to '
                      'be compared; give runs on one data set')
  source = build.source(first, data_dir)
  found = {'real': spectrum.profiles(
      samples.reals(source, _IMAGES, first.seed))}
  for r in runs:
    fake = samples.fakes(jax.jit(r.method.sample), r.net, _IMAGES,
                         r.config.eval.batch, r.method.latent,
                         r.config.seed + 2, source.dtype)
    found[r.name] = spectrum.profiles(np.concatenate([*fake]))
  return found


def score_columns(scores):
  """Puts what may be compared into one column.

  Scores share a column by label and protocol. Each column has the identity
  (protocol.py) that most runs share; where a run has none of that, its latest
  score stands there with its own identity.

  Args:
    scores: {run: records, oldest first}.

  Returns:
    List of {'title', 'protocol', 'identity', 'stamp', 'cells': {run:
    {'value', 'identity', 'stamp'}}}, by title.
  """
  columns_of = {}
  for run, records in scores.items():
    for line in reversed(records):
      stamp = line['protocol']
      for label, value in line['values'].items():
        cells = columns_of.setdefault((label, stamp['protocol']), {})
        cells.setdefault(run, {}).setdefault(line['identity'], {
            'value': value, 'identity': line['identity'], 'stamp': stamp})
  labels = [label for label, _ in columns_of]
  columns = []
  for (label, kind), cells in sorted(columns_of.items()):
    counts = {}
    for identity in (i for latest in cells.values() for i in latest):
      counts[identity] = counts.get(identity, 0) + 1
    shared = max(counts, key=counts.get)  # of equals, that of the first run
    chosen = {run: latest.get(shared, next(iter(latest.values())))
              for run, latest in cells.items()}
    columns.append({
        'title': f'{label} ({kind})' if labels.count(label) > 1 else label,
        'protocol': kind, 'identity': shared,
        'stamp': next(c['stamp'] for c in chosen.values()
                      if c['identity'] == shared),
        'cells': chosen})
  return columns


def millions(params):
  """10^6 parameters, cut to two decimals: what the paper calls 'Size (MB)'."""
  return params // 10**4 / 100


def ratios(first, other, times):
  """How many times smaller and faster than the first: {quantity: ratio}."""
  return {
      **{k: first.size[k] / other.size[k]
         for k in ('params', 'macs', 'macs_thop')},
      **{f'latency_{b}': taken[first.name] / taken[other.name]
         for b, taken in times.items()}}


def _call(run, batch):
  z = jax.random.normal(jax.random.key(0), (batch, run.method.latent))
  return run.method.sample, (run.net, z)
