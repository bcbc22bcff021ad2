"""What bench.device measures: each row is a generator of dicts of values."""
import contextlib
import functools
import json
import math
import pathlib
import shutil
import statistics
import tempfile
import time

import jax
import jax.numpy as jnp
import numpy as np

from experiments.mmd_nas import cifar10_large
from experiments.r3gan import cifar10 as r3gan_cifar10
from experiments.re_gan import stylegan2
from experiments.sngan import cifar10
from jgan import build, signals
from jgan import config as configs
from jgan.features import inception
from jgan.ops import flops
from jgan.run import checkpoint, cost, feeding, loop, parallel, scoring
from jgan.run.session import Session
from jgan.score import networks

PRECISIONS = {
    'tf32': ('float32', 'tensorfloat32'),
    'bfloat16': ('bfloat16', 'tensorfloat32'),
    'float32': ('float32', 'highest'),
}
"""{name: (config.dtype, JAX's precision of products)}."""
FOREVER = 10**5  # steps: a row ends by its time
AGREE = 1e-3
CYCLE = 16  # steps after which the lazy penalties of StyleGAN2 begin again


class Sizes:
  """How large the rows are; `smallest` is for a look at the program itself."""

  def __init__(self, smallest=False):
    self.smallest = smallest
    self.side, self.bytes = (256, 2**20) if smallest else (8192, 2**30)
    self.seconds = .05 if smallest else 3.  # that are timed
    self.inception_batch = 2 if smallest else 250
    self.samples = 100 if smallest else 10_000
    self.reals = 100 if smallest else 0  # all
    self.training = .05 if smallest else 180.  # seconds of the run, at most


def peaks(sizes, found):
  """TFLOP/s of a matrix product in each precision, and GB/s of a copy.

  found: {precision: FLOP/s}, filled for the rows that follow.
  """
  n = sizes.side
  a, b = (jax.random.normal(key, (n, n))
          for key in jax.random.split(jax.random.key(0)))
  named = {}
  for name, (dtype, precision) in PRECISIONS.items():
    with jax.default_matmul_precision(precision):
      x, y = a.astype(dtype), b.astype(dtype)
      call = jax.jit(jnp.matmul).lower(x, y).compile()
      found[name] = 2 * n**3 / _seconds(call, x, y, least=sizes.seconds / 10)
    named[f'{name}_tflop_per_s'] = found[name] / 1e12
  x = jnp.arange(sizes.bytes // 4, dtype=jnp.uint32)
  call = jax.jit(lambda x: x + 1).lower(x).compile()
  copied = 2 * x.nbytes / _seconds(call, x, least=sizes.seconds / 10)
  yield {**named, 'copy_gb_per_s': copied / 1e9}


def _seconds(call, *arguments, least, rounds=5):
  """Median of the seconds of one call, in rounds that last `least`."""
  def took(count):
    began = time.perf_counter()
    for _ in range(count):
      result = call(*arguments)
    jax.block_until_ready(result)
    return (time.perf_counter() - began) / count

  took(1)
  count = math.ceil(least / took(1))
  return statistics.median(took(count) for _ in range(rounds))


def losses():
  """{metric: its value after each of three steps} of a small SNGAN with R1.

  In float32, by gradient descent: Adam makes steps of noise around 0.
  """
  c = configs.base()
  c.batch, c.dtype, c.data = 8, 'float32', {'name': 'cifar10'}
  c.generator = {'name': 'sngan', 'width': 16}
  c.discriminator = {'name': 'sngan', 'width': 16}
  c.loss, c.penalties = {'name': 'hinge'}, ({'name': 'r1', 'gamma': 1.},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'name': 'sgd', 'lr': .01})
  method = build.method(configs.complete(c))
  images = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 32, 32, 3),
                                             np.uint8)
  with jax.default_matmul_precision('highest'):
    state = jax.jit(method.init)(jax.random.key(0), {'image': images[0]})
    step, found = jax.jit(method.step), {}
    for i, batch in enumerate(images):
      state, metrics = step(state, {'image': batch}, parallel.step_key(0, i))
      for name, value in metrics.items():
        found.setdefault(name, []).append(float(value))
  return found


def check(known):
  """Losses of three steps beside those of a CPU, from the folder."""
  if known is None:
    raise ValueError('the folder has no losses.json: make device-folder')
  found = losses()
  off = {name: np.max([abs(a - b) / max(abs(b), 1.)
                       for a, b in zip(found[name], values, strict=True)])
         for name, values in known.items()}
  for name, difference in off.items():
    if not difference <= AGREE:  # NaN is not
      raise ValueError(f'{name} of three steps is {found[name]}, on a CPU '
                       f'{known[name]}: more than {AGREE} apart')
  worst = max(off, key=off.get)
  yield {'agrees_to': float(off[worst]), 'worst': worst}


class Enough(Exception):
  """The time of a row is over; arguments: step, state."""


class Timed(Session):
  """A session that ends when its time is over.

  Attributes:
    seconds: to train, from the end of the first dispatch on.
    cycle: steps after which lazy penalties were all due equally often.
    rate: steps per second, when it has ended.
  """
  seconds, cycle, rate, began = 0., 1, 0., None

  def after(self, step, state, health, metrics):
    """As ever.

    Raises:
      Enough: with the state, which the device has finished.
    """
    state = super().after(step, state, health, metrics)
    if step % self.cycle:
      return state
    if self.began is None:
      jax.block_until_ready(state)
      self.began = step, time.perf_counter()
    elif time.perf_counter() - self.began[1] >= self.seconds:
      jax.block_until_ready(state)
      self.rate = (step - self.began[0]) / (time.perf_counter() - self.began[1])
      raise Enough(step, state)
    return state


@contextlib.contextmanager
def trained(config, source, seconds, *, within=math.inf, cycle=1,
            data_dir=''):
  """Trains by the ordinary loop for some seconds, compiling not counted.

  Args:
    config: of `alone`.
    source: images [n, h, w, c] uint8.
    seconds: to train.
    within: seconds in which it has to end, compiling included.
    cycle: as in Timed.
    data_dir: with the weights of the feature network, if it is scored.

  Yields:
    The session, the step and the state at the end, and values of a row.
  """
  entered = time.perf_counter()
  config = configs.complete(config)
  where = parallel.layout(config)
  k = parallel.calls_of(config, jax.default_backend())
  method = build.method(config, axis_name=where.axis_name)
  state = parallel.place(_initial(_as_json(config, dtype='float32'), (
      jax.ShapeDtypeStruct(source.shape, source.dtype))), where)
  with contextlib.ExitStack() as stack:
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
    saved = stack.enter_context(
        checkpoint.Checkpoints(folder / 'checkpoints'))
    scorer = networks.of_config(config, source, data_dir=data_dir) if (
        config.eval.metrics) else None
    session = Timed(config, method, source, folder, saved, where, 0, {},
                    scoring.Judges(scorer))
    stack.callback(session.close)
    calls, compiling = _compiled(config, method, source, where, k, state)
    session.cycle = cycle
    session.seconds = min(seconds, entered + within - time.perf_counter())
    try:
      loop.loop(config, method, source, where, k, state, 0, session,
                signals.Watch(), calls=calls)
    except Enough as end:
      step, state = end.args
    call, = calls.values()
    yield session, step, state, {
        'images_per_s': session.rate * config.batch * config.critics,
        'ms_per_step': 1000 / session.rate, 'compile_s': compiling,
        'mib': parallel.memory(call) / 2**20}


@functools.cache
def _initial(config, source):
  """The initial state, of numpy arrays; it is the same in each precision.

  config: as JSON.
  source: the shape and type of the images.
  """
  config = configs.from_record(json.loads(config))
  init, _ = loop.first_state(config, build.method(config), source)
  return jax.device_get(loop.fresh(config, init)(config.seed))


def _as_json(config, **changes):
  """A config, changed and completed, as JSON: it can be a key."""
  config = config.copy_and_resolve_references().unlock()
  config.update(changes)
  return json.dumps(configs.plain(configs.complete(config)), sort_keys=True)


def _compiled(config, method, source, where, k, state):
  """The loop's first dispatch, as loop.loop takes it, and seconds to compile.
  """
  plan = build.plan(config, method)
  with feeding.fed(config, plan, source, where, 0, k) as (data, feed):
    (_, length, name), x = next(feed)
    began = time.perf_counter()
    call = parallel.compile_call(
        functools.partial(parallel.advance, step=method.step), where, state,
        parallel.place(parallel.healthy(), where), data, x,
        parallel.place(np.uint32(0), where))
    return {(name, length): call}, time.perf_counter() - began


def train(config, source, precision, sizes, peak, *, cycle=1):
  """Images per second of a training step.

  Args:
    config: of `alone`.
    source: images [n, h, w, c] uint8.
    precision: a key of PRECISIONS.
    sizes: Sizes.
    peak: {precision: FLOP/s}.
    cycle: as in Timed.
  """
  work = _flops_of_step(_as_json(config, dtype='float32'))
  config = config.copy_and_resolve_references()
  config.dtype, products = PRECISIONS[precision]
  with (jax.default_matmul_precision(products),
        trained(config, source, sizes.seconds, cycle=cycle) as (*_, values)):
    yield {**values, **_utilisation(work / values['ms_per_step'] * 1000,
                                    precision, peak),
           'batch': config.batch}


@functools.cache
def _flops_of_step(config):
  """FLOPs of one step by jgan's own counter; config: as JSON."""
  (work,) = cost.Cost(configs.from_record(json.loads(config))).steps.values()
  return work.total()


def _utilisation(rate, precision, peak):
  """FLOP/s as a part of the measured peak."""
  values = {'tflop_per_s': rate / 1e12}
  return values | ({'mfu': rate / peak[precision]} if peak else {})


def extract(precision, sizes, peak):
  """Images per second through Inception, whose weights are drawn.

  'float32' is the precision that scores are computed in.
  """
  model, batch = inception.Inception(), sizes.inception_batch
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (batch, 32, 32, 3), np.uint8)
  variables = jax.tree.map(
      lambda x: jnp.asarray(rng.normal(0., .05, x.shape)**2, x.dtype),
      jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct(
          (1, inception.SIDE, inception.SIDE, 3), np.float32)))
  apply = inception.extractor(variables, '0' * 64).apply
  features = lambda *arguments: apply(*arguments)['features']
  work = 2 * sum(macs for _, macs, _ in flops.work(features, variables, images))
  with jax.default_matmul_precision(PRECISIONS[precision][1]):
    began = time.perf_counter()
    call = jax.jit(features).lower(variables, images).compile()
    compiling = time.perf_counter() - began
  images = jnp.asarray(images)
  seconds = _seconds(call, variables, images, least=sizes.seconds / 5)
  yield {'images_per_s': batch / seconds, 'compile_s': compiling,
         **_utilisation(work / seconds, precision, peak),
         'batch': batch, 'weights': 'drawn'}


def alone(config, sizes, **changes):
  """An experiment's config as the rows have it.

  On one device, without scores and files; the learning rate is constant.
  """
  c = config.copy_and_resolve_references()
  c.update_from_flattened_dict({
      'steps': FOREVER, 'platform': 'any', 'devices': 1, 'feedback': (),
      'eval.every': 0, 'eval.first': 0, 'eval.metrics': (), 'eval.network': '',
      'checkpoint.every': FOREVER, 'checkpoint.best': '', 'samples.every': 0,
      'log.every': 10, 'optimizer.gen.schedule': {'name': 'constant'},
      'optimizer.disc.schedule': {'name': 'constant'}, **changes})
  if sizes.smallest:
    c.update_from_flattened_dict({
        'batch': 4, 'gen_batch': 0, 'critics': 1, 'generator.width': 4,
        'discriminator.width': 4, 'log.every': 1})
  return c


def sngan(sizes):
  """SNGAN at 32 pixels, 256 and 128 channels; one update of D per step.

  With nothing that its counterpart in PyTorch has not.
  """
  return alone(cifar10.get_config(), sizes, **{
      'critics': 1, 'gen_batch': 0, 'pipeline.dequantize': False,
      'ema.decay': .999})


def mmd_nas(sizes):
  """MMD-AdversarialNAS, the large generator."""
  return alone(cifar10_large.get_config(), sizes)


def stylegan2_256(sizes):
  """StyleGAN2 at 256 x 256 by the recipe of FFHQ, but for the batch of 16."""
  data = {'name': 'image_folder', 'size': 8 if sizes.smallest else 256}
  c = stylegan2.base(data)
  c.pipeline.flip = False
  if sizes.smallest:
    stylegan2.small(c, 'smoke')
    c.data = data
  return alone(c, sizes, **{'batch': 16, 'log.every': CYCLE})


def r3gan(sizes):
  """R3GAN without labels, the share of one of its eight GPUs."""
  c = r3gan_cifar10.get_config()
  if sizes.smallest:
    r3gan_cifar10.small(c, 'smoke')
    c.data = {'name': 'cifar10'}
  return alone(c, sizes, batch=c.batch // 8)


def run(source, within, sizes, folder, picture):
  """Trains SNGAN-32 on CIFAR-10, scores it and draws it.

  Args:
    source: the images; None if the folder has none.
    within: seconds in which the training has to end.
    sizes: Sizes.
    folder: with the weights of resnet56.
    picture: path of the PNG.
  """
  if source is None:
    raise ValueError('the folder has no images.webp: make device-folder')
  precision = 'tf32'
  dtype, products = PRECISIONS[precision]
  config = alone(cifar10.get_config(), sizes, **{
      'dtype': dtype, 'ema.decay': .999, 'log.every': 100,
      'eval.metrics': ('fd',), 'eval.network': 'resnet56',
      'eval.samples': sizes.samples, 'eval.reals': sizes.reals,
      'eval.batch': 100 if sizes.smallest else 500})
  with (jax.default_matmul_precision(products),
        trained(config, source, sizes.training, within=within,
                data_dir=str(folder)) as (session, step, state, values)):
    session.flush()
    began = time.perf_counter()
    scores, _ = session.scoring.now(step, state)
    scoring = time.perf_counter() - began
    session.draw(step, state)
    session.settle()
    shutil.copy(session.folder / 'samples' / f'{step:08d}.png', picture)
    yield {**values, 'precision': precision, **{
        name.removeprefix('eval/'): value for name, value in scores.items()},
           'steps': step, 'real_images': step * config.batch * config.critics,
           'reals': sizes.reals or len(source), 'fakes': sizes.samples,
           'score_s': scoring, 'grid': pathlib.Path(picture).name}
