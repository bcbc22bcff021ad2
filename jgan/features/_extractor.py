"""Feature extractors for metrics: uint8 images -> float32 feature vectors."""
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.ops import spread


class Extractor(NamedTuple):
  """A trained feature network with its weights and preprocessing.

  Attributes:
    name: of the network, with a hash of the weights unless they are the
      published ones: 'resnet56', 'inception-0a1b2c3d'.
    distance: name of the Frechet distance of its features: 'FID' for the
      published Inception, 'FD-<name>' for all others.
    sha256: of the weights, 64 hexadecimal digits.
    dims: d, the width of 'features'.
    classes: k, the width of 'logits'; 0 if it has none.
    batch: suggested batch size.
    variables: of the network, numpy arrays.
    prepare: images [n, h, w, c] uint8 -> the input of `apply`; a pure function
      on the devices, or on the host if `host`. Refuses images that the network
      cannot process.
    apply: (variables, prepared) -> {'features': [n, d] float32, 'logits':
      [n, k] float32, ...}; a pure function in which the output of an image
      does not depend on the others.
    protocol: the settings to report with a score from these features.
    spatial: e, the width of 'spatial', a flattened map of few channels; 0 if
      it has none.
    host: whether `prepare` takes and returns numpy arrays.
    names: of the classes of 'logits', where a data set has them; else ().
  """
  name: str
  distance: str
  sha256: str
  dims: int
  classes: int
  batch: int
  variables: Any
  prepare: Callable
  apply: Callable
  protocol: dict
  spatial: int = 0
  host: bool = False
  names: tuple = ()


def outputs(net, variables, prepared, names, precision='highest'):
  """{name: [n, ...] float32} of a batch; a pure function of arrays.

  Args:
    net: Extractor.
    variables: net.variables, on the devices.
    prepared: by net.prepare.
    names: of the outputs.
    precision: of convolutions and products: 'highest', 'high' or 'default', as
      JAX names them. By default accelerators round their factors to bfloat16
      or TF32, which changes the third digit of a feature.
  """
  with jax.default_matmul_precision(precision):
    computed = net.apply(variables, prepared)
  return {name: computed[name].astype(jnp.float32) for name in names}


def compiled(net, devices=None, *, batch=None):
  """Puts a network on devices: returns run(images, names=...) -> arrays.

  run maps images [n, h, w, c] uint8, any n, to {name: [n, ...] float32 numpy}
  with the outputs in `names`, by default ('features', 'logits'). Images are
  processed in batches of equal size, split over the devices, the last one
  padded with zeros, so each image size and each `names` is compiled once.

  Args:
    net: Extractor.
    devices: a list, of this process; by default all of them.
    batch: batch size, by default net.batch; rounded up to a multiple of the
      number of devices.
  """
  mesh = spread.mesh(jax.local_devices() if devices is None else devices)
  batch = spread.divisible(batch or net.batch, mesh)
  variables = spread.copies(net.variables, mesh)

  @functools.partial(jax.jit, static_argnums=2, out_shardings=spread.rows(mesh))
  def apply(variables, images, names):
    prepared = images if net.host else net.prepare(images)
    return outputs(net, variables, prepared, names)

  def run(images, names=('features', 'logits')):
    if not len(images):
      raise UserError(f'no images for {net.name}; one or more would be right')
    parts = []
    for start in range(0, len(images), batch):
      chunk = checked(images[start:start + batch], net.name)
      if net.host:
        chunk = net.prepare(chunk)
      out = apply(variables, spread.put(padded(chunk, batch),
                                        spread.rows(mesh)), names)
      if parts:  # the device computes a batch while the next is prepared
        parts[-1] = jax.device_get(parts[-1])
      parts.append(out)
    parts[-1] = jax.device_get(parts[-1])
    return {name: np.concatenate([p[name] for p in parts])[:len(images)]
            for name in names}

  return run


def padded(rows, count):
  """[n, ...] -> [count, ...], zeros from n on."""
  return np.pad(rows, [(0, count - len(rows))] + [(0, 0)] * (rows.ndim - 1))


def checked(images, name):
  """images as a numpy array; raises UserError unless [n, h, w, c] uint8."""
  images = np.asarray(images)
  refuse_others(images, name)
  return images


def refuse_others(images, name):
  """Raises UserError for an array that is not [n, h, w, c] uint8."""
  if images.ndim != 4 or images.dtype != np.uint8:
    raise UserError(f'{name} takes images [n, h, w, c] of uint8, not '
                    f'{list(images.shape)} of {images.dtype}')


def rgb(images, name):
  """[n, h, w, c] -> [n, h, w, 3]: a grey channel is repeated three times.

  Raises:
    UserError: c is neither 1 nor 3.
  """
  if images.shape[-1] not in (1, 3):
    raise UserError(f'{name} takes grey or color images, 1 or 3 channels, not '
                    f'{images.shape[-1]}')
  xp = np if isinstance(images, np.ndarray) else jnp
  return xp.broadcast_to(images, (*images.shape[:-1], 3))


def name_of(network, sha256, official):
  """The network's name, followed by 8 digits of the hash of other weights.

  official: the first digits of the published file's SHA-256.
  """
  if sha256.startswith(official):
    return network
  return f'{network}-{sha256[:8]}'
