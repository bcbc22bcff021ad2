"""The work of a run's scores: floating-point operations, from shapes only.

2 x the multiply-accumulates of convolutions and matrix products, as in
run/cost.py: of making the images, and of the feature network that looks at
them. What a metric does with the features is not counted.
"""
import functools

import jax
import jax.numpy as jnp

from jgan import build
from jgan.features import _cifar_resnet, _dinov2, inception
from jgan.ops import flops

# Networks that are the same whatever the data are: the model, and the side of
# the images that it looks at.
_NETWORKS = {'inception': (inception.Inception(), inception.SIDE),
             'resnet20': (_cifar_resnet.ResNet(3), 32),
             'resnet56': (_cifar_resnet.ResNet(9), 32),
             **{name: (published.model, _dinov2.SIDE)
                for name, published in _dinov2.NETWORKS.items()}}


def steps(config):
  """How many scores a whole run of the completed config takes."""
  every = config.eval.every
  if not (every and config.eval.metrics):
    return 0
  first, m = config.eval.first or every, config.method
  individuals = (2 * m.population * m.generations if m.name == 'evolution'
                 else 0)
  if config.steps < first:
    return 1 + individuals  # the last step is scored in any case
  return 1 + -(-(config.steps - first) // every) + individuals


def of_score(config, image):
  """FLOPs of one score.

  Args:
    config: completed.
    image: FLOPs of making an image.

  Returns:
    {'images': of making them, 'network': of the feature network}; 'network' is
    None for a network whose work is not known, 0 without one.
  """
  e = config.eval
  per_image = of_network(e.network) if e.network else 0
  return {'images': float(e.samples * image),
          'network': None if per_image is None else float(
              e.samples * per_image)}


def of_reals(config):
  """FLOPs of the feature network for the real images of all scores, once."""
  e = config.eval
  per_image = of_network(e.network) if e.network else 0
  count = e.reals or build.spec(config).count or 0
  return float(count * (per_image or 0))


@functools.cache
def of_network(name):
  """FLOPs of a feature network for one image; None if they are not known."""
  if name not in _NETWORKS:
    return None
  model, side = _NETWORKS[name]
  image = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
  variables = jax.eval_shape(model.init, jax.random.key(0), image)
  return 2 * sum(macs for _, macs, _ in flops.work(model.apply, variables,
                                                   image))
