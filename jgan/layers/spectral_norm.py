"""Spectral normalisation (Miyato et al., 2018) as PyTorch's hook does it."""
import flax.linen as nn
import jax
import jax.numpy as jnp


class SpectralNorm(nn.Module):
  """Divides a kernel by an estimate of its largest singular value.

  The kernel [..., out] is seen as a matrix W [out, rest]. Its singular
  vectors u and v live in the collection 'spectral'. A forward in which that
  collection is mutable makes one step of the power iteration first; any other
  uses the vectors as they are. The gradient sees them as constants:
  sigma = u' W v. All of it is float32, and not in TF32 or bfloat16 passes.

  v starts as W' u and not as noise: training is the same, for its first
  iteration replaces v, and a forward before it is well scaled.
  """
  eps: float = 1e-12

  @nn.compact
  def __call__(self, kernel):
    w = kernel.reshape(-1, kernel.shape[-1]).T
    fixed = jax.lax.stop_gradient(w)
    left = self.variable('spectral', 'u', lambda: _unit(
        jax.random.normal(self.make_rng('params'), w.shape[:1]), self.eps))
    right = self.variable('spectral', 'v', lambda: _unit(
        _times(left.value, fixed), self.eps))
    u, v = left.value, right.value
    if self.is_mutable_collection('spectral') and not self.is_initializing():
      v = _unit(_times(u, fixed), self.eps)
      u = _unit(_times(fixed, v), self.eps)
      left.value, right.value = u, v
    return kernel / _times(u, _times(w, v))


def _unit(x, eps):
  return x / jnp.maximum(jnp.linalg.norm(x), eps)


def _times(a, b):
  return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
