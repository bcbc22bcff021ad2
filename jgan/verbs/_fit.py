"""How factors are fitted: arguments of compress/factorize.py, from a config."""
import logging

import numpy as np

from jgan import build, lookup
from jgan.score import samples

log = logging.getLogger(__name__)


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
    # Of another seed than scores, which would otherwise know these images.
    noise = lambda count: np.asarray(samples.noise(
        np.uint32(config.seed + 3), 0, count, method.latent))
    seen = build.bind(module.measure, bound)(
        method.sample, net.replace(opt=()), noise, [*layers])
  return dict(seed=config.seed, restarts=plan.restarts,
              iterations=plan.iterations, scaling=plan.scaling,
              refit=build.bind(module.refit, bound), seen=seen)
