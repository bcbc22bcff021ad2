"""What the log says of a run before its first step."""
import logging

import jax
from clu import parameter_overview

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
