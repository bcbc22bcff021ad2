"""Convolutions beside XLA's own: values, derivatives, and what is chosen."""
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.ops import conv, flops, minimal
from jgan.ops.conv import Window

RNG = np.random.default_rng(0)
SAME = ((1, 1),) * 2


@pytest.fixture(autouse=True)
def small_ones_too(monkeypatch):
  """Shapes are tiny here, and are to be computed as large ones are."""
  monkeypatch.setattr(conv, 'SMALL', 1)


def drawn(*shape, dtype=jnp.float32):
  return jnp.asarray(RNG.normal(size=shape), dtype)


def native(x, kernel, window):
  return jax.lax.conv_general_dilated(
      x, kernel, window.stride, window.padding, rhs_dilation=window.dilation,
      feature_group_count=window.groups,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def agree(found, expected, tolerance=1e-5):
  def close(a, b):
    assert a.dtype == b.dtype
    np.testing.assert_allclose(np.float32(a), np.float32(b),
                               atol=tolerance * np.abs(np.float32(b)).max())
  jax.tree.map(close, found, expected)


# Shape of x, of the kernel, Window.
CASES = {
    'minimal': ((1, 4, 6, 32), (3, 3, 32, 32), Window(padding=SAME)),
    'minimal, odd, unpadded': ((1, 7, 8, 32), (3, 3, 32, 33), Window()),
    'minimal, 5 x 5': ((1, 5, 6, 64), (5, 5, 64, 65), Window(
        padding=((2, 2), (1, 3)))),
    'minimal, dilated': ((1, 8, 9, 32), (3, 3, 32, 33), Window(
        (1, 1), ((2, 2), (2, 1)), (2, 2))),
    'minimal, 5 x 5, dilated': ((1, 9, 8, 64), (5, 5, 64, 64), Window(
        (1, 1), ((4, 4), (5, 4)), (2, 2))),
    'minimal, strided': ((1, 8, 12, 16), (4, 4, 16, 65), Window((2, 2), SAME)),
    'minimal, strided, many': ((1, 8, 8, 64), (4, 4, 64, 256), Window(
        (2, 2), SAME)),
    'minimal, strided, odd': ((1, 11, 8, 16), (4, 2, 16, 64), Window(
        (2, 1), ((0, 1), (1, -1)))),
    'thin': ((2, 3, 5, 8), (3, 3, 8, 1), Window(padding=SAME)),
    'thin input': ((2, 5, 4, 1), (5, 3, 1, 8), Window(
        padding=((2, 2), (1, 1)))),
    'thin, uneven padding': ((1, 4, 4, 16), (2, 3, 16, 2),
                             Window(padding=((1, 0), (2, -1)))),
    'few': ((2, 4, 4, 3), (3, 3, 3, 5), Window(padding=SAME)),
    'strided': ((2, 6, 8, 3), (4, 4, 3, 5), Window((2, 2), SAME)),
    'strided, odd': ((1, 5, 7, 3), (3, 3, 3, 2), Window((2, 2), SAME)),
    'strided beyond its taps': ((1, 7, 5, 2), (2, 1, 2, 3), Window((3, 2))),
    'dilated': ((1, 6, 6, 3), (3, 3, 3, 2), Window((1, 1), ((2, 2),) * 2,
                                                   (2, 2))),
    'dilated, strided': ((1, 7, 7, 2), (3, 3, 2, 2), Window(
        (2, 2), ((2, 2),) * 2, (2, 2))),
    'groups': ((2, 4, 4, 4), (3, 3, 2, 6), Window((1, 1), SAME, (1, 1), 2)),
    'rows alone': ((1, 6, 4, 4), (3, 1, 1, 4), Window(
        (2, 1), ((1, 1), (0, 0)), (1, 1), 4)),
}


def all_of(convolve, x, kernel, window):
  """Values, gradients, and the second ones in reverse, as a penalty has them.
  """
  loss = lambda x, k: jnp.tanh(convolve(x, k, window) / 8).sum()
  slopes = jax.grad(loss, (0, 1))
  return convolve(x, kernel, window), slopes(x, kernel), jax.grad(
      lambda *a: sum((s**2).sum() for s in slopes(*a)), (0, 1))(x, kernel)


@pytest.mark.parametrize('name', CASES)
def test_values_and_all_derivatives_are_those_of_xlas_convolution(name):
  x, kernel, window = CASES[name]
  x, kernel = drawn(*x), drawn(*kernel)
  agree(*jax.jit(lambda: [all_of(convolve, x, kernel, window)
                          for convolve in (conv.convolve, native)])(),
        tolerance=3e-5 if x.size * kernel.size > 1e8 else 1e-5)


def test_a_batch_that_no_cache_holds_is_taken_in_parts_with_the_same_result(
    monkeypatch):
  """2 of 6 images at a time, and 1 for the gradient of the kernel."""
  monkeypatch.setattr(conv, 'CACHE', 2 * minimal.written((3, 3), (4, 6), 64))
  x, kernel, window = drawn(6, 4, 6, 64), drawn(3, 3, 64, 64), Window(
      padding=SAME)
  text = jax.jit(jax.grad(lambda x, k: jnp.sin(conv.convolve(
      x, k, window)).sum(), (0, 1))).lower(x, kernel).as_text()
  assert text.count('stablehlo.while') == 3
  agree(*jax.jit(lambda: [all_of(convolve, x, kernel, window)
                          for convolve in (conv.convolve, native)])())


@pytest.mark.parametrize('taps, batch, side, c, d, forward, gradient', [
    (3, 16, 32, 64, 64, 16, 8), (3, 64, 32, 64, 64, 16, 8),
    (3, 16, 64, 32, 32, 0, 4), (3, 8, 64, 64, 128, 2, 2),
    (3, 16, 32, 128, 128, 8, 4), (3, 13, 64, 64, 64, 1, 1),
    (3, 64, 16, 32, 32, 64, 64), (3, 4, 128, 64, 64, 0, 0),
    (3, 16, 32, 16, 64, 0, 0), (5, 16, 32, 64, 64, 16, 8),
    (5, 4, 32, 256, 256, 4, 2), (5, 16, 32, 32, 32, 0, 16),
    (4, 16, 32, 64, 64, 0, 0)])
def test_as_many_images_are_taken_at_a_time_as_stay_in_a_cache(
    taps, batch, side, c, d, forward, gradient):
  """0: none, where it is slower than XLA's."""
  assert [conv._minimal(what, (taps,) * 2, batch, (side, side), Window(), c, d)
          for what in ('convolve', 'correlate')] == [forward, gradient]


def test_a_dilated_kernel_has_several_small_maps_of_every_image():
  images = lambda size, window: conv._minimal(
      'convolve', (3, 3), 2, size, window, 64, 64)
  dilated = Window(dilation=(2, 2))
  assert images((8, 9), dilated) == 8
  assert images((6, 9), dilated) == 0  # maps of 3 rows
  assert images((8, 9), Window((2, 2))) == 0  # 3 is no multiple of 2


@pytest.mark.parametrize('taps, dilation', [(5, 1), (3, 2)])
def test_a_brief_program_has_xlas_own_also_in_gradients(taps, dilation):
  pad = dilation * (taps // 2)
  window = Window((1, 1), ((pad, pad),) * 2, (dilation,) * 2, brief=True)
  x, kernel = drawn(1, 8, 8, 64), drawn(taps, taps, 64, 64)
  loss = lambda x, k: jnp.sin(conv.convolve(x, k, window)).sum()
  text = jax.jit(jax.grad(loss, (0, 1))).lower(x, kernel).as_text()
  assert text.count('stablehlo.convolution') == 3


def test_with_a_stride_every_other_pixel_is_a_channel_of_its_own():
  chosen = lambda what, c, d, side: conv._minimal(
      what, (4, 4), 16, (side, side), Window((2, 2)), c, d)
  assert chosen('convolve', 64, 256, 8) and not chosen('convolve', 32, 256, 8)
  assert chosen('transpose', 16, 64, 16) and not chosen('transpose', 8, 64, 16)
  assert chosen('correlate', 16, 64, 8) and not chosen('correlate', 3, 64, 8)


@pytest.mark.parametrize('axes', [(0, 0), (1, None), (None, 3)])
def test_it_can_be_mapped_and_differentiated_forward(axes):
  window = Window((2, 2), SAME)
  shapes = [(2, 4, 4, 3), (4, 4, 3, 2)]
  x, kernel = (drawn(*shape) if axis is None else
               drawn(*shape[:axis], 3, *shape[axis:])
               for shape, axis in zip(shapes, axes))

  def mapped(convolve):
    loss = lambda x, k: jnp.sin(convolve(x, k, window)).sum()
    slopes = jax.grad(loss, (0, 1))
    curve = lambda x, k: jax.jvp(slopes, (x, k), (x, k))
    return jax.vmap(curve, axes)(x, kernel)

  agree(*jax.jit(lambda: (mapped(conv.convolve), mapped(native)))())


def test_with_one_kernel_for_all_a_mapped_axis_is_a_larger_batch():
  x, kernel = drawn(3, 2, 4, 4, 3), drawn(3, 3, 3, 2)
  jaxpr = jax.make_jaxpr(jax.vmap(
      lambda x: conv.convolve(x, kernel, Window())))(x)
  call, = (eqn for eqn in jaxpr.eqns if eqn.primitive.name == 'convolve')
  assert call.invars[0].aval.shape == (6, 4, 4, 3)
  assert call.params['window'].groups == 1


def test_bfloat16_is_rounded_once():
  x, kernel = (drawn(1, 4, 4, 32, dtype=jnp.bfloat16),
               drawn(3, 3, 32, 32, dtype=jnp.bfloat16))
  window = Window(padding=SAME)
  loss = lambda x, k: conv.convolve(x, k, window).astype(jnp.float32).sum()
  out, grads = jax.jit(lambda: (conv.convolve(x, kernel, window),
                                jax.grad(loss, (0, 1))(x, kernel)))()
  exact = native(x.astype(jnp.float32), kernel.astype(jnp.float32), window)
  assert {out.dtype, *(g.dtype for g in grads)} == {jnp.dtype('bfloat16')}
  agree(out.astype(jnp.float32), exact, tolerance=2**-8)


def test_a_program_for_any_batch_can_be_exported():
  """In which what is written, and so what is fastest, is not known."""
  b, = jax.export.symbolic_shape('b')
  for channels in (32, 1):
    kernel = drawn(3, 3, 32, channels)
    program = jax.export.export(jax.jit(
        lambda x, kernel=kernel: conv.convolve(x, kernel, Window())))(
            jax.ShapeDtypeStruct((b, 6, 6, 32), jnp.float32))
    x = drawn(2, 6, 6, 32)
    agree(program.call(x), native(x, kernel, Window()))


def test_it_works_outside_jit_and_with_maps_smaller_than_the_kernel():
  x, kernel = drawn(2, 1, 4, 3), drawn(3, 3, 3, 2)
  with jax.disable_jit():
    assert conv.convolve(x, kernel, Window()).shape == (2, 0, 2, 2)


@pytest.mark.parametrize('platform', ['cpu', 'cuda', 'tpu'])
def test_it_is_xlas_convolution_on_accelerators(platform):
  loss = lambda x, k: jnp.sin(conv.convolve(x, k, Window(padding=SAME))).sum()
  text = jax.jit(jax.grad(loss, (0, 1))).trace(
      drawn(1, 4, 4, 32), drawn(3, 3, 32, 32)).lower(
          lowering_platforms=(platform,)).as_text()
  assert text.count('stablehlo.convolution') == (0 if platform == 'cpu' else 3)
  assert ('stablehlo.dot_general' in text) == (platform == 'cpu')


def test_a_small_one_is_xlas_which_compiles_sooner(monkeypatch):
  monkeypatch.undo()
  text = jax.jit(lambda x, k: conv.convolve(x, k, Window(padding=SAME))).lower(
      drawn(1, 4, 4, 32), drawn(3, 3, 32, 32)).as_text()
  assert 'stablehlo.convolution' in text


@pytest.mark.parametrize('images', [8, 2])
def test_on_a_mesh_of_eight_devices_it_is_the_same(images, monkeypatch):
  """Also where the parts of a batch are those of several devices."""
  each = minimal.written((3, 3), (4, 4), 64)
  monkeypatch.setattr(conv, 'CACHE', images * each)
  mesh = jax.make_mesh((8,), ('b',), axis_types=(jax.sharding.AxisType.Auto,))
  split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('b'))
  x, kernel = drawn(8, 4, 4, 64), drawn(3, 3, 64, 64)

  def loss(x, kernel):
    """With recomputation, in a loop."""
    layer = jax.checkpoint(
        lambda x: jnp.tanh(conv.convolve(x, kernel, Window(padding=SAME)) / 16))
    return jax.lax.scan(lambda x, _: (layer(x), None), x, length=2)[0].sum()

  slopes = jax.jit(jax.grad(loss, (0, 1)))
  spread = jax.device_put(x, split)
  agree(slopes(spread, kernel), slopes(x, kernel))


def test_a_product_with_a_zero_between_inputs_is_not_counted():
  """A 4 x 4 transposed convolution of stride 2: forward and both gradients."""
  window = Window((2, 2), SAME)
  y, kernel = drawn(2, 3, 3, 5), drawn(4, 4, 4, 5)
  loss = lambda y, k: jnp.sin(conv.transpose(y, k, window, (6, 6))).sum()
  found = flops.work(jax.grad(loss, (0, 1)), y, kernel)
  assert [macs for _, macs, _ in found] == [2 * 9 * 16 * 4 * 5] * 3
