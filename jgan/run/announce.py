"""What the log says of a run before its first step, and of its speed."""
import datetime
import logging
import time

import jax
from clu import parameter_overview

from jgan import progress

log = logging.getLogger(__name__)


def devices(where):
  """'8 x NVIDIA H200 (gpu), pmap, in 1 process'."""
  first = where.mesh.devices.flat[0]
  count = jax.process_count()
  return (f'{where.mesh.size} x {first.device_kind} ({first.platform}), '
          f'{where.kind}, in {count} process{"es" if count > 1 else ""}')


def parameters(state):
  """Logs the parameter arrays of the networks of a new run."""
  for name, net in (('generator', state.gen), ('discriminator', state.disc)):
    log.info('%s:\n%s', name, parameter_overview.get_parameter_overview(
        net.params, include_stats=False, max_lines=20))


def speed(config, plan, clock, step, values):
  """Logs one line: step, speed, estimated time to the end, losses.

  Args:
    config: completed.
    plan: step -> Turn.
    clock: a step before, and the time after it in seconds.
    step: the last step.
    values: {name: value} of its record.

  Returns:
    {'steps_per_second', 'images_per_second'} since then; {} where no time was
    measured, because the clock began after the step.
  """
  losses = {k: v for k, v in values.items() if k.endswith('/loss')}
  shown = '  '.join(f'{k} {v:.4g}' for k, v in losses.items())
  first, since = clock
  if step <= first:
    log.info('step %s/%s  %s', f'{step:,}', f'{config.steps:,}', shown)
    return {}
  progress.losses(losses)
  rate = (step - first) / (time.perf_counter() - since)
  turns = [plan(s) for s in range(first, step)]
  images = sum(t.critics * (t.batch or config.batch) for t in turns)
  images *= rate / len(turns)
  remaining = (config.steps - step) / rate
  if not progress.has_bar():
    log.info('step %s/%s  %.4g steps/s  %s img/s  ETA %s  %s', f'{step:,}',
             f'{config.steps:,}', rate, f'{images:,.0f}',
             datetime.timedelta(seconds=int(remaining)), shown)
  return {'steps_per_second': rate, 'images_per_second': images}
