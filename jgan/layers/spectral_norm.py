"""Spectral normalisation (Miyato et al., 2018), as in PyTorch's hook."""
import flax.linen as nn
import jax
import jax.numpy as jnp


class SpectralNorm(nn.Module):
  """Divides a kernel by an estimate of its largest singular value.

  The kernel [..., out] is a matrix W' [rest, out] as it is. Estimates of the
  leading singular vectors u and v of W are in the collection 'spectral'. A
  forward pass in which that collection is mutable first updates them by one
  step of the power iteration; otherwise they stay fixed. sigma = u' W v, where
  the gradient treats u and v as constants. All products are in full float32,
  not in TF32 or bfloat16. A kernel of zeros stays one, where PyTorch has NaN.

  v is initialised as the normalised W' u, not as noise. Training is the same,
  because its first power iteration replaces v, and a forward pass before
  training has a sensible scale.
  """
  eps: float = 1e-12

  @nn.compact
  def __call__(self, kernel):
    w_t = kernel.reshape(-1, kernel.shape[-1])  # not transposed: slow on CPUs
    constant = jax.lax.stop_gradient(w_t)
    u_variable = self.variable('spectral', 'u', lambda: _unit(
        jax.random.normal(self.make_rng('params'), w_t.shape[1:]), self.eps))
    v_variable = self.variable('spectral', 'v', lambda: _unit(
        _matmul(constant, u_variable.value), self.eps))
    u, v = u_variable.value, v_variable.value
    if self.is_mutable_collection('spectral') and not self.is_initializing():
      v = _unit(_matmul(constant, u), self.eps)
      # Of a kernel that was pruned to zeros u stays, for when it grows back.
      u = jnp.where(jnp.any(v), _unit(_matmul(v, constant), self.eps), u)
      u_variable.value, v_variable.value = u, v
    sigma = _matmul(_matmul(v, w_t), u)
    return kernel / jnp.where(sigma == 0., 1., sigma)


def _unit(x, eps):
  return x / jnp.maximum(jnp.linalg.norm(x), eps)


def _matmul(a, b):
  return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
