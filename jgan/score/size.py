"""Parameters and MACs of a config's networks, counted from shapes only."""
import jax
import jax.numpy as jnp

from jgan import build, forward
from jgan.ops import flops


def networks(config):
  """Counts both networks of a completed config.

  Returns:
    {'generator', 'discriminator'}, each a dict of 'params', 'mb' (megabytes in
    float32), 'macs' and 'macs_thop' (for one image, see ops/flops.py), and
    'layers', a list of dicts of 'name', output 'shape', 'params', 'macs' and
    'macs_thop'.
  """
  spec = build.spec(config)
  models = build.models(config, spec.shape)
  state = build.abstract(config, build.method(config))
  image = jax.ShapeDtypeStruct((1, *spec.shape), jnp.float32)
  z = jax.ShapeDtypeStruct((1, models.gen.latent), jnp.float32)
  return {'generator': _network(models.gen, state.gen, z),
          'discriminator': _network(models.disc, state.disc, image)}


def generator(config):
  """The totals of the generator, without its layers."""
  totals = networks(config)['generator']
  return {k: v for k, v in totals.items() if k != 'layers'}


def _network(model, net, x):
  variables = {'params': net.params, **net.stats}
  rows = flops.layers(model, variables, *forward.inputs(model, x))
  total = flops.total(rows)
  return {
      'params': total.params, 'mb': total.params * 4 / 1e6,
      'macs': total.macs, 'macs_thop': total.macs_thop,
      'layers': [{'name': r.name, 'shape': list(r.shape), 'params': r.params,
                  'macs': r.macs, 'macs_thop': r.macs_thop} for r in rows],
  }
