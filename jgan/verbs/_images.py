"""Images that a report makes of trained generators, for comparison."""
from typing import Any, NamedTuple

import jax
import numpy as np

from jgan import build
from jgan.metrics import memorisation
from jgan.score import networks, samples

_COUNT = 36       # images of each generator
_ROWS, _COLUMNS = 3, 8  # interpolations, and images in each
_between = jax.jit(samples.interpolation, static_argnums=(1, 2, 3))
_FAKES, _NEAREST, _REALS = 8, 7, 10000  # nearest neighbours


class Images(NamedTuple):
  """Images of one run's generator.

  Attributes:
    samples: [n, h, w, c], of the same noise for all runs of one width of it.
    latent: that width.
    between: [rows * columns, h, w, c], interpolations row by row; None of
      points.
    columns: of these.
    nearest: [m, 1 + k, h, w, c], generated images, each followed by the real
      ones nearest to it; None if they were not asked for.
  """
  samples: Any
  latent: int
  between: Any
  columns: int
  nearest: Any = None


def of_runs(runs, data_dir='', *, neighbours=False):
  """Makes the images of some runs: {name: Images}.

  Args:
    runs: a list of _compared.Run with their networks.
    data_dir: folder of the real images, for neighbours.
    neighbours: find the real images nearest to some generated ones too, by
      their pixels.
  """
  made = {}
  for run in runs:
    sampler = networks.sampler_of(run.config, run.method,
                                  most=max(_COUNT, _ROWS * _COLUMNS))
    images = sampler.array(run.net, _COUNT, 0)
    between = nearest = None
    if images.shape[1:3] != (1, 1):
      z = _between(0, _ROWS, _COLUMNS, sampler.latent)
      count = run.method.classes
      told = np.repeat(np.arange(_ROWS) % count, _COLUMNS) if count else None
      between = samples.joined(sampler.of(run.net, z, told), len(z))
      if neighbours:
        source = build.source(run.config, data_dir)
        reals = samples.reals(source, _REALS, run.config.seed)
        fakes = images[:_FAKES]
        indices, _ = memorisation.neighbours(
            reals, fakes, k=min(_NEAREST, len(reals)))
        nearest = np.concatenate([fakes[:, None], reals[indices]], axis=1)
    made[run.name] = Images(images, sampler.latent, between, _COLUMNS, nearest)
  return made
