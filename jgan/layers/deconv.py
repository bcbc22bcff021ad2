"""Transposed convolutions in NHWC, by the names that a config gives them."""
import functools

from jgan.layers.conv import ConvTranspose
from jgan.layers.octave import OctaveConvTranspose

__all__ = ['octave', 'plain']

plain = ConvTranspose
octave = functools.partial(OctaveConvTranspose, plain)
