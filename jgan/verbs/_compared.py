"""Measurements behind `report`: what each run has, and what is comparable."""
import json
import logging
import math
import os
import pathlib
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from jgan import build, forward, workdir
from jgan import config as configs
from jgan.errors import UserError
from jgan.metrics import spectrum, spectrum_bands
from jgan.run import logbook, restore, timing
from jgan.run.cost import Cost, of_image
from jgan.score import (
    breaks,
    labels,
    latency,
    networks,
    record,
    samples,
    size,
)
from jgan.types import Method, Network

log = logging.getLogger(__name__)

BATCHES = 1, 64  # images made by one measured call
_IMAGES = 1000  # of each generator, and real ones, behind the mean spectra


class Run(NamedTuple):
  """The generator of one workdir.

  Attributes:
    name: the label of the run in tables and plots.
    method: Method; None if only the files of the run were read.
    net: the averaged generator, a Network; likewise.
    step: of its checkpoint.
    best: the metric by which this checkpoint is the best one; '' if it is the
      newest.
    size: 'params', 'mb', 'macs', 'macs_thop', as `describe` counts them; {}
      if only the files were read.
    scores: records of score/record.py at this step, oldest first.
    history: records of all steps.
    config: completed.
    cost: of training up to the checkpoint: {'total', 'phases', 'image'} of
      run/cost.py and, where it was recorded, 'seconds' of all sessions.
  """
  name: str
  method: Method | None
  net: Network | None
  step: int
  best: str
  size: dict[str, Any]
  scores: list
  history: list = ()
  config: ConfigDict | None = None
  cost: dict[str, Any] | None = None


def names(folders):
  """Labels of runs: as many last parts of their paths as tell them apart.

  Raises:
    UserError: no folders, or one of them is given twice.
  """
  paths = [pathlib.Path(folder) for folder in folders]
  if not paths:
    raise UserError('no runs to compare: --runs=A,B with two workdirs would be '
                    'right')
  for i, path in enumerate(paths):
    if path in paths[:i]:
      raise UserError(f'--runs names {path} twice: each of the {len(paths)} '
                      'should be another workdir')
  for parts in range(1, max(len(path.parts) for path in paths) + 1):
    short = [str(pathlib.Path(*path.parts[-parts:])) for path in paths]
    if len({*short}) == len(short):
      break
  return short


def each(folders, *, saved=False):
  """The folders of single runs; one of many seeds, or of a sweep, gives its.

  saved: of the runs of such a folder only those with a checkpoint; others are
    said.
  """
  runs = []
  for folder in folders:
    own = workdir.runs_of_seeds(folder) or workdir.runs_of_sweep(folder)
    if saved and own:
      without = [run for run in own if not workdir.has_checkpoint(run)]
      if without:
        log.warning('%s: left out, as they have no checkpoint yet: %s', folder,
                    ', '.join(str(run.relative_to(folder)) for run in without))
      own = [run for run in own if run not in without]
    runs += own or [folder]
  return runs


def load(folder, name):
  """The Run of a workdir.

  Raises:
    UserError: the folder has no run, or no checkpoint that can be read.
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
  return Run(name=name, method=method, net=state.ema, step=step, best=best,
             size=size.generator(config),
             scores=record.of_average(folder, step),
             history=record.of_average(folder), config=config,
             cost=trained(folder, config, step))


def glimpsed(folder, name):
  """The Run of a workdir as its files tell it, without its checkpoint.

  For a run that may be training: nothing is locked, written or computed. The
  step is that of the best score by config.checkpoint.best, or else that of the
  newest score or record.

  Returns:
    Run without method, net and size; None if it has not begun.
  """
  recorded = configs.recorded(folder)
  if not recorded:
    return None
  config = configs.from_record(recorded)
  best, history = config.checkpoint.best, record.of_average(folder)
  logged = logbook.read(folder)
  label = best.removeprefix('eval/')
  points = curve(history, label) if label else {}
  points = {step: value for step, value in points.items()
            if not math.isnan(value)}
  if points:
    better = labels.better(label)
    step = min(points, key=lambda s: (labels.cost(points[s], better), s))
  else:
    best = ''
    step = max([r['step'] for r in [*history, *logged]], default=0)
  totals = [{key.removeprefix('cost/'): value for key, value in r.items()
             if key.startswith('cost/')} for r in logged if r['step'] <= step]
  seconds = [r['training'] for r in timing.read(folder) if r['step'] <= step]
  totals = [total for total in totals if total]
  cost = {'total': totals[-1], 'phases': {},
          **({'seconds': seconds[-1]} if seconds else {})} if totals else None
  return Run(name=name, method=None, net=None, step=step, best=best, size={},
             scores=[r for r in history if r['step'] == step],
             history=history, config=config, cost=cost)


def seeds(runs):
  """Groups runs that differ in their seed alone: lists of two or more names."""
  groups = {}
  for run in runs:
    if run.config is not None:
      recipe = configs.plain(run.config) | {'seed': None}
      groups.setdefault(json.dumps(recipe), []).append(run.name)
  return [group for group in groups.values() if len(group) > 1]


def of_seeds(group):
  """What a group of `seeds` is called: by the folder that they have in common.

  That of a sweep is named by what was swept.
  """
  common = os.path.commonpath(group)
  return ', '.join(filter(None, [common, f'{len(group)} seeds']))


def trained(folder, config, step):
  """The training cost of a checkpoint, as in Run.cost."""
  cost = Cost(config)
  seconds = [r['training'] for r in timing.read(folder) if r['step'] == step]
  return {'total': cost.total(step), 'phases': cost.phases(step),
          'image': of_image(config),
          **({'seconds': seconds[-1]} if seconds else {})}


def latencies(runs):
  """Time to generate one batch of images: {batch: {name: seconds}}."""
  return {batch: latency.measure({run.name: _call(run, batch) for run in runs})
          for batch in BATCHES}


def curve(history, label):
  """One score over the steps, under a single protocol: {step: value}.

  Of several records of one step, the latest is used.
  """
  return {r['step']: r['values'][label]
          for r in sorted(record.comparable(history, label),
                          key=lambda r: r['step'])}


def course(run):
  """Curve and stability of the score that selects a run's best checkpoint.

  Of a method that trains in rounds the curve is of the checkpoint's own.

  Returns:
    {'score', 'better', 'curve', 'best', 'final', 'worst_late', 'breaks'}, see
    score/breaks.py; None if the run selects by no score that can be ranked, or
    has fewer than two values of it.
  """
  label = run.best.removeprefix('eval/')
  points = {step: value for step, value in curve(run.history, label).items()
            if not run.method or run.method.same_round(step, run.step)}
  better = labels.better(label) if len(points) > 1 else 'neither'
  if better == 'neither':
    return None
  return {'score': label, 'better': better, 'curve': points,
          **breaks.summary(points, better)}


def evolution(history):
  """Metric spectrum_bands over the steps: {band: {step: ratio}}; {} if none."""
  curves = {band: curve(history, f'spectrum_bands-{band}')
            for band in spectrum_bands.BANDS}
  return curves if all(curves.values()) else {}


def profiles(runs, data_dir):
  """Power spectra of real images and of each run's: {name: [n, bins]}.

  Raises:
    UserError: the runs were trained on different data sets.
  """
  first = runs[0].config
  images = lambda config: {k: v for k, v in config.data.to_dict().items()
                           if k != 'labels'}
  for r in runs:
    if images(r.config) != images(first):
      apart = configs.differences(images(first), images(r.config))
      raise UserError(f'{runs[0].name} and {r.name} were trained on different '
                      f'images ({"; ".join(apart)}): their spectra cannot be '
                      'compared; give runs on one data set')
  source = build.source(first, data_dir)
  spectra = {'real': spectrum.profiles(
      samples.reals(source, _IMAGES, first.seed))}
  for r in runs:
    sampler = networks.sampler_of(r.config, r.method, most=_IMAGES)
    spectra[r.name] = spectrum.profiles(
        sampler.array(r.net, _IMAGES, r.config.seed + 2))
  return spectra


def score_columns(scores):
  """Groups scores into the columns of a table.

  A column has the scores of one label and protocol. Its identity (protocol.py)
  is the one that most runs have. A run without a score of this identity is
  represented by its latest score, with the identity of that score.

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
    shared = max(counts, key=counts.get)  # a tie goes to the first run
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
  """Millions of parameters, cut to two decimals: the paper's 'Size (MB)'."""
  return params // 10**4 / 100


def ratios(first, other, times):
  """Factors by which `other` is smaller and faster: {quantity: ratio}."""
  return {
      **{k: first.size[k] / other.size[k]
         for k in ('params', 'macs', 'macs_thop')},
      **{f'latency_{batch}': seconds[first.name] / seconds[other.name]
         for batch, seconds in times.items()}}


def _call(run, batch):
  z = jax.random.normal(jax.random.key(0), (batch, run.method.latent))
  return run.method.sample, (run.net, *forward.inputs(run.method, z))
