"""Export of weights, and of the sampling function as a standalone program.

  FILE.safetensors, FILE.npz   arrays under '/'-joined names, 'params/...'
                               first, then the other collections, and what the
                               file says about itself (jgan/about.py); weights
                               may be int8 (jgan/int8.py)
  FILE.jaxexport               z -> images, or with classes (z, labels) ->
                               images, for cpu, cuda and tpu; needs only jax to
                               run
"""
import functools
import pathlib

import flax
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from jgan import about, arrays, int8
from jgan.errors import UserError
from jgan.types import Network

SUFFIXES = '.safetensors', '.npz'


def to_arrays(net):
  """A Network without its optimizer as {'/'-joined name: numpy array}."""
  # safetensors ignores strides: it would write a transposed array wrongly.
  return {name: np.asarray(x, order='C') for name, x in _named(net).items()}


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


def save(net, path, entries=None, *, quantize=False):
  """Writes a network's arrays to .safetensors or .npz; returns the path.

  entries: what the file says about itself, as from about.strings.
  quantize: write weights as int8.

  Raises:
    UserError: an unknown suffix, or weights to quantize that are not finite.
    OSError: the file cannot be written.
  """
  path = pathlib.Path(path)
  flat = int8.quantized(to_arrays(net)) if quantize else to_arrays(net)
  entries = entries and {**entries, 'sha256': about.digest(flat)}
  if suffix(path, SUFFIXES) == '.npz':
    if entries:
      flat[about.ENTRY] = np.frombuffer(about.encoded(entries).encode(),
                                        np.uint8)
    with path.open('wb') as file:
      np.savez(file, **flat)
  else:
    # By open(), a file gets the permissions that the umask says.
    path.write_bytes(safetensors.numpy.save(
        flat, entries and {about.KEY: about.encoded(entries)}))
  return path


def load(path):
  """Reads a file written by `save`: a Network of numpy arrays.

  Raises:
    UserError: the file cannot be read, or is not one of a network.
  """
  return described(path)[0]


def described(path):
  """Reads a file written by `save`: a Network, and its About or None.

  Raises:
    UserError: as `load`; also if the file says of itself what is not so, or
      was written by a newer jgan.
  """
  flat = arrays.read(path)
  if pathlib.Path(path).suffix == '.safetensors':
    text = arrays.metadata(path).get(about.KEY)
  else:
    text = flat.pop(about.ENTRY, None)
    text = text if text is None else text.tobytes()
  read = None if text is None else about.parse(path, about.decoded(path, text))
  if read and read.sha256 and read.sha256 != about.digest(flat):
    raise UserError(f'{path} is damaged: its arrays are not those of which it '
                    'has the checksum')
  try:
    return from_arrays(int8.dequantized(flat)), read
  except UserError as error:
    raise UserError(f'{path}: {error}') from error


def warm_start(state, files):
  """Replaces the weights of a first state, or its shapes, by exported ones.

  files: has the fields `generator` and `discriminator`, paths or ''.

  Raises:
    UserError: an array is missing, unknown, of another shape, not of real
      numbers, or not finite.
  """
  if files.generator:
    gen = fill(state.gen, load(files.generator), files.generator)
    state = state.replace(gen=gen, ema=fill(
        state.ema, load(files.generator), files.generator))
  if files.discriminator:
    state = state.replace(disc=fill(
        state.disc, load(files.discriminator), files.discriminator))
  return state


def program_inputs(method):
  """What a program of a Method takes: {name: its shape}, of any number b.

  'z' [b, latent] float32, and with classes 'labels' [b] int32.
  """
  b, = jax.export.symbolic_shape('b')
  inputs = {'z': jax.ShapeDtypeStruct((b, method.latent), np.float32)}
  return inputs | ({'labels': jax.ShapeDtypeStruct((b,), np.int32)}
                   if method.classes else {})


def save_program(method, net, path):
  """Writes z [b, latent] float32 -> images [b, h, w, c], for any b.

  With classes it also takes labels [b] int32. It needs only jax to run:
    jax.export.deserialize(open(path, 'rb').read()).call(z)
  """
  exported = jax.export.export(
      jax.jit(functools.partial(method.sample, net)),
      platforms=('cpu', 'cuda', 'tpu'))(*program_inputs(method).values())
  path = pathlib.Path(path)
  path.write_bytes(exported.serialize())
  return path


def fill(net, loaded, path):
  """`net`, which may be shapes, with the arrays of `loaded`, a file's.

  Raises:
    UserError: as `warm_start`.
  """
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
