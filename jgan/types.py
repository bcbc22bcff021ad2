"""Types that the parts of jgan exchange: states, batches, methods, views."""
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.struct
import jax

Batch = dict[str, jax.Array]
"""'image': [critics, b, h, w, c] uint8 or float32 in [-1, 1], and optionally
the noise, 'z': [critics, b, latent] and 'z_gen': [gen_b, latent]. With classes
also 'label': [critics, b] int32, those of the images."""


@flax.struct.dataclass
class Network:
  """One trainable network: arrays only.

  Attributes:
    params: the parameters, float32.
    stats: all other variable collections of the module, by name: batch
      statistics, vectors of spectral normalization, architecture parameters.
    opt: the optimizer's state.
  """
  params: Any
  stats: Any
  opt: Any = ()


@flax.struct.dataclass
class GanState:
  """The complete state of training at one step, a pytree of arrays.

  Attributes:
    step: generator steps taken, int32 scalar.
    gen: the generator.
    disc: the discriminator.
    ema: the averaged generator (no optimizer), used for samples and scores.
    extra: further values that change in training, a dict: 'loss' has traced
      scalars of the loss; 'feedback', 'penalties' and 'augment' have the
      memories of feedback rules, penalties and augmentations by name,
      'evolution' has the population of such a search, 'past' the last
      updates of both players (methods/extragradient.py).
  """
  step: jax.Array
  gen: Network
  disc: Network
  ema: Network
  extra: Any = flax.struct.field(default_factory=dict)


class Pair(NamedTuple):
  """A value for each of the two players."""
  gen: Any
  disc: Any


class Labels(NamedTuple):
  """The classes of the images of an update, [b] int32; None without classes.

  Attributes:
    real: of the real images.
    fake: of the generated ones.
    held_out: of images that are not trained on, for probes.
  """
  real: jax.Array | None = None
  fake: jax.Array | None = None
  held_out: jax.Array | None = None


NO_LABELS = Labels()
"""Those of images without classes."""


class View(NamedTuple):
  """One batch of images and the discriminator's outputs on it (one shard).

  Attributes:
    image: [b, h, w, c], the discriminator's input, after augmentation.
    logits: [b] or [b, d] float32.
    features: outputs of the discriminator's blocks, a tuple of arrays
      [b, h_i, w_i, c_i] or of pytrees of them.
    decoded: pairs (reconstruction, target) of images [b, s, s, c] of a
      self-supervised discriminator, for real images in its own update.
    labels: [b] int32, what D was told of the images' classes; None without.
    means: means [c] over the whole batch of what comes to layers of the norm
      `chain`.
  """
  image: jax.Array
  logits: jax.Array
  features: tuple = ()
  decoded: tuple = ()
  labels: jax.Array | None = None
  means: tuple = ()


class Play(NamedTuple):
  """The inputs of a penalty in one update of one player.

  Attributes:
    real: View of the real batch; None in a generator update that is not
      paired.
    fake: View of the generated batch.
    disc: images -> logits, with classes (images, labels) -> logits, as by
      `verdict`. Its parameters are the ones being differentiated in the
      discriminator's update, and constant in the generator's; its statistics
      do not change.
    gen: z -> images, with classes (z, labels) -> images, with the roles of the
      updates exchanged; gen(x, method='styles') calls another method of the
      generator.
    z: [b, latent], the noise of `fake`.
    rng: a key for this penalty only.
    step: generator step, int32 scalar.
    axis_name: the device axis, None for the whole batch.
    plain: the real images before augmentation; None like `real`.
    seen: plain -> real.image, the augmentation with the same random draws.
    before: () -> Views (real, fake) of the same images by the discriminator as
      it was before its last update; None unless the generator's update has the
      fakes of that update, and in the discriminator's update.
    plain_fake: G's output before augmentation, images or a tuple of them, and
    seen_fake: plain_fake -> D's input, as `seen`.
    noise: the key of the noise that G drew for `fake`, and
    look: D's input in the place of that of `fake` -> View, as of `fake`; None
      in the discriminator's update.
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
  before: Callable | None = None
  plain_fake: jax.Array | None = None
  seen_fake: Callable | None = None
  noise: jax.Array | None = None
  look: Callable | None = None

  def verdict(self, x, view):
    """D's logits of the images x, which have the labels of a View's."""
    return self.disc(x, *(() if view.labels is None else (view.labels,)))


class Scene(NamedTuple):
  """Both players at one state and one batch: what a probe looks at.

  D and the trained G are in training mode, with statistics that do not change.

  Attributes:
    real, held_out: [b, h, w, c], D's inputs, augmented as in the run, of
      training images and of images that are not trained on; the last is None
      if no probe needs it.
    fake: the same of the trained G, or a tuple of arrays.
    plain, made: the images of `real` and `fake` before augmentation.
    averaged: images of the averaged G, in evaluation mode, of the same noise.
    judge: D's inputs -> its outputs, [b] or [b, d] float32; with classes
      (inputs, labels) -> outputs, as by `verdict`.
    gen_loss: parameters of G -> its loss on this batch, with its penalties.
    gen_params: the parameters of the trained G.
    gen_layers: paths (keys) of G's layers in gen_params, from the latent to the
      image.
    losses: Pair of functions (real, fake) -> scalar, D's outputs to the loss of
      each player without penalties.
    labels: of real, fake and held-out images.
  """
  real: jax.Array
  held_out: jax.Array | None
  fake: Any
  plain: jax.Array
  made: jax.Array
  averaged: jax.Array
  judge: Callable
  gen_loss: Callable
  gen_params: Any
  gen_layers: tuple
  losses: Pair
  labels: Labels = NO_LABELS

  def verdict(self, x, side):
    """D's outputs on x, which has the labels of 'real', 'fake', 'held_out'."""
    labels = getattr(self.labels, side)
    return self.judge(x, *(() if labels is None else (labels,)))


class Loss(NamedTuple):
  """An objective on the discriminator's outputs for the whole batch.

  Attributes:
    discriminator: (real, fake) -> scalar, each [b] or [b, d].
    generator: (real, fake) -> scalar; `real` is None unless `paired`.
    paired: the generator's loss uses the real batch too.
    traced: {name: initial value} of scalars in the state, which are keyword
      arguments of both functions; changing one needs no recompilation.
    observe: (real, fake) -> {name: scalar}, additional metrics, or None.
    draws: both functions have an argument `rng`, a key that is the same on all
      devices.
    real_stats: in the generator's update, real images move the statistics of
      the discriminator too, before the fake ones.
  """
  discriminator: Callable
  generator: Callable
  paired: bool = False
  traced: Any = ()  # of pairs, or a dict
  observe: Callable | None = None
  draws: bool = False
  real_stats: bool = False


class Penalty(NamedTuple):
  """A term of a player's loss that depends on more than D's outputs.

  Attributes:
    discriminator: Play -> scalar mean over this shard, or None.
    generator: Play -> scalar, for the generator's update, or None.
    paired: the generator's term uses the real batch too.
    traced: {name: initial value} of scalars that persist between updates. They
      are keyword arguments of the functions, which then return (scalar, {name:
      new value}); new values must be equal on all devices.
    apart: 0, the term is added to the loss; n, it has an update of its own in
      one generator step of n (jgan/regularise.py).
  """
  discriminator: Callable | None = None
  generator: Callable | None = None
  paired: bool = False
  traced: Any = ()  # of pairs, or a dict
  apart: int = 0


class Augment(NamedTuple):
  """An augmentation of the discriminator's inputs; fields may be None.

  Attributes:
    apply: (rng, images [b, h, w, c], memory) -> images, for real and generated
      images in the updates of both players.
    replace: (rng, real, memory) -> real, in the discriminator's update. With
      classes, here and in `remember` a pair of images and their labels.
    remember: (memory, images of the generator's update) -> memory.
    update: (memory, mean sign of D's logits on real images, number of these
      images) -> memory, after every update of the discriminator.
    start: memory before the first step, a dict of arrays; with `update`, it
      must have 'p'.
  """
  apply: Callable | None = None
  replace: Callable | None = None
  remember: Callable | None = None
  update: Callable | None = None
  start: Any = None


class Feedback(NamedTuple):
  """A rule on the host that sets a traced scalar of the loss by a metric.

  Attributes:
    metric: the label of the metric, as in 'eval/FID'.
    sets: the name of the traced scalar.
    memory: the rule's memory before the first score, a dict of scalars.
    update: (memory, score, progress in [0, 1]) -> memory, in which memory[sets]
      is the new value of the scalar.
  """
  metric: str
  sets: str
  memory: Any
  update: Callable


class Search(NamedTuple):
  """Functions of a method that searches for an architecture.

  Attributes:
    derive: GanState -> the genotype of its architecture parameters
      (jgan/genotype.py), or the best of its population with what is known of
      it as 'origin'; None where there is no population yet.
    draw: numpy Generator -> a random genotype of the search space.
    select: (Network of the generator, genotype) -> Network in which each edge
      applies only the operation of the genotype.
    candidates: number of genotypes to draw and score for the final one, if a
      command does not say another; 0: none.
    evolve: (memory in GanState.extra['evolution'], seen genotypes, scores_of,
      better, numpy Generator) -> the memory with the next generation, and a
      record of each individual that was scored; None without a population.
    front: GanState -> the members of the population that no other one beats
      both in score and in size, as of `derive`.
  """
  derive: Callable
  draw: Callable
  select: Callable
  candidates: int = 0
  evolve: Callable | None = None
  front: Callable | None = None


class Turn(NamedTuple):
  """The kind of one training step, and its batches of real images.

  Attributes:
    name: the kind; all other attributes but `index` depend on it only.
    critics: number of batches in the step, may be 0.
    share: (low, high) in [0, 1], the part of the data set that the images come
      from, in one random order for the whole run.
    index: number of previous turns with images of this share.
    batch: images in one batch, 0 for config.batch; `index` then counts turns
      with batches of this size.
  """
  name: str
  critics: int
  share: tuple[float, float]
  index: int
  batch: int = 0


class Method(NamedTuple):
  """A training method: its functions for the loop, or for a notebook.

  Attributes:
    init: (rng, batch) -> GanState.
    step: (state, batch, rng) -> (state, metrics), pure. A method with several
      kinds of steps has {kind: function}, all with the same metrics.
    sample: (ema or gen Network, z) -> images [b, h, w, c] in [-1, 1]; with
      classes, (Network, z, labels).
    latent: dimension of z.
    search: Search, if the method searches for an architecture.
    plan: step number -> Turn, if the method has several kinds of steps.
    spans: Pair of lists of optim.pruning.Span, the phases of masks that the
      method itself makes.
    round_steps: steps of one round, if the method starts again in rounds: the
      best checkpoint is sought in each; 0: the whole run is one round.
    classes: number of classes that the images have; 0: none.
  """
  init: Callable
  step: Any
  sample: Callable
  latent: int
  search: Search | None = None
  plan: Callable | None = None
  spans: Pair | None = None
  round_steps: int = 0
  classes: int = 0

  def same_round(self, a, b):
    """Whether the states after steps `a` and `b`, from 1, are of one round."""
    return not self.round_steps or ((a - 1) // self.round_steps
                                    == (b - 1) // self.round_steps)


class ImageSpec(NamedTuple):
  """Properties of a data set that are known without reading it.

  Attributes:
    shape: (height, width, channels) of one image.
    count: number of images, None if it is known only from the files.
    dtype: 'uint8', or 'float32' for data without 256 levels.
  """
  shape: tuple[int, int, int]
  count: int | None = None
  dtype: str = 'uint8'
