"""Writes the weights, or the sampling program, to one file."""
import pathlib

from jgan import weights
from jgan.errors import UserError


def write(method, state, out, *, online=False, discriminator=False):
  """Writes the averaged generator, or what flags say.

  Returns the path written.

  Raises:
    UserError: `out` has no known ending or cannot be written.
  """
  net = state.disc if discriminator else state.gen if online else state.ema
  path = pathlib.Path(out)
  known = ('.safetensors', '.npz', '.jaxexport')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    if weights.suffix(path, known) == '.jaxexport':
      if discriminator:
        raise UserError('a .jaxexport samples the generator; write the '
                        'discriminator to .safetensors or .npz')
      return weights.save_program(method.sample, net, method.latent, path)
    return weights.save(net, path)
  except OSError as error:
    raise UserError(f'cannot write --out={out}: {error}') from error
