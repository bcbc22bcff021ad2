"""Scores checkpoints, or with --a and --b two sets of images.

Scores of checkpoints are appended to scores.jsonl in --workdir, each with its
protocol.
"""
import io
import json
import pathlib
import sys

import rich.console
import rich.table
from ml_collections import ConfigDict

from jgan import batches, build, lookup, protocol, weights
from jgan import config as configs
from jgan import flags as common
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.metrics import memorisation, spectrum
from jgan.report import neighbours, spectra
from jgan.run import pair, restore
from jgan.score import duality, networks, record, samples, stated
from jgan.score.scorer import Scorer
from jgan.score.statistics import Statistics
from jgan.verbs import _sets

FLAGS = (
    common.CONFIG._replace(required=False),
    common.WORKDIR._replace(required=False), common.DATA_DIR,
    common.STEP, common.BEST, common.ONLINE, common.PARAMS,
    Flag('steps', '', "Several checkpoints: 'all', FROM:TO or a list."),
    Flag('metrics', (), 'Names, with commas; else config.eval.metrics.'),
    Flag('network', '', 'The feature network; else config.eval.network.'),
    Flag('weights', '', 'File of its weights; else config.eval.weights.'),
    Flag('protocols', (), "Names, with commas, or 'all'."),
    Flag('a', '', 'The reference: a folder, a zip file or Parquet files of '
         'images, an .npz of images or of statistics (mu, sigma), an exported '
         'generator, or cifar10:train.'),
    Flag('b', '', 'The images to score against --a, in the same form.'),
    Flag('image_size', 0, 'Resize images of --a and --b to this side.'),
    Flag('features', '', 'The network of which statistics of --a or --b are: '
         'inception, if as pytorch-fid writes them.'),
    Flag('count', 0, 'Images that an exported generator in --a or --b makes; '
         '0: as many as its config scores.'),
)
_REALS = 10000  # images among which nearest neighbours are searched


def run(config, flags):
  """Scores what the flags choose and returns a table."""
  protocols = (tuple(protocol.NAMED) if flags.protocols == ('all',)
               else flags.protocols)
  if flags.image_size < 0:
    raise UserError(f'--image_size={flags.image_size}: a side in pixels, or 0 '
                    'for that of the images')
  if flags.a or flags.b:
    common.refuse_together(
        flags, FLAGS, 'a' if flags.a else 'b', 'config', 'workdir', 'step',
        'best', 'online', 'params', 'steps')
    return sets(flags.a, flags.b, metrics=flags.metrics or ('fd',),
                network=flags.network, weights=flags.weights,
                data_dir=flags.data_dir, size=flags.image_size,
                protocols=protocols or ('standard',),
                features=flags.features, count=flags.count)
  if not (config and flags.workdir):
    raise UserError('no run and no images to score: --workdir=RUN, or --a and '
                    '--b, would be right')
  if flags.params:
    common.refuse_together(flags, FLAGS, 'params', 'steps', 'online', 'step',
                           'best')
  if flags.steps:
    common.refuse_together(flags, FLAGS, 'steps', 'step', 'best')
  if flags.image_size:
    raise UserError(f'--image_size={flags.image_size} is for the images of --a '
                    'and --b; those of a run have the size of its config')
  for name in ('features', 'count'):
    if getattr(flags, name):
      raise UserError(f'--{name} is of --a and --b, which are not given')
  changes = {'eval.metrics': flags.metrics, 'eval.network': flags.network,
             'eval.weights': flags.weights}
  with config.unlocked():
    config.update_from_flattened_dict({k: v for k, v in changes.items() if v})
  config = configs.complete(config)
  method = build.method(config)
  with restore.reader(config, method, flags.workdir) as (available, choose):
    steps = (steps_of(flags.steps, available) if flags.steps
             else [flags.step])
    return checkpoints(
        config, method, lambda step: choose(step=step, best=flags.best), steps,
        flags.workdir, data_dir=flags.data_dir, protocols=protocols,
        online=flags.online, params=flags.params)


def checkpoints(config, method, state_at, steps, workdir, *, data_dir='',
                protocols=(), online=False, params=''):
  """Scores checkpoints under several protocols, in one pass each.

  Args:
    config: completed; its eval section says what to score and how.
    method: Method.
    state_at: step -> GanState.
    steps: of the checkpoints.
    workdir: the scores are appended to scores.jsonl in it.
    data_dir: folder of data sets and weights.
    protocols: names; () for the protocol of the config.
    online: score the trained generator instead of its average.
    params: score this exported generator instead of the checkpoint's.

  Returns:
    Text: a table.

  Raises:
    UserError: config.eval.metrics is empty, or the workdir cannot be written;
      then the table is printed before.
  """
  if not config.eval.metrics:
    raise UserError('config.eval.metrics is empty: set --config.eval.metrics, '
                    f'known: {", ".join(lookup.names("metrics"))}')
  source = build.source(config, data_dir)
  real, labels = build.reference(config, source, data_dir)
  scorer = networks.of_config(config, real, data_dir=data_dir,
                              protocols=protocols, labels=labels)
  sampler = networks.sampler_of(config, method, batch=scorer.batch)
  updates = config.eval.best_response
  gap = duality.Gap(config, real, updates=updates, labels=(
      labels if config.data.labels else None)) if updates else None
  rows, unwritten = [], None
  for step in steps:
    state = state_at(step)
    if params:
      state = weights.warm_start(state, ConfigDict({'generator': params,
                                                   'discriminator': ''}))
    net = state.gen if online else state.ema
    step = step_of(params) if params else int(state.step)
    stamp = networks.of_fakes(config, step,
                              network='online' if online else 'average')
    if params:
      stamp |= {'generator': 'exported', 'file': params}
    scores = networks.scores(scorer, config, sampler, net, stamp)
    gains = gap.score(state, config.seed + 3) if gap else {}
    for values, stamp in scores.values():
      values |= gains
      rows.append((step, values, stamp))
      try:
        record.add(workdir, step, values, stamp, 'scores.jsonl')
      except OSError as error:
        unwritten = error  # after the work of minutes: the table comes first
  paths = []
  try:
    paths = pictures(
        pathlib.Path(workdir) / 'plots', config.eval.metrics,
        lambda n: samples.reals(real, n, config.seed),
        lambda n: sampler.array(net, n, config.seed + 2))
  except OSError as error:
    unwritten = error
  text = table(rows) + ''.join(f'{path}\n' for path in paths)
  if unwritten:
    sys.stdout.write(text)
    raise UserError(f'scored, but not all of it could be written to {workdir}: '
                    f'{unwritten}')
  return text


def step_of(file):
  """The step of weights: what their file says, or steps.json of a pair.

  None if neither does.
  """
  about = weights.described(file)[1]
  said = about and about.step
  return pair.step_of(file) if said is None else said


def pictures(folder, metrics, real, fake):
  """Draws plots for the metrics 'spectrum' and 'memorisation', if named.

  'spectrum': the mean power spectra of both sets of images; 'memorisation':
  eight generated images, each with its nearest real images in pixel space.

  real, fake: n -> at most n images; a plot that is not drawn needs none.

  Returns:
    The paths written.
  """
  paths = []
  if 'spectrum' in metrics:
    paths.append(folder / 'spectra.png')
    spectra.draw(paths[-1], {'real': spectrum.profiles(real(1000)),
                             'generated': spectrum.profiles(fake(1000))})
  if 'memorisation' in metrics:
    paths.append(folder / 'neighbours.png')
    reals, fakes = real(_REALS), fake(8)
    indices, _ = memorisation.neighbours(reals, fakes, k=min(7, len(reals)))
    neighbours.draw(paths[-1], fakes, reals, indices)
  return paths


def sets(reference, generated, *, metrics, network='', weights='', data_dir='',
         size=0, protocols=('standard',), subset_size=1000, features='',
         count=0):
  """Scores one set of images against another one.

  Args:
    reference, generated: as verbs/_sets.py reads them: folders, files, data
      sets, exported generators, statistics.
    metrics: as in config.eval.
    network: likewise; '' for Inception, or what `features` says.
    weights: likewise.
    data_dir: folder of data sets and of the network's weights.
    size: side of the square to which images are resized; 0 for the side of
      the first image of the reference.
    protocols: names.
    subset_size: of KID, at most the number of images.
    features: the network that statistics are stated to be of.
    count: images that an exported generator makes; 0: as many as its config
      scores.

  Returns:
    Text: a table.

  Raises:
    UserError: a folder or an image that cannot be read, or a metric that
      statistics do not have.
  """
  real = _sets.of('a', reference, size, data_dir, count)
  fake = _sets.of('b', generated, size or _sets.side(real), data_dir, count)
  if any(isinstance(x, Statistics) for x in (real, fake)):
    _refuse_others(metrics, network, features)
    scores = stated.scores(
        real, fake, features=features, weights=weights, data_dir=data_dir,
        names=(str(reference), str(generated)), protocols=protocols)
    return table([(0, values, stamp) for values, stamp in scores.values()])
  if features:
    raise UserError(f'--features={features} says of which features statistics '
                    'are, and --a and --b are images: --network chooses theirs')
  scorer = Scorer(
      real, metrics=metrics, network=network or 'inception', weights=weights,
      data_dir=data_dir, reference=str(reference), protocols=protocols)
  fake = batches.as_array(fake)
  subset = min(subset_size, len(real), len(fake))
  scores = scorer.score([fake], {'subset_size': subset},
                        {'file': str(generated), 'size': real.shape[1]})
  return table([(0, values, stamp) for values, stamp in scores.values()])


def _refuse_others(metrics, network, features):
  """Refuses what cannot be computed from a mean and a covariance."""
  others = [name for name in metrics if name != 'fd']
  if others:
    raise UserError(f"metric '{others[0]}' needs the images of both sides, and "
                    "statistics are a mean and a covariance: 'fd' would be "
                    'right')
  if network and network != features:
    raise UserError(f'--network={network} is not what the statistics are '
                    f'stated to be of: --features={features or network} '
                    'chooses the network of both sides')


def table(rows):
  """A table of scores as text, followed by the stamps of their protocols.

  rows: [(step, {label: value}, stamp)].
  """
  out = io.StringIO()
  console = rich.console.Console(file=out, width=100)
  scores = rich.table.Table()
  for name in ('step', 'protocol', 'identity', 'score', 'value'):
    scores.add_column(name, justify='right' if name == 'value' else 'left')
  for step, values, stamp in rows:
    for label, value in sorted(values.items()):
      scores.add_row(str(step), stamp['protocol'], protocol.identity(stamp),
                     label, f'{value:.6g}')
  console.print(scores)
  stamps = {protocol.identity(stamp): stamp for _, _, stamp in rows}
  if len(stamps) > 1:
    console.print('Rows of different identity were made under different '
                  'protocols: do not compare them.')
  for identity, stamp in stamps.items():
    text = {k: v for k, v in stamp.items() if k != 'step'}
    console.print(f'{identity}: {json.dumps(text)}', highlight=False,
                  soft_wrap=True)
  return out.getvalue()


def steps_of(text, available):
  """The checkpoints that --steps names: 'all', 'A:B' (inclusive) or 'A,B'.

  Raises:
    UserError: `text` has another form, or names no available checkpoint.
  """
  if text == 'all':
    return available
  try:
    if ':' in text:
      low, high = (int(x) if x else None for x in text.split(':'))
      chosen = [s for s in available if (low is None or s >= low)
                and (high is None or s <= high)]
    else:
      wanted = [int(x) for x in text.split(',')]
      chosen = [s for s in available if s in wanted]
      missing = [s for s in wanted if s not in available]
      if chosen and missing:
        raise UserError(f'--steps={text}: no checkpoint of step '
                        f'{", ".join(map(str, missing))}; there are '
                        f'{", ".join(map(str, available))}')
  except ValueError as error:
    raise UserError(f"--steps={text}: 'all', FROM:TO or a list like 100,200 "
                    'would be right') from error
  if not chosen:
    raise UserError(f'--steps={text} names no checkpoint: there are '
                    f'{", ".join(map(str, available)) or "none"}')
  return chosen
