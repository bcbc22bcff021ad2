"""The arguments of a dispatch as shapes: to compile it before there is data.

They may be for devices that are not here, as those of
jax.experimental.topologies: `parallel.lower_call` needs no more than shapes.
"""
import math

import jax
import numpy as np

from jgan import build
from jgan.rows import Rows
from jgan.run import parallel


def arguments(config, method, where, turn, length, images, *, resident):
  """The arguments of `parallel.advance`, as parallel.lower_call takes them.

  Args:
    config: completed.
    method: Method, made with where.axis_name.
    where: parallel.Layout of one process.
    turn: Turn of all steps in the dispatch.
    length: number of steps in the dispatch.
    images: the shape and type of the whole data set.
    resident: whether it is on the devices, as in `feeding.fed`.

  Returns:
    (state, health, data, x, seed), of jax.ShapeDtypeStruct.
  """
  everywhere = lambda tree: jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype,
                                     sharding=where.replicated), tree)
  tail, dtype = (((), np.int32) if resident else
                 (images.shape[1:], images.dtype))
  batch = turn.batch or config.batch
  x = parallel.abstract_feed((length, turn.critics, batch, *tail), dtype,
                             where)
  health = jax.eval_shape(parallel.healthy)
  count, *shape = images.shape
  rows = jax.ShapeDtypeStruct((count, math.prod(shape)), images.dtype)
  labelled = bool(config.data.labels)
  if labelled and not resident:
    x = {'image': x, 'label': parallel.abstract_feed(
        (length, turn.critics, batch), np.int32, where)}
  labels = jax.ShapeDtypeStruct((count,), np.int32) if labelled else None
  data = (Rows(everywhere(rows), tuple(shape), everywhere(labels))
          if resident else None)
  return (everywhere(build.abstract(config, method)), everywhere(health), data,
          x, everywhere(jax.ShapeDtypeStruct((), np.uint32)))
