"""Writes the weights, or the sampling program, to one file.

FILE.safetensors and FILE.npz contain the arrays of a network and what they are:
config, layout, range, scores, version (jgan/about.py); jgan.load reads them.
FILE.jaxexport contains a program z -> images that needs only jax to run
(jgan/weights.py), FILE.onnx one for onnxruntime and others (jgan/onnx.py).
"""
import logging
import pathlib

from jgan import about, build, int8, onnx, precision, trained, weights
from jgan import flags as common
from jgan.errors import UserError
from jgan.files import replacing
from jgan.flags import Flag
from jgan.run import restore
from jgan.score import record
from jgan.verbs import _card
from jgan.workdir import output, refuse_present

FLAGS = (
    common.CONFIG._replace(required=False),
    common.WORKDIR._replace(required=False),
    common.OUT._replace(help='FILE.safetensors, .npz, .jaxexport or .onnx.'),
    common.STEP, common.BEST, common.ONLINE,
    Flag('discriminator', False, 'The discriminator, not the generator.'),
    Flag('card', False, 'Also a model card with a sample grid: README.md and '
         'samples.png beside --out.'),
    Flag('int8', False, 'Weights as int8 with a scale for each channel, a '
         'quarter of the size (.safetensors and .npz).'),
    common.PARAMS, common.OVERWRITE,
)
_KNOWN = (*weights.SUFFIXES, '.jaxexport', '.onnx')

log = logging.getLogger(__name__)


def run(config, flags):
  """Exports a network of the checkpoint, or the file, that the flags choose."""
  if flags.discriminator:
    common.refuse_together(flags, FLAGS, 'discriminator', 'online', 'card')
  suffix = weights.suffix(flags.out, _KNOWN)
  if suffix not in weights.SUFFIXES and flags.discriminator:
    raise UserError(f'a {suffix} samples the generator; write the '
                    'discriminator to .safetensors or .npz')
  if flags.int8 and suffix not in weights.SUFFIXES:
    raise UserError(f'--int8 is of .safetensors and .npz; {suffix} would be in '
                    'float32')
  if flags.card:
    _card.refuse_present(flags.out, overwrite=flags.overwrite)
  g = _chosen(config, flags)
  entries = about.strings(
      g.config, network='discriminator' if flags.discriminator else 'generator',
      weights=g.weights, step=g.step, image=g.image,
      # Weights that are rounded are others than those that were scored.
      scores=() if flags.int8 else g.scores,
      latent=0 if flags.discriminator else g.latent)
  method = g.method
  if suffix == '.onnx' and precision.of(g.config) != 'float32':
    log.info('.onnx is in float32, and the run was in %s',
             precision.of(g.config))
    method = build.method(_in_float32(g.config))
  path = write(method, g.net, flags.out, entries=entries, quantize=flags.int8,
               overwrite=flags.overwrite)
  if flags.int8 and flags.card:
    g = trained.of_file(path)
  cards = _card.write(g, path) if flags.card else []
  return ''.join([*(f'{file}\n' for file in (path, *cards)),
                  _sizes(g.net) if flags.int8 else ''])


def _sizes(net):
  """What int8 makes of the arrays' bytes, a line."""
  flat = weights.to_arrays(net)
  before, after = int8.size(flat), int8.size(int8.quantized(flat))
  return (f'{after:,} bytes of arrays, {before / after:.2f} times fewer than '
          f'the {before:,} before\n')


def _chosen(config, flags):
  """Trained, of what the flags choose; its net may be the discriminator."""
  if flags.params:
    common.refuse_together(flags, FLAGS, 'params', 'step', 'best', 'online',
                           'discriminator')
    return trained.of_file(flags.params, config)
  common.require_run(config, flags)
  method, state = restore.chosen(config, flags)
  step, kind = int(state.step), 'online' if flags.online else 'average'
  if flags.discriminator:
    return trained.Trained(config, state.disc, method=method, step=step,
                           weights='online')
  return trained.Trained(
      config, state.gen if flags.online else state.ema, method=method,
      step=step, weights=kind,
      scores=record.of_generator(flags.workdir, step, kind))


def _in_float32(config):
  config = config.copy_and_resolve_references().unlock()
  config.dtype = 'float32'
  return config.lock()


def write(method, net, out, *, entries=None, quantize=False, overwrite=False):
  """Writes one network.

  Args:
    method: Method; for .onnx in float32.
    net: Network, a generator, or for .safetensors and .npz a discriminator.
    out: path of the file; its suffix is the format.
    entries: what the file says about itself, as from about.strings.
    quantize: write the weights of .safetensors and .npz as int8.
    overwrite: replace an earlier file.

  Returns:
    The path written.

  Raises:
    UserError: `out` has an unknown suffix, cannot be written or is there
      already.
  """
  if not overwrite:
    refuse_present(out)
  path = pathlib.Path(out)
  suffix = weights.suffix(path, _KNOWN)
  with output(out):
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
      if suffix == '.jaxexport':
        weights.save_program(method, net, part)
      elif suffix == '.onnx':
        onnx.save(method, net, part, entries)
      else:
        weights.save(net, part, entries, quantize=quantize)
    return path
