"""jgan: generative adversarial networks in JAX and Flax, as pure functions.

Importing jgan changes no global state: no backend, no flags, no 64-bit mode.
"""
__version__ = '0.1.0'
