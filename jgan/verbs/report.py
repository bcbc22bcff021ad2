"""Compares trained generators: size, work, latency, scores.

Several runs side by side, as in table 2 of Pulakurthi et al. (2024).
"""
import json
import pathlib
import platform

import jax

from jgan import flags as common
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report import bands, spectra, tradeoff
from jgan.verbs import _compared, _tables
from jgan.workdir import write_text

FLAGS = (
    Flag('runs', (), 'Workdirs to compare with the first, with commas.',
         required=True),
    common.OUT._replace(required=False,
                        help='Folder for tables and plots; none by default.'),
    Flag('spectra', False, 'Draw mean power spectra of the images too.'),
    common.DATA_DIR._replace(help='Folder of the data set, for --spectra; else '
                             '$JGAN_DATA.'),
)


def run(config, flags):
  """Compares the runs that the flags name."""
  del config
  return write(flags.runs, flags.out, mean_spectra=flags.spectra,
               data_dir=flags.data_dir)


def write(folders, out='', *, mean_spectra=False, data_dir=''):
  """Compares the generators of several workdirs.

  Each run is represented by the averaged generator of its best checkpoint by
  config.checkpoint.best, or of its newest checkpoint if that is not set. Its
  scores are those recorded at the step of this checkpoint.

  Args:
    folders: workdirs; the others are compared with the first.
    out: a folder for report.md (the returned text), report.json (all numbers,
      unrounded), tradeoff.png if there are scores, and bands.png if there are
      scores of the metric 'spectrum_bands'; '' writes no files.
    mean_spectra: also generate images and write spectra.png.
    data_dir: folder of the real images, for mean_spectra.

  Returns:
    Text: tables in GitHub Markdown.

  Raises:
    UserError: no folders, one of them twice, one without a checkpoint, or
      `out` cannot be written; with mean_spectra, no `out` or runs on several
      data sets.
  """
  if mean_spectra and not out:
    raise UserError('--spectra draws a picture and needs a folder for it: '
                    '--out=FOLDER would be right')
  runs = [_compared.load(folder, name)
          for folder, name in zip(folders, _compared.names(folders))]
  columns = _compared.score_columns({r.name: r.scores for r in runs})
  times = _compared.latencies(runs)
  device = jax.devices()[0]
  hardware = f'{device.device_kind} of {platform.node()}'
  courses = {r.name: curve for r in runs if (curve := _compared.course(r))}
  text = '\n'.join([
      *_tables.sizes(runs, times, hardware), '', *_tables.scores(runs, columns),
      *_tables.costs(runs), *_tables.courses(runs, courses)])
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
  try:
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
    if mean_spectra:
      written.append(folder / 'spectra.png')
      spectra.draw(written[-1], _compared.profiles(runs, data_dir))
  except OSError as error:
    raise UserError(f'cannot write to --out={out}: {error}') from error
  return '\n'.join([text, '', *map(str, written), ''])
