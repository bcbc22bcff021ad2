"""Export of weights, and of the sampling function as a standalone program.

  FILE.safetensors, FILE.npz   arrays under '/'-joined names, 'params/...'
                               first, then the other collections
  FILE.jaxexport               z -> images, for cpu, cuda and tpu; needs only
                               jax to run
"""
import logging
import pathlib

import flax
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from jgan import arrays
from jgan.errors import UserError
from jgan.types import Network

log = logging.getLogger(__name__)


def to_arrays(net):
  """A Network without its optimizer as {'/'-joined name: numpy array}."""
  tree = {'params': net.params, **net.stats}
  # safetensors ignores strides: it would write a transposed array wrongly.
  return {name: np.asarray(x, order='C')
          for name, x in flax.traverse_util.flatten_dict(tree, sep='/').items()}


def from_arrays(flat):
  """The inverse of `to_arrays`: a Network without an optimizer state.

  Raises:
    UserError: no array is named 'params/...', or a name is both that of an
      array and the beginning of another one.
  """
  for name in flat:
    above = name.split('/')
    inside = next((x for i in range(1, len(above))
                   if (x := '/'.join(above[:i])) in flat), None)
    if inside is not None:
      raise UserError(f"'{inside}' is an array, and '{name}' lies in it: this "
                      'is not an exported network')
  tree = flax.traverse_util.unflatten_dict(flat, sep='/')
  if not isinstance(tree.get('params'), dict):
    raise UserError("no array is named 'params/...': this is not an exported "
                    'network')
  return Network(tree.pop('params'), tree)


def save(net, path):
  """Writes a network's arrays to .safetensors or .npz; returns the path.

  Raises:
    UserError: an unknown suffix.
    OSError: the file cannot be written.
  """
  path = pathlib.Path(path)
  flat = to_arrays(net)
  writers = {'.safetensors': lambda f: safetensors.numpy.save_file(flat, f),
             '.npz': lambda f: np.savez(f, **flat)}
  write = writers[suffix(path, writers)]
  try:
    write(path)
  except safetensors.SafetensorError as error:
    raise OSError(str(error)) from error
  return path


def load(path):
  """Reads a file written by `save`: a Network of numpy arrays.

  Raises:
    UserError: the file cannot be read, or is not one of a network.
  """
  flat = arrays.read(path)
  try:
    return from_arrays(flat)
  except UserError as error:
    raise UserError(f'{path}: {error}') from error


def warm_start(state, files):
  """Replaces the weights of an initial state by exported ones.

  files: has the fields `generator` and `discriminator`, paths or ''.

  Raises:
    UserError: an array is missing, unknown, of another shape, not of real
      numbers, or not finite.
  """
  if files.generator:
    gen = _fill(state.gen, load(files.generator), files.generator)
    state = state.replace(gen=gen, ema=_fill(
        state.ema, load(files.generator), files.generator))
  if files.discriminator:
    state = state.replace(disc=_fill(
        state.disc, load(files.discriminator), files.discriminator))
  return state


def save_program(sample, net, latent, path):
  """Writes z [b, latent] float32 -> images [b, h, w, c], for any b.

  It needs only jax to run:
    jax.export.deserialize(open(path, 'rb').read()).call(z)
  """
  b = jax.export.symbolic_shape('b')[0]
  exported = jax.export.export(
      jax.jit(lambda z: sample(net, z)), platforms=('cpu', 'cuda', 'tpu'))(
          jax.ShapeDtypeStruct((b, latent), np.float32))
  path = pathlib.Path(path)
  path.write_bytes(exported.serialize())
  return path


def _fill(net, loaded, path):
  """`net` with the parameters and statistics of `loaded`."""
  in_model_all, in_file_all, flat = _named(net), _named(loaded), {}
  shape = lambda x: 'absent' if x is None else np.shape(x)
  for name in sorted({*in_model_all, *in_file_all}):
    in_file, in_model = in_file_all.get(name), in_model_all.get(name)
    if shape(in_file) != shape(in_model):
      raise UserError(f'{path} does not fit the model: {name} is '
                      f'{shape(in_file)} there and {shape(in_model)} in the '
                      'config')
    if not _same_kind(in_file.dtype, in_model.dtype):
      raise UserError(f'{path} does not fit the model: {name} is of '
                      f'{in_file.dtype} there and {in_model.dtype} would be '
                      'right')
    with np.errstate(over='ignore'):
      flat[name] = np.asarray(in_file, in_model.dtype)
    if not np.isfinite(flat[name]).all():
      raise UserError(f'{path} cannot be used: {name} is not finite in '
                      f'{in_model.dtype}')
  log.info('starting from %s (%d arrays)', path, len(flat))
  cast = from_arrays(flat)
  return net.replace(params=cast.params, stats=cast.stats)


def _named(net):
  """{'/'-joined name: array} of a Network without its optimizer."""
  return flax.traverse_util.flatten_dict(
      {'params': net.params, **net.stats}, sep='/')


def _same_kind(a, b):
  """Whether both types are of real numbers, or both of integers."""
  return any(jnp.issubdtype(a, kind) and jnp.issubdtype(b, kind)
             for kind in (jnp.floating, jnp.integer, jnp.bool_))


def suffix(path, known):
  """The suffix of a path; raises UserError if it is not in `known`."""
  suffix = pathlib.Path(path).suffix
  if suffix not in known:
    raise UserError(f"--out={path} ends in '{suffix}': one of "
                    f'{", ".join(known)} says what to write')
  return suffix
