"""Progressive growing (Karras et al., 2018): 4 pixels first, then 8, 16, ...

Each stage trains the networks of its resolution (jgan/models/progan.py) on
images that are averaged down to it. In t steps of n, its new layers have got
the share

  alpha = min(1, (t + ahead / batch) / (fade n))

of the game, beside the layers of the stage before. Two codes differ in it:

  original           fade=.5, smooth=True, reset=True
  Re-GAN (Saxena et  fade=1., ahead=images of an epoch: its epochs count from
  al., 2023)         1, so that the last of a stage trains the whole network

A step is that of steps.gan_step, a kind of its own for each stage. The
generator's update draws new noise, where both codes reuse the fakes of the
discriminator's update. Layers that a stage has no use for get a gradient of
zero, which leaves them alone unless the optimizer has momentum left, or decay,
for them. An optimizer that is kept has counted all steps before: Adam's
second moment of new layers is not corrected for its start at zero, so that
their first update is 1 / sqrt(1 - b2) times a common one. PyTorch, which
counts for each tensor by itself, corrects it.
"""
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
    size: pixels of its images.
    first: the step it begins with.
    steps: how many it has.
    batch: images of its batches.
    index: turns of such batches that a run would have had before it.
    fade, ahead: the share of the stage in which it blends in, and the images
      by which that is ahead of it.
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
    """The kind of its steps."""
    return f'stage_{self.size}'

  def alpha(self, step):
    """The share of the new layers at a step, which may be traced."""
    if self.size == 4:
      return jnp.float32(1.)  # there are no others
    done = step - self.first + self.ahead / self.batch
    return jnp.minimum(jnp.float32(done / (self.fade * self.steps)), 1.)

  def turn(self, step, critics):
    """The Turn that one of its steps is."""
    return Turn(self.name, critics, (0., 1.), self.index + step - self.first,
                self.batch)


def make(config, shape, *, axis_name=None, stages=(), batches=(), fade=1.,
         ahead=0, smooth=False, reset=False):
  """Binds the training of growing networks.

  Args:
    config, shape, axis_name: as every method takes them.
    stages: steps of each stage, in all config.steps; (): equal parts, the last
      with what is left over.
    batches: real images of each stage's discriminator steps, the last
      config.batch; (): all config.batch.
    fade: in (0, 1], of a stage, in which it blends in.
    ahead: images by which blending in is ahead of its stage.
    smooth: while a stage blends in, real images are blended alike with what
      the stage before showed of them.
    reset: optimizers start anew with each stage, and their rates too.

  Returns:
    Method. It samples images of the full size: those of the stage reached,
    their pixels repeated.

  Raises:
    UserError: models without stages, stages or batches that do not add up, or
      something that cannot follow them.
  """
  models = build.models(config, shape, axis_name=axis_name)
  _check(config, models, fade, ahead, reset)
  growth = _growth(config, models.gen.size, stages, batches, fade, ahead)
  tx = build.optimizers(config)
  step = functools.partial(stage_step, smooth=smooth, reset=reset,
                           models=models, tx=tx,
                           **build.game(config, axis_name))

  def plan(step):
    # Data is read ahead, beyond the end of the run.
    *_, stage = (s for s in growth if s.first <= step)
    return stage.turn(step, config.critics)

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
                         functools.partial(_renewed, tx), lambda s: s, state)

  def pooled(rng, images):
    images = pool(prepare(rng, images), stage.size)
    if smooth and stage.size > 4:
      before = enlarge(pool(images, stage.size // 2), stage.size)
      images = alpha * images + (1. - alpha) * before
    return images

  def values(step):
    given = schedule(step) if schedule else ({}, {})
    return [{**each, 'alpha': alpha, 'stage': stage.size} for each in given]

  return steps.gan_step(
      state, batch, rng, prepare=pooled, schedule=values, tx=tx,
      models=Pair(*(m.clone(stage=stage.size) for m in models)), **parts)


def sample(model, sizes, net, z):
  """Images of the stage that a generator has reached: [b, latent] -> images.

  It makes those of all stages and selects. XLA finds that they share their
  layers: that is one pass through the whole network, whatever the stage. A
  lax.switch would do less, with convolutions that are slow on a CPU.

  Returns: [b, size, size, c], pixels repeated where the stage has fewer.
  """
  reached = net.stats['schedule']['stage']
  return functools.reduce(
      lambda other, image: jnp.where(reached == image[0], image[1], other),
      [(size, enlarge(forward.sample(model.clone(stage=size), net, z),
                      model.size)) for size in sizes], 0.)


def pool(images, size):
  """Averages squares of pixels: [b, h, h, c] -> [b, size, size, c]."""
  b, h, _, c = images.shape
  k = h // size
  return images.reshape(b, size, k, size, k, c).mean((2, 4))


def enlarge(images, size):
  """Repeats pixels: [b, h, h, c] -> [b, size, size, c]."""
  k = size // images.shape[1]
  return images.repeat(k, axis=1).repeat(k, axis=2)


def _growth(config, size, stages, batches, fade, ahead):
  """The Stages of a run."""
  sizes = [4 * 2**i for i in range((size // 4).bit_length())]
  even = config.steps // len(sizes)
  stages = stages or (*[even] * (len(sizes) - 1),
                      config.steps - even * (len(sizes) - 1))
  batches = batches or (config.batch,) * len(sizes)
  for key, each in (('stages', stages), ('batches', batches)):
    if len(each) != len(sizes):
      raise UserError(f'config.method.{key} has {len(each)} entries, '
                      f'{len(sizes)} stages lead to {size} pixels: '
                      f'{", ".join(map(str, sizes))}')
    if min(each) < 1:
      raise UserError(f'config.method.{key} is {tuple(each)}: at least 1 each '
                      'would be right')
  if sum(stages) != config.steps:
    raise UserError(f'config.method.stages have {sum(stages)} steps in all and '
                    f'config.steps is {config.steps}: both must be the same')
  if batches[-1] != config.batch:
    raise UserError(f'config.method.batches ends with {batches[-1]} and '
                    f'config.batch is {config.batch}: both must be the same')
  growth, seen = [], 0  # images, of which a stage leaves a broken turn out
  firsts = itertools.accumulate(stages, initial=0)
  for size, first, count, batch in zip(sizes, firsts, stages, batches):
    turn = config.critics * batch
    growth.append(Stage(size, first, count, batch, -(-seen // turn), fade,
                        ahead))
    seen += count * turn
  return growth


def _check(config, models, fade, ahead, reset):
  """Refuses what cannot grow, or not with it."""
  for player, model in zip(('generator', 'discriminator'), models):
    if not hasattr(model, 'stage'):
      known = [name for name in lookup.names('models') if hasattr(
          getattr(lookup.find('models', name), player.capitalize()), 'stage')]
      raise UserError(f"config.{player}.name is '{config[player].name}', which "
                      f'has no stages to grow by; {", ".join(known)} would be '
                      'right')
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
  for name, each in build.augment(config).items():
    if each.remember:
      raise UserError(f"config.augment has '{name}', which keeps images from "
                      'step to step; the stages have them in several sizes')
  if config.eval.best_response:
    raise UserError(
        f'config.eval.best_response is {config.eval.best_response}: the '
        'duality gap is of whole networks, and these grow; 0 would be right')


def _renewed(tx, state):
  """The state with both optimizers as they begin."""
  fresh = lambda net, tx: net.replace(opt=tx.init(net.params))
  return state.replace(gen=fresh(state.gen, tx.gen),
                       disc=fresh(state.disc, tx.disc))
