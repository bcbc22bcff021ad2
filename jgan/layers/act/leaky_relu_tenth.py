"""Leaky ReLU of slope .1."""
from jgan.layers.act.leaky_relu import leaky_relu


def leaky_relu_tenth(x):
  """Leaky ReLU of slope .1, as in SN-GAN's convolutional networks."""
  return leaky_relu(x, .1)
