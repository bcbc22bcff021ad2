"""The page about one run or several: index.html, or what `watch` serves."""
import pathlib
import platform

import jax

from jgan.report.page import render
from jgan.verbs import _compared, _images, _pictures, _sections, _told
from jgan.workdir import output, write_text


def write(runs, out, *, data_dir=''):
  """Writes the page about some runs.

  Args:
    runs: workdirs; that of many seeds stands for the runs of its seeds.
    out: the folder for index.html; created if needed.
    data_dir: folder of data sets.

  Returns:
    The path of index.html.

  Raises:
    UserError: no runs, one of them twice, one without a checkpoint, or `out`
      cannot be written.
  """
  folders = _compared.each(runs)
  loaded = [_compared.load(folder, name)
            for folder, name in zip(folders, _compared.names(folders))]
  with output(out):
    return save(loaded, folders, out, _compared.latencies(loaded),
                data_dir=data_dir)


def save(runs, folders, out, times, *, profiles=None, data_dir='',
         neighbours=False):
  """Writes the page about runs that are loaded: -> the path of index.html.

  Args:
    runs: a list of _compared.Run.
    folders: their workdirs.
    out: the folder.
    times: _compared.latencies of the runs.
    profiles: _compared.profiles of the runs; None without.
    data_dir: folder of data sets, for neighbours.
    neighbours: find the real images nearest to generated ones.
  """
  path = pathlib.Path(out) / 'index.html'
  path.parent.mkdir(parents=True, exist_ok=True)
  images = _images.of_runs(runs[:_pictures.MOST], data_dir,
                           neighbours=neighbours)
  sections = of_runs(runs, folders, times=times, images=images,
                     profiles=profiles)
  names = [run.name for run in runs]
  write_text(path, render.html(title(names), names, sections))
  return path


def title(names):
  """The title of a page about the runs of these names."""
  if len(names) > 3:
    return f'{len(names)} runs compared'
  return ' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))


def hardware():
  """The device that latencies are measured on, in words."""
  return f'{jax.devices()[0].device_kind} of {platform.node()}'


def of_runs(runs, folders, *, times=None, images=None, profiles=None):
  """The sections of a page.

  Args:
    runs: a list of _compared.Run, loaded or glimpsed.
    folders: their workdirs.
    times: _compared.latencies; None if they were not measured.
    images: {name: _images.Images}; None if none were made.
    profiles: {name: [n, bins]}; None if they were not asked for.

  Returns:
    A list of Section, some of them empty.
  """
  told = {run.name: _told.read(folder) for run, folder in zip(runs, folders)}
  pictured = dict([*told.items()][:_pictures.MOST])
  columns = _compared.score_columns({r.name: r.scores for r in runs})
  courses = {r.name: course for r in runs if (course := _compared.course(r))}
  images = images or {}
  return [
      _sections.overview(runs, told),
      _sections.findings(runs, told),
      _sections.config(runs, told),
      _sections.scores(runs, columns, courses),
      _sections.curves(runs, told),
      _pictures.samples(pictured, images),
      _pictures.interpolation(images),
      _pictures.neighbours(pictured, images),
      _pictures.spectra(_sections.spectra(runs, profiles or {}), pictured),
      _sections.sensitivity(runs, told),
      _pictures.genotype(pictured),
      _sections.tradeoff(runs, columns, times or {},
                         hardware() if times else ''),
      _sections.cost(runs, told),
      _sections.environment(runs, told),
  ]
