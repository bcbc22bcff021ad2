"""What a run will take: work, hours of accelerators, memory; from shapes only.

Hours are work by the peak of a device and the share of it that is reached,
which is an assumption, not a measurement: large convolutions reach more, narrow
and depthwise ones much less (docs/performance.md). Time of the host, of reading
images and of compiling is left out.
"""
import dataclasses
from typing import NamedTuple

import jax
import numpy as np

from jgan import batches, build, classes, precision
from jgan.ops import memory
from jgan.run.cost import Cost
from jgan.score import work

SHARE = .3
"""The share of the peak that is assumed where nobody says another one."""


class Device(NamedTuple):
  """Peaks of a device in FLOP/s, by the type that networks compute in.

  Attributes:
    bfloat16: of products of bfloat16.
    float32: as JAX multiplies float32 there by default: in one pass of
      bfloat16 on a TPU, in TF32 on a GPU.
    high, highest: precisions of scores (config.eval.precision).
  """
  bfloat16: float
  float32: float
  high: float
  highest: float


DEVICES = {
    # 197 TFLOP/s of bfloat16 (cloud.google.com/tpu/docs/v5e); 'high' takes
    # three passes, 'highest' six.
    'v5e': Device(197e12, 197e12, 197e12 / 3, 197e12 / 6),
    # Dense peaks of the SXM card: NVIDIA H100 datasheet, 2023.
    'H100': Device(989e12, 494e12, 494e12, 67e12),
}


def of(config, *, share=SHARE, counted=None):
  """The estimate of a whole run.

  Args:
    config: completed.
    share: of the peak that is reached, in (0, 1].
    counted: as in Cost.

  Returns:
    {'program', 'steps', 'real_images', 'dtype' (on accelerators), 'training'
    (FLOPs), 'scores' (how many), 'scoring' (FLOPs of all of them), 'score'
    (FLOPs of one), 'share', 'hours': {device: {'training', 'scoring'}}}. If the
    work of the feature network is not known, 'scoring' and 'score' are those of
    making the images alone, and 'network_known' is False.
  """
  cost = Cost(config, counted)
  total = cost.total(config.steps)
  count = work.steps(config)
  scores = _scores(config, cost, count, share)
  dtype = precision.on_accelerators(config)
  return {'program': cost.program, 'steps': config.steps,
          'real_images': total['real_images'], 'dtype': dtype,
          'training': total['flops'], 'scores': count,
          **{k: v for k, v in scores.items() if k != 'hours'},
          'share': share, 'hours': {name: {
              'training': _hours(device, share, {dtype: total['flops']}),
              'scoring': scores['hours'][name]}
                                    for name, device in DEVICES.items()}}


def of_scores(config, count, *, share=SHARE, counted=None):
  """Work and hours of `count` scores alone: 'scoring' and 'hours' of `of`."""
  scores = _scores(config, Cost(config, counted), count, share)
  return {'scoring': scores['scoring'], 'hours': {
      name: {'training': 0., 'scoring': hours}
      for name, hours in scores['hours'].items()}}


def _scores(config, cost, count, share):
  """'scoring', 'score', 'network_known', and 'hours' by device, of scores."""
  one = work.of_score(config, cost.published)
  seen = one['network'] or 0.
  images = count * one['images']
  network = count * seen + (work.of_reals(config) if count else 0.)
  dtype = precision.on_accelerators(config)
  exact = {'default': 'float32'}.get(config.eval.precision,
                                     config.eval.precision)
  return {'scoring': images + network, 'score': one['images'] + seen,
          'network_known': one['network'] is not None, 'hours': {
              name: _hours(device, share, {dtype: images})
                    + _hours(device, share, {exact: network})
              for name, device in DEVICES.items()}}


def _hours(device, share, flops):
  """Hours of work on a device; flops: by the type that it is computed in."""
  return sum(amount / (getattr(device, dtype) * share)
             for dtype, amount in flops.items()) / 3600


def memory_of(config):
  """Bytes that training holds on each of one or several devices.

  Returns:
    {'parameters' (of both players), 'optimizers', 'average', 'statistics' (and
    what else the state has), 'images' (the data set as bytes; 0 where it is
    streamed, None if its size is not known before it is read), 'intermediate'
    (arrays of a step that live at the same time, as if each operation wrote its
    result to memory: fused programs need less)}. 'intermediate' is of the whole
    batch on one device, in the type of the devices that are here.
  """
  config = classes.even(config)
  method, spec = build.method(config), build.spec(config)
  state = build.abstract(config, method)
  players = (state.gen, state.disc)
  sizes = {
      'parameters': sum(_bytes(net.params) for net in players),
      'optimizers': sum(_bytes(net.opt) for net in players),
      'average': _bytes(state.ema),
  }
  sizes['statistics'] = _bytes(state) - sum(sizes.values())
  plan = build.plan(config, method)
  turns = {turn.name: turn for turn in map(plan, range(
      config.steps if method.plan else 1))}
  step = {name: method.step[name] if method.plan else method.step
          for name in turns}
  sizes['images'] = _images(config, spec)
  sizes['intermediate'] = max(memory.peak(
      step[name], state, build.batch_of(config, turn), jax.random.key(0))
                              for name, turn in turns.items())
  return sizes


@dataclasses.dataclass
class _Shape:
  """A source of images by its shape alone."""
  shape: tuple
  dtype: np.dtype

  def __len__(self):
    return self.shape[0]


def _images(config, spec):
  """Bytes of the images on a device of 16 GiB; None if not known yet."""
  if spec.count is None:
    return None
  pipeline = config.pipeline
  count = batches.size_of_subset(spec.count, first=pipeline.first,
                                 fraction=pipeline.fraction)
  source = _Shape((count, *spec.shape), np.dtype(spec.dtype))
  placed = {'device': True, 'stream': False}.get(
      pipeline.placement, batches.resident(source, 2**34 // 4, 'gpu'))
  return int(np.prod(source.shape)) * source.dtype.itemsize if placed else 0


def _bytes(tree):
  return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))
