"""The type that the networks of a run compute in: config.dtype.

Whatever it is, these are float32: parameters, gradients and optimizers, the
averaged generator, statistics of normalisation and of minibatches, spectral
norms, styles and demodulation, weights of a mixed operation, outputs of both
players, losses and penalties. bfloat16 is for what passes between the layers,
and for the factors of convolutions and matrix products.

'auto' is this rule:
  bfloat16  on a TPU, and on an NVIDIA GPU of compute capability 8.0 or higher,
            which multiply it several times faster than float32;
  float32   on every other device, and where a penalty squares a gradient of a
            network (SECOND_ORDER in its file: R1, WGAN-GP, path length). Such
            a gradient is a sum over all paths through a network, which has
            lost more of bfloat16's 8 bits than an output has when it is
            squared and differentiated again.
"""
import re

import jax

from jgan import lookup


def of(config):
  """'float32' or 'bfloat16', for a run of this config on JAX's devices."""
  chosen = on_accelerators(config)
  if config.dtype != 'auto' or chosen == 'float32':
    return chosen
  return 'bfloat16' if _multiplies_bfloat16() else 'float32'


def on_accelerators(config):
  """The same on a TPU or a newer GPU, whatever the devices here are."""
  if config.dtype != 'auto':
    return config.dtype
  if any(getattr(lookup.find('penalties', section.name), 'SECOND_ORDER', False)
         for section in config.penalties):
    return 'float32'
  return 'bfloat16'


def changed(earlier, config):
  """What to tell about a run that is resumed; '' if its type is as before.

  earlier: the type before; None if that is not known.
  """
  now = of(config)
  if earlier in (None, now):
    return ''
  return (f'networks computed in {earlier} so far, and compute in {now} from '
          f'here on: --config.dtype={earlier} would go on as before')


def _multiplies_bfloat16():
  """Whether the default devices have units for products of bfloat16."""
  if jax.default_backend() != 'gpu':
    return jax.default_backend() == 'tpu'
  capability = getattr(jax.local_devices()[0], 'compute_capability', '')
  number = re.fullmatch(r'(\d+)\.\d+', str(capability))
  return bool(number) and int(number[1]) >= 8
