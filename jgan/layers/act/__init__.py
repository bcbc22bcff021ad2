"""Activations of a map, or of an octave's two (jgan/ops/octave.py).

One file is one activation: a file NAME.py has the function NAME, and a config
finds it by that name. Those that models name as their defaults are imported
here.
"""
from jgan.layers.act.leaky_relu import leaky_relu
from jgan.layers.act.leaky_relu_tenth import leaky_relu_tenth
from jgan.layers.act.relu import relu
from jgan.layers.act.swish import swish
from jgan.layers.act.tanh import tanh

__all__ = ['leaky_relu', 'leaky_relu_tenth', 'relu', 'swish', 'tanh']
