"""What the parts of jgan hand to each other: state, batch, method, views."""
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.struct
import jax

Batch = dict[str, jax.Array]
"""'image': [critics, b, h, w, c] uint8 or float32 in [-1, 1], and optionally
the noise, 'z': [critics, b, latent] and 'z_gen': [gen_b, latent]."""

Metrics = dict[str, jax.Array]
"""Scalars of one step, already reduced over devices."""


@flax.struct.dataclass
class Network:
  """One trainable network: arrays only.

  Attributes:
    params: the parameters, float32.
    stats: every other collection of the module, by name: batch statistics,
      spectral vectors, architecture logits.
    opt: the optimizer's state.
  """
  params: Any
  stats: Any
  opt: Any = ()


@flax.struct.dataclass
class GanState:
  """The whole of a training run at one step: one pytree of arrays.

  Attributes:
    step: generator steps taken, int32 scalar.
    gen: the generator.
    disc: the discriminator.
    ema: the averaged generator (no optimizer): what is sampled and scored.
    extra: traced values of the method, a dict: 'loss' has the loss's traced
      scalars, 'feedback' what the rules that steer them remember, 'penalties'
      what penalties do, 'augment' what augmentations do.
  """
  step: jax.Array
  gen: Network
  disc: Network
  ema: Network
  extra: Any = flax.struct.field(default_factory=dict)


class Pair(NamedTuple):
  """The same thing for the two players."""
  gen: Any
  disc: Any


class View(NamedTuple):
  """One batch of images and what the discriminator made of it (one shard).

  Attributes:
    image: [b, h, w, c], as the discriminator saw it.
    logits: [b] or [b, d] float32.
    features: the outputs of its blocks, a tuple of [b, h_i, w_i, c_i] or of
      trees of such.
    decoded: pairs (rebuilt, as it should be) of images [b, s, s, c] that a
      self-supervised discriminator made, for real images in its own update.
  """
  image: jax.Array
  logits: jax.Array
  features: tuple = ()
  decoded: tuple = ()


class Play(NamedTuple):
  """All that a penalty may look at in one update of one player.

  Attributes:
    real: View of the real batch (None where nothing asked for it).
    fake: View of the generated batch.
    disc: images -> logits, with the parameters that are being updated (or
      frozen, in the generator's update); it changes no statistics.
    gen: z -> images, likewise; gen(x, method='styles') calls another of the
      generator's methods.
    z: [b, latent], the noise behind `fake`.
    rng: a key of its own for this penalty.
    step: generator step, int32 scalar.
    axis_name: the device axis, None for the whole batch.
    plain: the real images before augmentation.
    seen: plain -> real.image, with the same draws.
  """
  real: View | None
  fake: View
  disc: Callable
  gen: Callable
  z: jax.Array
  rng: jax.Array
  step: jax.Array
  axis_name: str | None = None
  plain: jax.Array | None = None
  seen: Callable = lambda x: x


class Loss(NamedTuple):
  """An objective on the discriminator's outputs for the whole batch.

  Attributes:
    discriminator: (real, fake) -> scalar, each [b] or [b, d].
    generator: (real, fake) -> scalar; `real` is None unless `paired`.
    paired: the generator's loss looks at the real batch too.
    traced: {name: start} of the scalars that both functions take by keyword
      at every call, from the state: a changed one recompiles nothing.
    observe: (real, fake) -> {name: scalar} to log beside the loss, or None.
    draws: both functions take a key, the same on all devices, as `rng`.
  """
  discriminator: Callable
  generator: Callable
  paired: bool = False
  traced: Any = ()  # of pairs, or a dict
  observe: Callable | None = None
  draws: bool = False


class Penalty(NamedTuple):
  """A term of a player's loss that looks at more than D's outputs.

  Attributes:
    discriminator: Play -> scalar mean over this shard, or None.
    generator: the same for the generator's update, or None.
    paired: the generator's term looks at the real batch too.
    traced: {name: start} of scalars that it remembers from one update to the
      next. The functions take them by keyword and return (scalar, {name: new
      value, the same on all devices}).
  """
  discriminator: Callable | None = None
  generator: Callable | None = None
  paired: bool = False
  traced: Any = ()  # of pairs, or a dict


class Augment(NamedTuple):
  """A distortion of what the discriminator sees; None where it has no part.

  Attributes:
    apply: (rng, images [b, h, w, c], memory) -> images, of real and fake ones
      alike, in both players' updates.
    replace: (rng, real, memory) -> real, in the discriminator's update.
    remember: (memory, images made in the generator's update) -> memory.
    update: (memory, mean sign of D on real images, their number) -> memory,
      after each of the discriminator's updates.
    start: memory before the first step, a dict of arrays; it has 'p' where
      there is `update`.
  """
  apply: Callable | None = None
  replace: Callable | None = None
  remember: Callable | None = None
  update: Callable | None = None
  start: Any = None


class Feedback(NamedTuple):
  """A rule on the host that steers a traced scalar by a measured metric.

  Attributes:
    metric: the label of the metric, 'eval/FID'.
    sets: which of the loss's traced scalars.
    memory: what the rule knows before the first score, a dict of scalars.
    update: (memory, score, progress in [0, 1]) -> memory, with the new value
      of the scalar under the name `sets`.
  """
  metric: str
  sets: str
  memory: Any
  update: Callable


class Search(NamedTuple):
  """What a method that searches for an architecture adds to Method.

  Attributes:
    derive: GanState -> the genotype its logits stand for (jgan/genotype.py).
    draw: numpy Generator -> a genotype drawn from the space.
    select: (Network of the generator, genotype) -> the Network in which each
      edge does that genotype's operation and no other.
  """
  derive: Callable
  draw: Callable
  select: Callable


class Turn(NamedTuple):
  """What one step of a run is, of a method with steps of several kinds.

  Attributes:
    name: of the kind, which decides all that follows but `index`.
    critics: batches that it takes, 0 for none.
    share: (low, high) in [0, 1]: which part of the images, in one random
      order for the whole run, they come from.
    index: how many turns have taken from that share before.
    batch: images of one batch, 0 for config.batch; `index` then counts turns
      of such batches.
  """
  name: str
  critics: int
  share: tuple[float, float]
  index: int
  batch: int = 0


class Method(NamedTuple):
  """A way to train: what the loop, or a notebook, knows of it.

  Attributes:
    init: (rng, batch) -> GanState
    step: (state, batch, rng) -> (state, metrics), pure; of a method with
      several kinds of steps {name: such a function}, all with the same metrics
    sample: (ema or gen Network, z) -> images [b, h, w, c] in [-1, 1]
    latent: the width of z
    search: Search, of a method that looks for an architecture
    plan: step number -> Turn, of a method with several kinds of steps
    spans: Pair of lists of optim.pruning.Span, of a method that makes masks:
      what the host knows of them
  """
  init: Callable
  step: Any
  sample: Callable
  latent: int
  search: Search | None = None
  plan: Callable | None = None
  spans: Pair | None = None


class ImageSpec(NamedTuple):
  """What is known of a data set without reading it.

  Attributes:
    shape: (height, width, channels) of one image.
    count: number of images, None where only the files can tell.
    dtype: 'uint8', or 'float32' for what is not stored in 256 levels.
  """
  shape: tuple[int, int, int]
  count: int | None = None
  dtype: str = 'uint8'
