"""Factors fit the kernel: as the decompositions of compress/forms make them."""


def refit(kind, kernel, factors, seen):
  """The factors, as they are; arguments as in fits/outputs.py."""
  del kind, kernel, seen
  return factors
