"""Compares trained generators: size, work, latency, scores.

Several runs side by side, as in table 2 of Pulakurthi et al. (2024). --out=DIR
gets report.md, report.json, plots, and index.html, a page to look at.
"""
import json
import pathlib

from jgan import flags as common
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report import bands, spectra, table, tradeoff
from jgan.verbs import _compared, _page, _tables
from jgan.workdir import output, write_text

FLAGS = (
    Flag('runs', (), 'Workdirs to compare with the first, with commas; that '
         'of a sweep or of many seeds stands for its runs.',
         required=True),
    common.OUT._replace(required=False,
                        help='Folder for the page, tables and plots; none by '
                        'default.'),
    Flag('spectra', False, 'Draw mean power spectra of the images too.'),
    Flag('neighbours', False, 'Show the real images nearest to generated ones '
         'too.'),
    common.DATA_DIR._replace(help='Folder of the data set, for --spectra and '
                             '--neighbours; else $JGAN_DATA.'),
)


def run(config, flags):
  """Compares the runs that the flags name."""
  del config
  return write(flags.runs, flags.out, mean_spectra=flags.spectra,
               neighbours=flags.neighbours, data_dir=flags.data_dir)


def write(folders, out='', *, mean_spectra=False, neighbours=False,
          data_dir=''):
  """Compares the generators of several workdirs.

  Each run is represented by the averaged generator of its best checkpoint by
  config.checkpoint.best, or of its newest checkpoint if that is not set. Its
  scores are those recorded at the step of this checkpoint.

  Args:
    folders: workdirs; the others are compared with the first. One of many
      seeds, or of a sweep, stands for its runs; those that differ in the seed
      alone have their mean and deviation too.
    out: a folder for report.md (the returned text), report.json (all numbers,
      unrounded), tradeoff.png if there are scores, bands.png if there are
      scores of the metric 'spectrum_bands', and index.html, which shows all
      of it and more; '' writes no files.
    mean_spectra: also generate images and write spectra.png.
    neighbours: show the real images nearest to generated ones in the page.
    data_dir: folder of the real images, for both.

  Returns:
    Text: tables in GitHub Markdown.

  Raises:
    UserError: no folders, one of them twice, one without a checkpoint, or
      `out` cannot be written; with mean_spectra or neighbours, no `out`; with
      mean_spectra, runs on several data sets.
  """
  for flag, asked in ('spectra', mean_spectra), ('neighbours', neighbours):
    if asked and not out:
      raise UserError(f'--{flag} draws a picture and needs a folder for it: '
                      '--out=FOLDER would be right')
  folders = _compared.each(folders, saved=True)
  runs = [_compared.load(folder, name)
          for folder, name in zip(folders, _compared.names(folders))]
  columns = _compared.score_columns({r.name: r.scores for r in runs})
  times = _compared.latencies(runs)
  hardware = _page.hardware()
  courses = {r.name: curve for r in runs if (curve := _compared.course(r))}
  text = '\n'.join(table.markdown([
      _tables.sizes(runs, times, hardware), _tables.scores(runs, columns),
      *_tables.costs(runs), *_tables.courses(runs, courses)]))
  if not out:
    return text + '\n'
  numbers = {
      'device': hardware, 'first': runs[0].name,
      'runs': {r.name: {
          'workdir': str(folder), 'step': r.step, 'best': r.best,
          **r.size, 'params_1e6': _compared.millions(r.size['params']),
          'latency': {b: times[b][r.name] for b in times},
          'ratios': _compared.ratios(runs[0], r, times),
          'scores': r.scores, 'cost': r.cost}
               for folder, r in zip(folders, runs)},
      'columns': columns, 'courses': courses}
  plots = {column['title']: {
      r.name: (r.size['params'], cell['value'],
               cell['identity'] == column['identity'])
      for r in runs if (cell := column['cells'].get(r.name))}
           for column in columns}
  evolutions = {r.name: _compared.evolution(r.history) for r in runs}
  evolutions = {name: ratios for name, ratios in evolutions.items() if ratios}
  folder = pathlib.Path(out)
  with output(out):
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / 'report.md', text + '\n')
    write_text(folder / 'report.json', json.dumps(numbers, indent=2) + '\n')
    written = [folder / 'report.md', folder / 'report.json']
    if plots:
      written.append(folder / 'tradeoff.png')
      tradeoff.draw(written[-1], plots)
    if evolutions:
      written.append(folder / 'bands.png')
      bands.draw(written[-1], evolutions)
    profiles = _compared.profiles(runs, data_dir) if mean_spectra else {}
    if profiles:
      written.append(folder / 'spectra.png')
      spectra.draw(written[-1], profiles)
    written.append(_page.save(runs, folders, folder, times, profiles=profiles,
                              neighbours=neighbours, data_dir=data_dir))
  return '\n'.join([text, '', *map(str, written), ''])
