"""Progressive growing (Karras et al., 2018): 4 x 4 pixels, then 8 x 8, ...

Each stage trains the networks of its resolution (jgan/models/progan.py) on
images that are average-pooled to it. After t of its n steps, the outputs of
its new layers are blended with those of the previous stage by the weight

  alpha = min(1, (t + ahead / batch) / (fade n)).

Two implementations use it differently:

  original           fade=.5, smooth=True, reset=True
  Re-GAN (Saxena et  fade=1., ahead=images of an epoch: its epochs count from
  al., 2023)         1, so the last epoch of a stage has alpha = 1

Each stage has a step function of its own, which calls steps.gan_step. Both
implementations reuse the fake images of the discriminator's update in the
generator's: config.gen_noise='shared'. Layers that a stage does not use get a
gradient of zero, so only momentum or weight decay can still change them.
Without `reset`, Adam needs counts='own' (optim/algorithms.py), as PyTorch has
it. With one count for all layers it would not correct the bias of the second
moment of new layers, which starts at zero, and their first update would be
1 / sqrt(1 - b2) times an ordinary one.
"""
import bisect
import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jgan import build, forward, lookup, steps
from jgan.errors import UserError
from jgan.types import Method, Pair, Turn


class Stage(NamedTuple):
  """One stage of a run.

  Attributes:
    size: height and width of its images.
    first: its first generator step.
    steps: number of its generator steps.
    batch: batch size.
    index: number of the first turn of the data that it reads, in turns of its
      own batch size.
    fade: fraction of the stage in which alpha rises to 1.
    ahead: number of images by which alpha is ahead of the stage.
  """
  size: int
  first: int
  steps: int
  batch: int
  index: int = 0
  fade: float = 1.
  ahead: int = 0

  @property
  def name(self):
    """The name of its step function."""
    return f'stage_{self.size}'

  def alpha(self, step):
    """The blending weight of the new layers at a step, which may be traced."""
    if self.size == 4:
      return jnp.float32(1.)  # there is no previous stage
    done = step - self.first + self.ahead / self.batch
    return jnp.minimum(jnp.float32(done / (self.fade * self.steps)), 1.)

  def turn(self, step, critics):
    """The Turn of a generator step of this stage."""
    return Turn(self.name, critics, (0., 1.), self.index + step - self.first,
                self.batch)


def make(config, shape, *, axis_name=None, stages=(), batches=(), fade=1.,
         ahead=0, smooth=False, reset=False):
  """Builds the method: networks that grow stage by stage.

  Args:
    config, shape, axis_name: as in every method.
    stages: generator steps of each stage, config.steps in total; (): equal
      parts, the remainder in the last.
    batches: batch size of each stage, the last one config.batch; (): all
      config.batch.
    fade: in (0, 1], fraction of a stage in which alpha rises to 1.
    ahead: number of images by which alpha is ahead of its stage.
    smooth: blend real images too, by alpha, with the same images at the
      resolution of the previous stage.
    reset: reset the optimizers, and so their learning rates, at each stage.

  Returns:
    Method. Its samples have the full size: images of the current stage with
    repeated pixels.

  Raises:
    UserError: models without stages, stages or batches of the wrong number or
      sum, or an option that does not work with changing resolutions.
  """
  models = build.models(config, shape, axis_name=axis_name)
  _check(config, models, fade, ahead, reset)
  growth = _growth(config, models.gen.size, stages, batches, fade, ahead)
  tx = build.optimizers(config)
  step = functools.partial(stage_step, smooth=smooth, reset=reset,
                           models=models, tx=tx,
                           **build.game(config, axis_name))

  firsts, critics = [stage.first for stage in growth], config.critics

  def plan(step):
    # Data is prefetched for steps beyond the end of the run.
    return growth[bisect.bisect(firsts, step) - 1].turn(step, critics)

  init = functools.partial(steps.gan_init, models=models, tx=tx,
                           extra=build.extra(config))
  return Method(init, {stage.name: functools.partial(step, stage=stage)
                       for stage in growth},
                functools.partial(sample, models.gen, [s.size for s in growth]),
                models.gen.latent, plan=plan)


def stage_step(state, batch, rng, *, stage, smooth, reset, prepare, schedule,
               models, tx, **parts):
  """A generator step of one stage: -> state, metrics.

  batch: as in steps.gan_step; its images have the full size.
  stage, smooth, reset: as in `make`.
  prepare, schedule, models, tx, parts: as in steps.gan_step.
  """
  alpha = stage.alpha(state.step)
  if reset and stage.first:
    state = jax.lax.cond(state.step == stage.first,
                         functools.partial(_with_new_optimizers, tx),
                         lambda s: s, state)

  def prepare_stage(rng, images):
    images = pool(prepare(rng, images), stage.size)
    if smooth and stage.size > 4:
      coarse = enlarge(pool(images, stage.size // 2), stage.size)
      images = alpha * images + (1. - alpha) * coarse
    return images

  def schedule_stage(step):
    scheduled = schedule(step) if schedule else ({}, {})
    return [{**values, 'alpha': alpha, 'stage': stage.size}
            for values in scheduled]

  return steps.gan_step(
      state, batch, rng, prepare=prepare_stage, schedule=schedule_stage, tx=tx,
      models=Pair(*(m.clone(stage=stage.size) for m in models)), **parts)


def sample(model, sizes, net, z, labels=None):
  """Images of a generator's current stage: [b, latent] -> [b, size, size, c].

  The images of all stages are computed, and those of the current one selected.
  XLA shares the common layers, so this costs one pass through the full
  network. A lax.switch would compute less, but XLA's convolutions inside it
  are slow on a CPU.

  Pixels are repeated where the stage has a lower resolution.
  """
  current = net.stats['schedule']['stage']
  return functools.reduce(
      lambda images, stage: jnp.where(current == stage[0], stage[1], images),
      [(size, enlarge(forward.sample(model.clone(stage=size), net, z,
                                     labels), model.size))
       for size in sizes], 0.)


def pool(images, size):
  """Average pooling: [b, h, h, c] -> [b, size, size, c]."""
  b, h, _, c = images.shape
  k = h // size
  return images.reshape(b, size, k, size, k, c).mean((2, 4))


def enlarge(images, size):
  """Nearest-neighbour upsampling: [b, h, h, c] -> [b, size, size, c]."""
  k = size // images.shape[1]
  return images.repeat(k, axis=1).repeat(k, axis=2)


def _growth(config, size, stages, batches, fade, ahead):
  """The Stages of a run."""
  sizes = [4 * 2**i for i in range((size // 4).bit_length())]
  even = config.steps // len(sizes)
  stages = stages or (*[even] * (len(sizes) - 1),
                      config.steps - even * (len(sizes) - 1))
  batches = batches or (config.batch,) * len(sizes)
  for key, entries in (('stages', stages), ('batches', batches)):
    if len(entries) != len(sizes):
      raise UserError(f'config.method.{key} has {len(entries)} entries, '
                      f'{len(sizes)} stages lead to {size} pixels: '
                      f'{", ".join(map(str, sizes))}')
    if not all(type(x) is int and x >= 1 for x in entries):
      raise UserError(f'config.method.{key} is {tuple(entries)}: whole numbers '
                      'of at least 1 would be right')
  if sum(stages) != config.steps:
    raise UserError(f'config.method.stages have {sum(stages)} steps in all and '
                    f'config.steps is {config.steps}: both must be the same')
  if batches[-1] != config.batch:
    raise UserError(f'config.method.batches ends with {batches[-1]} and '
                    f'config.batch is {config.batch}: both must be the same')
  # A stage starts at a whole turn of its own batch size: -(-a // b) rounds up.
  growth, images_read = [], 0
  firsts = itertools.accumulate(stages, initial=0)
  for size, first, count, batch in zip(sizes, firsts, stages, batches):
    turn = config.critics * batch
    growth.append(Stage(size, first, count, batch, -(-images_read // turn),
                        fade, ahead))
    images_read += count * turn
  return growth


def _check(config, models, fade, ahead, reset):
  """Refuses models without stages and options that do not work with them."""
  for player, model in zip(('generator', 'discriminator'), models):
    if not hasattr(model, 'stage'):
      growing = [name for name in lookup.names('models') if hasattr(
          getattr(lookup.find('models', name), player.capitalize()), 'stage')]
      raise UserError(f"config.{player}.name is '{config[player].name}', which "
                      f'has no stages to grow by; {", ".join(growing)} would '
                      'be right')
    if model.stage:
      raise UserError(f"config.{player}.stage is {model.stage}: method "
                      "'progressive' sets the stage, 0 would be right")
  if not 0. < fade <= 1. or ahead < 0:
    raise UserError(f'config.method has fade={fade} and ahead={ahead}; a share '
                    'in (0, 1] and at least 0 images would be right')
  for player in ('gen', 'disc'):
    pruning = config.optimizer[player].pruning.name
    if reset and pruning != 'none':
      raise UserError(f'config.method.reset would forget the masks of '
                      f"config.optimizer.{player}.pruning '{pruning}'; "
                      "reset=False or pruning 'none' would be right")
  for name, augmentation in build.augment(config).items():
    if augmentation.remember:
      raise UserError(f"config.augment has '{name}', which keeps images from "
                      'step to step; the stages have them in several sizes')
  if config.eval.best_response:
    raise UserError(
        f'config.eval.best_response is {config.eval.best_response}: the '
        'duality gap is of whole networks, and these grow; 0 would be right')


def _with_new_optimizers(tx, state):
  """The state with both optimizers reset."""
  fresh = lambda net, tx: net.replace(opt=tx.init(net.params))
  return state.replace(gen=fresh(state.gen, tx.gen),
                       disc=fresh(state.disc, tx.disc))
