"""Truncation and style mixing, for generators with styles.

A generator with styles has the methods `styles` (z [b, latent] -> one style
for each layer, [b, layers, latent]) and `synthesise` (styles -> images), as
models/stylegan2.py.
"""
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np

from jgan import build, forward
from jgan.errors import UserError
from jgan.layers import latent_noise
from jgan.score import samples

COUNT = 10000
"""Styles whose mean is taken, as in the published StyleGAN2 code."""
_SEED = 0
_BATCH = 500
# The layers of StyleGAN's figure of mixed styles: 4 to 8, 16 to 32 pixels, and
# all above.
NAMED = {'coarse': (0, 4), 'middle': (4, 8), 'fine': (8, None)}


class Styles:
  """The styles of one config's generator."""

  def __init__(self, config, flag):
    """Builds the generator.

    Args:
      config: completed.
      flag: what asks for styles, for the message.

    Raises:
      UserError: the generator has no styles.
    """
    self._model = build.models(config, build.spec(config).shape).gen
    if not (hasattr(self._model, 'styles')
            and hasattr(self._model, 'synthesise')):
      raise UserError(f"--{flag} is of styles, and the generator "
                      f"'{config.generator.name}' has none; stylegan2 has")
    z = jax.ShapeDtypeStruct((1, self._model.latent), jnp.float32)
    self.layers = jax.eval_shape(
        self._apply, build.abstract(config, build.method(config)).ema,
        *forward.inputs(self._model, z)).shape[1]

  def _apply(self, net, z, *labels):
    """z [b, latent], labels [b] -> styles [b, layers, latent]."""
    return self._model.apply({'params': net.params, **net.stats}, z, False,
                             *labels, method='styles')

  @functools.cached_property
  def _means(self):
    classes = getattr(self._model, 'classes', 0)

    def mean(net, start):
      z = samples.noise(_SEED, start, _BATCH, self._model.latent)
      labels = ((start + jnp.arange(_BATCH)) % classes,) if classes else ()
      return self._apply(net, z, *labels).mean(0)

    return jax.jit(mean)

  def average(self, net):
    """The mean style of each layer over `COUNT` latents: [layers, latent].

    All classes are as frequent in them.

    Training keeps no average of styles; this one is of the weights as they
    are.
    """
    starts = range(0, COUNT, _BATCH)
    return sum(self._means(net, start) for start in starts) / len(starts)

  def sampled(self, net, *, truncation=1., mixed=None):
    """The function (net, z, labels) -> images [b, h, w, c] of changed styles.

    Args:
      net: Network, whose average is taken for truncation.
      truncation: psi; styles are at psi times their distance to the average.
      mixed: (first, end) of layers that have the styles of a second latent: z
        is then [b, 2 latent]. None: no mixing.
    """
    centre = None if truncation == 1. else np.asarray(self.average(net))

    def images(net, z, *labels):
      first, second = (jnp.split(z, 2, 1) if mixed else (z, None))
      styles = self._apply(net, first, *labels)
      if mixed:
        layer = jnp.arange(self.layers)[:, None]
        styles = jnp.where((layer >= mixed[0]) & (layer < mixed[1]),
                           self._apply(net, second, *labels), styles)
      if centre is not None:
        styles = centre + truncation * (styles - centre)
      keys = (None if getattr(self._model, 'stored_noise', False)
              else latent_noise.keys(first))
      return self._model.apply({'params': net.params, **net.stats}, styles,
                               False, keys, method='synthesise')
    return images

  def range(self, text):
    """The layers that --mixing names: (first, end).

    text: 'coarse', 'middle' or 'fine', or FROM:TO without TO.

    Raises:
      UserError: neither, or layers that this generator does not have.
    """
    match = re.fullmatch(r'(\d*):(\d*)', text)
    if text in NAMED:
      first, end = NAMED[text]
    elif match and text != ':':
      first, end = int(match[1] or 0), int(match[2]) if match[2] else None
    else:
      raise UserError(f'--mixing={text}: {", ".join(NAMED)} or layers FROM:TO, '
                      'as 0:4, would be right')
    end = self.layers if end is None else end
    if text in NAMED:
      end = min(end, self.layers)
    if (first, end) == (0, self.layers):
      raise UserError(f'--mixing={text} is of all {self.layers} layers of this '
                      'generator, so images would be those above: fewer, as '
                      f'0:{max(self.layers // 2, 1)}, would be right')
    if not first < end <= self.layers:
      raise UserError(f'--mixing={text} is of layers {first} to {end - 1}, and '
                      f'this generator has layers 0 to {self.layers - 1}')
    return first, end
