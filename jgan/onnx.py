"""FILE.onnx: z [b, latent] float32 -> images [b, h, w, c], for any b.

With classes it takes labels too, [b] int32.

Written by jax2onnx, from a program in operations that ONNX has (portable.py),
and compared with JAX by onnxruntime before it gets its name. It is a file of
opset 21; generators whose noise is drawn from the bits of z (StyleGAN2 and
FastGAN) need BitCast of opset 26.

  session = onnxruntime.InferenceSession('g.onnx')
  images, = session.run(None, {'z': z})
"""
import functools
import importlib
import logging
import pathlib

import jax
import jax.export
import numpy as np
from jax.extend import core

from jgan import forward, portable
from jgan.errors import UserError
from jgan.weights import program_inputs

INSTALL = 'pip install "jax2onnx>=0.17.1"'
TOLERANCE = 1e-3
"""Largest difference between both programs; levels of uint8 are 8e-3 apart."""
_OPSET, _WITH_BITS = 21, 26

log = logging.getLogger(__name__)


def save(method, net, path, entries=None):
  """Writes the generator as an ONNX program.

  Args:
    method: Method, in float32.
    net: Network.
    path: of the file.
    entries: {name: string} that the file says about itself.

  Returns:
    The largest difference to JAX's images.

  Raises:
    UserError: a package is not installed, an operation cannot be converted, or
      the images differ.
  """
  jax2onnx, onnxruntime = map(_package, ('jax2onnx', 'onnxruntime'))
  model = _converted(jax2onnx, functools.partial(method.sample, net),
                     program_inputs(method))
  for name, value in (entries or {}).items():
    entry = model.metadata_props.add()
    entry.key, entry.value = name, value
  try:
    pathlib.Path(path).write_bytes(model.SerializeToString())
  except ValueError as error:  # more than 2 GiB
    raise UserError(f'the network is too large for one .onnx: {error}'
                    ) from error
  difference = max(_difference(onnxruntime, path, method, net, b)
                   for b in (1, 3))
  if not difference <= TOLERANCE:
    raise UserError(f'the .onnx makes other images than JAX: they differ by up '
                    f'to {difference:.3g}, more than {TOLERANCE}. Nothing was '
                    f'written; this was jax2onnx {jax2onnx.__version__}')
  log.info('onnxruntime and JAX make the same images, but for %.1g',
           difference)
  return difference


def _package(name):
  try:
    return importlib.import_module(name)
  except ImportError as error:
    raise UserError(f'.onnx needs {name}, which cannot be imported ({error}): '
                    f'{INSTALL} installs it, the extra "onnx" of jgan'
                    ) from error


def _converted(jax2onnx, function, inputs):
  """The ModelProto of a function; inputs: {name: shape}."""
  program = portable.restated(function, *inputs.values())
  bits = 'bitcast_convert_type' in {e.primitive.name for e in program.eqns}
  chatty = [logging.getLogger(name) for name in ('onnx_ir', 'jax2onnx')]
  levels = [logger.level for logger in chatty]
  try:
    for logger in chatty:
      logger.setLevel(logging.ERROR)
    model = jax2onnx.to_onnx(
        core.jaxpr_as_fun(program), [*inputs.values()],
        model_name='generator', opset=_WITH_BITS if bits else _OPSET,
        input_names=[*inputs], output_names=['images'])
  except NotImplementedError as error:
    raise UserError(f'this generator cannot be written as .onnx: {error}. '
                    '.jaxexport takes every generator') from error
  finally:
    for logger, level in zip(chatty, levels):
      logger.setLevel(level)
  model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = 'b'
  return model


def _difference(onnxruntime, path, method, net, b):
  """The largest difference of both programs' images for b latents."""
  options = onnxruntime.SessionOptions()
  options.log_severity_level = 3
  session = onnxruntime.InferenceSession(
      str(path), options, providers=['CPUExecutionProvider'])
  z = np.random.default_rng(b).normal(size=(b, method.latent))
  given = forward.inputs(method, z.astype(np.float32))
  images, = session.run(None, dict(zip(('z', 'labels'), given)))
  want = np.asarray(jax.jit(method.sample)(net, *given))
  if images.shape != want.shape:
    return np.inf
  return float(abs(images - want).max())
