"""How near two float32 programs come that sum the same terms in another order.

Rounding errors follow from the size of the terms of a sum, not from that of
the sum, which may be near zero: an array is compared relative to its largest
entry. How large errors are differs from processor to processor, so a limit
leaves ten times what was seen with SSE, AVX2 and AVX-512 (the flag
--xla_cpu_max_isa of XLA).
"""
import jax
import numpy as np


def assert_same_but_rounding(tree, other, *, relative=2e-4, absolute=2e-5):
  """Compares two trees of arrays, of the same structure.

  Args:
    tree, other: as results of a few training steps.
    relative: allowed difference, of the largest entry of an array.
    absolute: the same, for arrays that are all but zero.
  """
  named, structure = jax.tree_util.tree_flatten_with_path(tree)
  assert structure == jax.tree.structure(other)
  for (path, a), b in zip(named, jax.tree.leaves(other), strict=True):
    a, b = np.asarray(a), np.asarray(b)
    largest = np.abs(b).max(initial=0.) if b.dtype.kind == 'f' else 0.
    np.testing.assert_allclose(
        a, b, rtol=0, atol=absolute + relative * largest,
        err_msg=jax.tree_util.keystr(path))


def assert_replicated(tree):
  """All devices hold the same bits of every array."""
  for path, x in jax.tree_util.tree_flatten_with_path(tree)[0]:
    shards = [np.asarray(s.data) for s in x.addressable_shards]
    assert len(shards) == jax.device_count(), path
    assert all(np.array_equal(shards[0], s) for s in shards), path
