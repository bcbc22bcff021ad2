"""How many images the devices process at once, by their memory."""
import jax
import jax.numpy as jnp
import numpy as np

from jgan.forward import inputs
from jgan.ops import memory

_ON_CPU = 100  # images at a time; more are no faster
_MOST = 256  # on one device: it is as fast as it gets
_SHARE = 4  # one part in so many of the memory is for these images


def batch(mesh, size, most):
  """Images at a time on all devices of a mesh, the same in all processes.

  Args:
    mesh: of ops/spread.py.
    size: bytes of the intermediate arrays of one image.
    most: number of images that there are.
  """
  bound = limit(mesh)
  if not bound:
    return min(_ON_CPU, most)
  fitting = max(int(bound / _SHARE / max(size, 1)), 1)
  return min(mesh.size * min(_MOST, 2**(fitting.bit_length() - 1)), most)


def limit(mesh):
  """Bytes of memory of one device; 0 on a CPU, where it does not matter.

  Devices that do not say have the 16 GiB of a TPU v5e.
  """
  device = mesh.local_devices[0]
  if device.platform == 'cpu':
    return 0
  return (device.memory_stats() or {}).get('bytes_limit', 2**34)


def of_network(net, shape):
  """Bytes of an Extractor for one image of this shape, [h, w, c]."""
  image = np.zeros((1, *shape), np.uint8)
  if net.host:
    return memory.peak(net.apply, net.variables, net.prepare(image))
  return memory.peak(lambda v, x: net.apply(v, net.prepare(x)), net.variables,
                     image)


def of_generator(method, net):
  """Bytes of Method.sample for one image; net: Network, or its shapes."""
  z = jax.ShapeDtypeStruct((1, method.latent), jnp.float32)
  return memory.peak(method.sample, net, *inputs(method, z))
