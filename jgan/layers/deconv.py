"""Transposed convolutions in NHWC layout, by their names in a config."""
import functools

from jgan.layers.conv import ConvTranspose
from jgan.layers.octave import OctaveConvTranspose

__all__ = ['octave', 'plain']

plain = ConvTranspose
octave = functools.partial(OctaveConvTranspose, plain)
