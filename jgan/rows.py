"""The images of a data set on devices, with their labels."""
import flax.struct
import jax


class Rows(flax.struct.PyTreeNode):
  """Images on devices as rows: images[indices] are [..., h, w, c].

  A TPU pads the last two axes of an array to tiles, [n, h, w, c] to many times
  its size, and rows hardly.

  Attributes:
    rows: [n, h * w * c], or [devices, n, h * w * c] if each device has images
      of its own. Then each takes its part of the last axis of the indices, and
      they count within its images.
    shape: (h, w, c).
    labels: [n] int32, or [devices, n]; None if the images have none.
  """
  rows: jax.Array
  shape: tuple = flax.struct.field(pytree_node=False)
  labels: jax.Array | None = None

  @property
  def apart(self):
    """Whether each device has images of its own."""
    return self.rows.ndim == 3

  def __getitem__(self, indices):
    return self._of(self.rows, indices).reshape(*indices.shape, *self.shape)

  def batch(self, indices):
    """The Batch of some images: they, and their labels if they have some."""
    batch = {'image': self[indices]}
    if self.labels is not None:
      batch['label'] = self._of(self.labels, indices).reshape(indices.shape)
    return batch

  def _of(self, x, indices):
    """What x, [n, ...] or [devices, n, ...], has for the indices."""
    if not self.apart:
      return x[indices]
    *lead, b = indices.shape
    apart = indices.reshape(*lead, len(x), b // len(x))
    return jax.vmap(lambda x, i: x[i], (0, len(lead)), len(lead))(x, apart)
