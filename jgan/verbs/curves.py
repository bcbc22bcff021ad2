"""Draws a score of several runs over one another, over epochs or steps.

Runs whose configs differ in their seeds alone are one line: their mean, with a
band of a standard deviation. --spectra draws the mean power spectra of each
first seed at the end of its training beside those of its best checkpoint.
"""
import json
import pathlib
import re

from jgan import batches, build
from jgan import config as configs
from jgan import flags as common
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report import spectra, spread
from jgan.run import restore
from jgan.score import record
from jgan.verbs import _compared
from jgan.workdir import output, write_text

FLAGS = (
    Flag('runs', (), 'Workdirs, with commas.', required=True),
    common.OUT._replace(help='Folder for pictures and numbers.'),
    Flag('label', '', 'The score to draw, as FID; else that of the first '
         "run's best checkpoint."),
    Flag('axis', 'epochs', 'epochs or steps.'),
    Flag('log', False, 'A logarithmic scale.'),
    Flag('spectra', False, 'Draw spectra at the end and at the best '
         'checkpoint.'),
    common.DATA_DIR._replace(help='Folder of the data set, for --spectra; else '
                             '$JGAN_DATA.'),
)
_AXES = {'epochs': 'epoch', 'steps': 'generator step'}


def run(config, flags):
  """Draws the runs that the flags name."""
  del config
  return write(flags.runs, flags.out, label=flags.label, axis=flags.axis,
               logarithmic=flags.log, mean_spectra=flags.spectra,
               data_dir=flags.data_dir)


def write(folders, out, *, label='', axis='epochs', logarithmic=False,
          mean_spectra=False, data_dir=''):
  """Draws one score of several runs.

  Args:
    folders: workdirs.
    out: folder for LABEL.png and LABEL.json, and with mean_spectra for
      spectra.png (best checkpoints) and spectra_end.png (the newest).
    label: of the score; '': that of the first run's config.checkpoint.best.
    axis: 'epochs' of D, real images by the size of the data set, or 'steps'.
    logarithmic: the scale of the values.
    mean_spectra: draw spectra too.
    data_dir: folder of the real images, for mean_spectra.

  Returns:
    Text: the files written.

  Raises:
    UserError: no runs, no such score, an axis that a run does not have, or
      `out` cannot be written.
  """
  if axis not in _AXES:
    raise UserError(f"--axis={axis}: 'epochs' or 'steps' would be right")
  names = _compared.names(folders)
  runs = {name: _recorded(folder) for name, folder in zip(names, folders)}
  first = next(iter(runs.values()))
  label = label or first.checkpoint.best.removeprefix('eval/')
  if not label:
    raise UserError(f'{folders[0]} follows no score: --label=FID, or another '
                    'that the runs have, must say which is drawn')
  courses = {}
  for (name, config), folder in zip(runs.items(), folders):
    points = _compared.curve(record.of_average(folder), label)
    each = per_epoch(config) if axis == 'epochs' and points else 1.
    courses[name] = {step / each: value for step, value in points.items()}
  groups = grouped(runs)
  folder = pathlib.Path(out)
  stem = re.sub(r'\W+', '_', label)
  with output(out):
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f'{stem}.png', folder / f'{stem}.json']
    spread.draw(written[0], {group: [courses[name] for name in members]
                             for group, members in groups.items()},
                label=label, axis=_AXES[axis], logarithmic=logarithmic)
    write_text(written[1], json.dumps({
        'label': label, 'axis': axis, 'groups': groups,
        'courses': {name: sorted(course.items())
                    for name, course in courses.items()}}, indent=2) + '\n')
    if mean_spectra:
      heads = {group: folders[names.index(members[0])]
               for group, members in groups.items()}
      for name, best in ('spectra.png', True), ('spectra_end.png', False):
        written.append(folder / name)
        spectra.draw(written[-1], profiles(heads, data_dir, best=best))
  return '\n'.join([*map(str, written), ''])


def grouped(runs):
  """Runs that differ in the seed alone: {name: [names of the runs]}.

  A group of several has the name of its first run without the seed behind it.

  runs: {name: completed config}.
  """
  groups = {}
  for name, config in runs.items():
    plain = configs.plain(config)
    for key in ('seed', 'seeds'):
      del plain[key]
    groups.setdefault(json.dumps(plain, sort_keys=True), []).append(name)
  named = {}
  for members in groups.values():
    stem = members[0] if len(members) == 1 else re.sub(
        r'[_/-]*(seed_?)?\d+$', '', members[0]) or members[0]
    named[stem if stem not in named else members[0]] = members
  return named


def per_epoch(config):
  """Generator steps in an epoch of D's.

  Raises:
    UserError: the size of the data set is not known before it is read, or
      steps do not all have the same number of images.
  """
  spec = build.spec(config)
  pipeline = config.pipeline
  if spec.count is None or build.method(config).plan:
    raise UserError(f'steps of {config.method.name} on {config.data.name} have '
                    'no fixed share of an epoch: --axis=steps would be right')
  count = batches.size_of_subset(spec.count, first=pipeline.first,
                                 fraction=pipeline.fraction)
  return count / (config.batch * config.critics)


def profiles(folders, data_dir, *, best):
  """Power spectra of real images and of each run's: {name: [n, bins]}.

  folders: {name: workdir}; best: of the best checkpoints, else of the newest.
  """
  runs = []
  for name, folder in folders.items():
    config = _recorded(folder)
    method = build.method(config)
    state = restore.state_of(config, method, folder,
                             best=best and bool(config.checkpoint.best))
    step = int(state.step)
    runs.append(_compared.Run(
        name=f'{name}, step {step}', method=method, net=state.ema, step=step,
        best='', size={}, scores=[], config=config))
  return _compared.profiles(runs, data_dir)


def _recorded(folder):
  """The completed config of a workdir."""
  recorded = configs.recorded(folder)
  if not recorded:
    raise UserError(f'no run in {folder}: a workdir, with config.json, would '
                    'be right')
  return configs.from_record(recorded)
