"""Writes the weights, or the sampling program, to one file.

FILE.safetensors and FILE.npz contain the arrays of a network. FILE.jaxexport
contains a program z -> images that needs only jax to run (jgan/weights.py).
"""
import pathlib

from jgan import flags as common
from jgan import weights
from jgan.errors import UserError
from jgan.files import replacing
from jgan.flags import Flag
from jgan.run import restore
from jgan.workdir import refuse_present

FLAGS = (
    common.CONFIG, common.WORKDIR,
    common.OUT._replace(help='FILE.safetensors, .npz or .jaxexport.'),
    common.STEP, common.BEST, common.ONLINE,
    Flag('discriminator', False, 'The discriminator, not the generator.'),
    common.OVERWRITE,
)


def run(config, flags):
  """Exports a network of the checkpoint that the flags choose."""
  if flags.discriminator:
    common.refuse_together(flags, FLAGS, 'discriminator', 'online')
  method, state = restore.chosen(config, flags)
  path = write(method, state, flags.out, online=flags.online,
               discriminator=flags.discriminator, overwrite=flags.overwrite)
  return f'{path}\n'


def write(method, state, out, *, online=False, discriminator=False,
          overwrite=False):
  """Writes one network: the averaged generator by default.

  Args:
    method: Method.
    state: GanState.
    out: path of the file; its suffix is the format.
    online: write the trained generator instead of its average.
    discriminator: write the discriminator instead.
    overwrite: replace an earlier file.

  Returns:
    The path written.

  Raises:
    UserError: `out` has an unknown suffix, cannot be written or is there
      already.
  """
  if not overwrite:
    refuse_present(out)
  net = state.disc if discriminator else state.gen if online else state.ema
  path = pathlib.Path(out)
  known = ('.safetensors', '.npz', '.jaxexport')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    if weights.suffix(path, known) == '.jaxexport' and discriminator:
      raise UserError('a .jaxexport samples the generator; write the '
                      'discriminator to .safetensors or .npz')
    with replacing(path) as part:
      if path.suffix == '.jaxexport':
        weights.save_program(method.sample, net, method.latent, part)
      else:
        weights.save(net, part)
    return path
  except OSError as error:
    raise UserError(f'cannot write --out={out}: {error}') from error
