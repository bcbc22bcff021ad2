"""Swish (Ramachandran et al., 2017): x sigmoid(x)."""
import jax

from jgan.ops.octave import each

swish = each(jax.nn.swish)
