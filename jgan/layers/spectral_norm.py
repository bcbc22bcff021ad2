"""Spectral normalisation (Miyato et al., 2018), as in PyTorch's hook."""
import flax.linen as nn
import jax
import jax.numpy as jnp


class SpectralNorm(nn.Module):
  """Divides a kernel by an estimate of its largest singular value.

  The kernel [..., out] is reshaped to a matrix W [out, rest]. Estimates of its
  leading singular vectors u and v are in the collection 'spectral'. A forward
  pass in which that collection is mutable first updates them by one step of
  the power iteration; otherwise they stay fixed. sigma = u' W v, where the
  gradient treats u and v as constants. All products are in full float32, not
  in TF32 or bfloat16.

  v is initialised as the normalised W' u, not as noise. Training is the same,
  because its first power iteration replaces v, and a forward pass before
  training has a sensible scale.
  """
  eps: float = 1e-12

  @nn.compact
  def __call__(self, kernel):
    w = kernel.reshape(-1, kernel.shape[-1]).T
    constant_w = jax.lax.stop_gradient(w)
    u_variable = self.variable('spectral', 'u', lambda: _unit(
        jax.random.normal(self.make_rng('params'), w.shape[:1]), self.eps))
    v_variable = self.variable('spectral', 'v', lambda: _unit(
        _matmul(u_variable.value, constant_w), self.eps))
    u, v = u_variable.value, v_variable.value
    if self.is_mutable_collection('spectral') and not self.is_initializing():
      v = _unit(_matmul(u, constant_w), self.eps)
      u = _unit(_matmul(constant_w, v), self.eps)
      u_variable.value, v_variable.value = u, v
    return kernel / _matmul(u, _matmul(w, v))


def _unit(x, eps):
  return x / jnp.maximum(jnp.linalg.norm(x), eps)


def _matmul(a, b):
  return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
