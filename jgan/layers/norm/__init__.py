"""Normalisations behind one call: norm(...)(x, train).

x is [b, h, w, c] or [b, c]. Statistics are float32 whatever the input. The two
maps of an octave (jgan/ops/octave.py) are normalised each by itself, with
scales and statistics of its own.

One file is one normalisation: a file NAME.py has NAME, usually a class that
extends Norm (_norm.py), and a config finds it by that name. Those that models
name as their defaults are imported here.
"""
from jgan.layers.norm._norm import Norm, wants_bias
from jgan.layers.norm.batch import batch
from jgan.layers.norm.instance import instance
from jgan.layers.norm.layer import layer
from jgan.layers.norm.local_batch import local_batch
from jgan.layers.norm.none import none

__all__ = ['Norm', 'batch', 'instance', 'layer', 'local_batch', 'none',
           'wants_bias']
