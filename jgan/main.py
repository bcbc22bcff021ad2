"""python -m jgan.main --config=FILE --workdir=DIR [--mode=VERB]; see --help."""
import logging
import os
import pathlib
import platform
import sys
import traceback
import zlib

import jax

from jgan import build, cli, weights
from jgan import config as configs
from jgan.errors import Stopped, UserError
from jgan.run import checkpoint, loop
from jgan.verbs import (
  compress,
  derive,
  describe,
  evaluate,
  export,
  genotypes,
  pipeline,
  report,
  sample,
  sensitivity,
  shrink,
)
from jgan.workdir import checkpoints


def do_train(config, f):
  """Trains; the same command again resumes."""
  loop.run(config, _need(f, 'workdir'), data_dir=_data_dir(f),
           allow_config_change=f.allow_config_change)
  folder = pathlib.Path(f.workdir)
  if jax.process_index():
    return ''
  grids = sorted((folder / 'samples').glob('*.png'))
  return '\n'.join([
      f'samples      {grids[-1] if grids else "none"}',
      f'curves       {folder / "plots" / "curves.png"}',
      f'metrics      {folder / "metrics.csv"}',
      f'checkpoints  {folder / "checkpoints"}',
      f'tensorboard  {folder / "tensorboard"}', ''])


def do_sample(config, f):
  """Writes images of a trained generator: a grid, files or an array."""
  method = build.method(config)
  if f.params:
    net = weights.load(f.params)
  else:
    state = _restore(config, f, method)
    net = state.gen if f.online else state.ema
  out = f.out or str(pathlib.Path(_need(f, 'workdir')) / 'sample.png')
  written = sample.write(method, net, out, n=f.n, seed=f.seed,
                         batch=config.eval.batch, interpolate=f.interpolate,
                         dtype=build.spec(config).dtype)
  return f'{written}\n'


def do_describe(config, f):
  """Shows layers, parameters, MACs and memory; trains nothing."""
  return describe.run(config, as_json=f.json)


def do_export(config, f):
  """Writes the weights, or the sampling program, to one file."""
  out = _need(f, 'out')
  method = build.method(config)
  state = _restore(config, f, method)
  written = export.write(method, state, out, online=f.online,
                         discriminator=f.discriminator)
  return f'{written}\n'


def do_evaluate(config, f):
  """Scores checkpoints, or with --a and --b two sets of images."""
  split = lambda text: tuple(x for x in text.split(',') if x)
  if f.a or f.b:
    return evaluate.sets(
        f.a, f.b, metrics=split(f.metrics) or ('fd',),
        network=f.network or 'inception', weights=f.weights,
        data_dir=_data_dir(f), size=f.image_size,
        protocols=split(f.protocols) or ('standard',))
  changes = {'eval.metrics': split(f.metrics), 'eval.network': f.network,
             'eval.weights': f.weights}
  with config.unlocked():
    config.update_from_flattened_dict({k: v for k, v in changes.items() if v})
  if f.params and (f.steps or f.online):
    raise UserError(f'--params={f.params} is one generator, and --steps and '
                    '--online choose among those of checkpoints: leave them '
                    'out')
  method = build.method(config)
  saved, like = _checkpoints(config, f, method)
  steps = evaluate.steps_of(f.steps, saved.steps()) if f.steps else [f.step]
  return evaluate.checkpoints(
      configs.complete(config), method,
      lambda step: saved.choose(like, step=step, best=f.best), steps,
      f.workdir, data_dir=_data_dir(f), protocols=split(f.protocols),
      online=f.online, params=f.params)


def do_derive(config, f):
  """Writes the genotype that a search found."""
  method = build.method(config)
  state = _restore(config, f, method)
  out = f.out or str(pathlib.Path(f.workdir) / 'genotype.json')
  written = derive.write(config, method, state, out, candidates=f.candidates,
                         folder=f.workdir, data_dir=_data_dir(f))
  return f'{written}\n'


def do_sensitivity(config, f):
  """Scores the generator with each layer compressed alone."""
  method = build.method(config)
  state = _restore(config, f, method)
  return sensitivity.write(config, method, state,
                           f.out or str(pathlib.Path(f.workdir) / 'sensitivity'),
                           data_dir=_data_dir(f))


def do_compress(config, f):
  """Factors the generator; writes a run to --out, to be fine-tuned there."""
  method = build.method(config)
  state = _restore(config, f, method)
  return compress.write(config, method, state, _need(f, 'out'), last=f.last,
                        data_dir=_data_dir(f))


def do_shrink(config, f):
  """Takes pruned channels out of the generator; writes a run to --out."""
  method = build.method(config)
  state = _restore(config, f, method)
  return shrink.write(config, method, state, _need(f, 'out'), params=f.params,
                      data_dir=_data_dir(f))


def do_report(config, f):
  """Compares trained generators: size, work, latency, scores."""
  del config
  return report.write([x for x in f.runs.split(',') if x], f.out,
                      mean_spectra=f.spectra, data_dir=_data_dir(f))


def do_genotypes(config, f):
  """Counts operations over genotypes; draws how a search went."""
  del config
  return genotypes.write([x for x in f.genotypes.split(',') if x], f.out,
                         label=f.label, threshold=f.threshold)


def do_pipeline(config, f):
  """Searches, trains, compresses, fine-tunes, reports; again: resumes."""
  return pipeline.write(config, _need(f, 'workdir'), data_dir=_data_dir(f))


VERBS = {'train': do_train, 'evaluate': do_evaluate, 'sample': do_sample,
         'describe': do_describe, 'export': do_export, 'derive': do_derive,
         'sensitivity': do_sensitivity, 'compress': do_compress,
         'shrink': do_shrink, 'report': do_report, 'genotypes': do_genotypes,
         'pipeline': do_pipeline}


def main(argv):
  """Runs one command; returns its exit code: 0 done, 2 a mistake, 3 stopped."""
  debug = '--debug' in argv
  try:
    values, config = cli.parse(argv, VERBS)
    if values.help:
      sys.stdout.write(cli.usage(VERBS))
      return 0
    if config is None and not (values.a or values.b or values.runs
                               or values.genotypes):
      raise UserError('no --config=FILE given, and no run in '
                      f"--workdir='{values.workdir}' to take it from; --help "
                      'lists the experiments')
    _start(values)
    sys.stdout.write(VERBS[values.mode](config, values))
    return 0
  except (UserError, Stopped) as error:
    if debug:
      traceback.print_exc()
    sys.stderr.write(f'jgan: error: {" ".join(str(error).split())}\n')
    return 2 if isinstance(error, UserError) else 3


def _leave(code):
  """Ends the process. One of several that failed must not wait for them."""
  if code and jax.distributed.is_initialized():
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
  sys.exit(code)


def _start(values):
  """Sets up logging, the processes and the cache of compiled programs."""
  handler = logging.StreamHandler()
  handler.setFormatter(logging.Formatter('%(asctime)s %(message)s', '%H:%M:%S'))
  logger = logging.getLogger('jgan')
  logger.handlers = [handler]
  logger.setLevel(logging.INFO)
  logger.propagate = False  # the root logger is other libraries'
  logging.getLogger('absl').setLevel(logging.ERROR)  # Orbax tells much
  if values.coordinator:
    jax.distributed.initialize(values.coordinator, values.processes,
                               values.process)
  if values.compilation_cache:
    folder = pathlib.Path(values.compilation_cache).expanduser()
    jax.config.update('jax_compilation_cache_dir', str(folder / _machine()))


def _machine():
  """Names a kind of machine: programs compiled for one may fail on another."""
  try:
    lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
    flags = next(line for line in lines if line.startswith('flags'))
  except (OSError, StopIteration):
    flags = platform.processor()
  return f'{platform.machine()}-{zlib.crc32(flags.encode()):08x}'


def _restore(config, f, method):
  """The state of the checkpoint that the flags choose."""
  saved, like = _checkpoints(config, f, method)
  try:
    return saved.choose(like, step=f.step, best=f.best)
  finally:
    saved.close()


def _checkpoints(config, f, method):
  """The workdir's checkpoints, to read, and the shapes they should have."""
  folder = checkpoints(_need(f, 'workdir'))
  if not folder.is_dir():
    raise UserError(f'no checkpoints in --workdir={f.workdir}: train first, '
                    'by --mode=train')
  saved = checkpoint.Checkpoints(folder, read_only=True)
  return saved, build.abstract(config, method)


def _need(f, name):
  value = getattr(f, name)
  if not value:
    raise UserError(f'--mode={f.mode} needs --{name}')
  return value


def _data_dir(f):
  return f.data_dir or os.environ.get('JGAN_DATA', '')


if __name__ == '__main__':
  try:
    _leave(main(sys.argv))
  except Exception:
    traceback.print_exc()
    _leave(1)
