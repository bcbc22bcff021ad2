"""The arguments of a dispatch as shapes are those of the loop."""
import jax
import pytest

from jgan import batches, build
from jgan import config as configs
from jgan.run import ahead, feeding, parallel


@pytest.mark.parametrize('kind', ['one', 'pmap', 'jit'])
@pytest.mark.parametrize('placement', ['device', 'stream'])
def test_shapes_are_those_that_the_loop_feeds(tiny, kind, placement):
  c = tiny
  c.devices = 1 if kind == 'one' else 8
  c.parallel = 'pmap' if kind == 'one' else kind
  c.critics, c.pipeline.placement = 2, placement
  c = configs.complete(c)
  where = parallel.layout(c)
  method = build.method(c, axis_name=where.axis_name)
  source = batches.as_array(build.source(c, ''))[:64]
  plan = build.plan(c, method)
  with feeding.fed(c, plan, source, where, 0, 2) as (data, feed):
    (_, length, _), x = next(feed)
  _, _, *shapes, _ = ahead.arguments(
      c, method, where, plan(0), length,
      jax.ShapeDtypeStruct(source.shape, source.dtype),
      resident=placement == 'device')
  form = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)
  assert form((data, x)) == form(tuple(shapes))
  if kind != 'one':
    assert x.sharding.is_equivalent_to(shapes[1].sharding, x.ndim)
