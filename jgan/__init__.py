"""jgan: generative adversarial networks in JAX and Flax, as pure functions.

Importing jgan changes no global state: no backend, no flags, no 64-bit mode.
"""
__version__ = '0.1.0'


def load(path, **which):
  """A trained generator, from a file of weights or the folder of a run.

    g = jgan.load('g.safetensors')
    g.sample(0, n=16)   # images of a seed, [16, h, w, c] uint8
    g.sample(z)         # of latent vectors [n, g.latent]
    g.config, g.params  # what it was trained with, and its arrays

  Args:
    path: FILE.safetensors or FILE.npz of --mode=export, or a run's folder.
    which: as of jgan.trained.load: config, step, best, online.

  Raises:
    UserError: there is no such file or run, it is damaged, is of a newer jgan,
      or does not fit its config.
  """
  from jgan import trained
  return trained.load(path, **which)
