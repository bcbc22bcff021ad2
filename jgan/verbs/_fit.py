"""What is factored, and how: arguments of compress/factorize.py, from a config.
"""
import logging

import numpy as np

from jgan import build, classes, lookup
from jgan.compress import ranks
from jgan.errors import UserError
from jgan.layers import factored
from jgan.score import samples

log = logging.getLogger(__name__)


def layers(config, params):
  """The layers to try: {path: kernel shape}, in the order of the network.

  They are those of config.compress.match that compress can factor, which
  convolutions in groups cannot be, nor layers with spectral normalisation.

  Args:
    config: completed.
    params: nested dict of the generator's parameters, or of their shapes.

  Raises:
    UserError: there is none.
  """
  match = config.compress.match
  matching = ranks.matching(params, match)
  able = factored.able(build.models(config, build.spec(config).shape).gen)
  shapes = {path: shape for path, shape in matching.items()
            if path in able}
  if not shapes:
    raise UserError(f"config.compress.match='{match}' selects "
                    f'{", ".join(matching)}, none of which can be factored: '
                    f'{", ".join(sorted(able)) or "no layer"} can')
  return shapes


def arguments(config, method, net, layers):
  """Keyword arguments of factorize() and reconstruct().

  Args:
    config: completed; config.compress says how.
    method: Method of the config.
    net: Network of the generator that is factorized.
    layers: paths of the layers, of which those are measured that the fit asks
      for.

  Raises:
    UserError: the fit cannot measure a layer.
  """
  plan = config.compress
  module = lookup.find('compress.fits', plan.fit.name)
  bound = build.arguments_of(plan.fit)
  seen = {}
  if hasattr(module, 'measure'):
    log.info('measuring what %d layers read', len(layers))
    seen = build.bind(module.measure, bound)(
        lambda net, given: method.sample(net, *given), net.replace(opt=()),
        lambda count: _noise(config, method, count), [*layers])
  return dict(seed=config.seed, restarts=plan.restarts,
              iterations=plan.iterations, scaling=plan.scaling,
              refit=build.bind(module.refit, bound), seen=seen)


def _noise(config, method, count):
  """(z [count, latent],), or with classes (z, labels [count]), by their law."""
  # Of another seed than scores, which would otherwise know these images.
  seed, shares = np.uint32(config.seed + 3), classes.shares(config)
  z = np.asarray(samples.noise(seed, 0, count, method.latent))
  return (z,) if shares is None else (z, samples.drawn(shares, count, seed))
