"""ReLU: max(x, 0)."""
import jax

from jgan.ops.octave import each

relu = each(jax.nn.relu)
