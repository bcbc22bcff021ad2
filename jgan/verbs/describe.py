"""Shows layers, MACs, memory, and what training will take; trains nothing.

Work is counted by tracing the steps, which for large networks takes a minute or
more: --noestimate leaves it out. Hours are an estimate, by the peak of a device
and the share of it that --share assumes; memory beside the state is what a step
holds if nothing is fused.
"""
import io
import json

import jax
import rich.console
import rich.table
from clu import parameter_overview

from jgan import batches, build, precision
from jgan import flags as common
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.run import estimate, parallel
from jgan.score import size

FLAGS = (
    common.CONFIG,
    common.WORKDIR._replace(required=False,
                            help='A run whose config is described.'),
    Flag('json', False, 'One JSON object on stdout.'),
    Flag('estimate', True, 'Count the work of training, too.'),
    Flag('share', estimate.SHARE, 'Of the peak of a device, for the hours.'),
)


def run(config, flags):
  """Describes a config as tables or, with --json, as one JSON object."""
  if not 0. < flags.share <= 1.:
    raise UserError(f'--share={flags.share:g}: a share of the peak, above 0 '
                    'and at most 1, would be right')
  description = describe(config)
  if flags.estimate:
    description |= {'run': estimate.of(config, share=flags.share),
                    'memory': estimate.memory_of(config)}
  if flags.json:
    return json.dumps(description) + '\n'
  text = tables(description)
  if flags.estimate:
    text += of_run(description['run'], description['memory'])
  return text + parameters(config)


def describe(config):
  """Describes the networks and the training of a completed config.

  No data is read.

  Returns:
    {'generator', 'discriminator' (both as in score/size.py), 'data',
    'steps_per_epoch' (generator steps), 'state_mb' (megabytes of the training
    state on each device), 'devices', 'dtype' (jgan/precision.py),
    'steps_per_call'}.
  """
  spec = build.spec(config)
  state = build.abstract(config, build.method(config))
  return {
      **size.networks(config),
      'data': {'name': config.data.name, 'shape': list(spec.shape),
               'count': spec.count},
      'steps_per_epoch': _steps_per_epoch(config, spec),
      'state_mb': _megabytes(state),
      'devices': [f'{d.platform}:{d.id} {d.device_kind}'
                  for d in jax.devices()],
      'dtype': precision.of(config),
      'steps_per_call': parallel.calls_of(config, jax.default_backend()),
  }


def of_run(run, memory):
  """Lines about a whole run; run, memory: as from jgan/run/estimate.py."""
  megabytes = lambda name: (f'{memory[name] / 1e6:,.1f} MB {name}')
  images = {None: 'images unknown before reading', 0: 'images streamed'}.get(
      memory['images'], megabytes('images') if memory['images'] else '')
  looked = '' if run['network_known'] else ', without the feature network'
  hours = '; '.join(
      f'{name} {spent["training"] + spent["scoring"]:.3g}, of them '
      f'{spent["scoring"]:.2g} of scores'
      for name, spent in run['hours'].items())
  return '\n'.join([
      '', f'the run: {run["steps"]:,} steps, {run["real_images"]:,} real '
      f'images, {run["training"]:.3g} FLOPs of training',
      f'scores: {run["scores"]:,} of {run["score"]:.3g} FLOPs each{looked}; '
      f'{run["scoring"]:.3g} in all',
      f'hours of one chip at {run["share"]:.0%} of its peak, in '
      f'{run["dtype"]}: {hours}',
      'memory: ' + ', '.join(map(megabytes, (
          'parameters', 'optimizers', 'average', 'statistics')))
      + f', {images}; up to {megabytes("intermediate")} arrays of a step on '
      'one device', ''])


def _steps_per_epoch(config, spec):
  """Generator steps in one pass over the images; None if not known yet."""
  if spec.count is None:
    return None
  pipeline = config.pipeline
  count = batches.size_of_subset(spec.count, first=pipeline.first,
                                 fraction=pipeline.fraction)
  return count / (config.batch * config.critics)


def _megabytes(tree):
  return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree)) / 1e6


def parameters(config):
  """The parameter arrays of both networks, as text."""
  state = build.abstract(config, build.method(config))
  text = ''
  for player, net in (('generator', state.gen), ('discriminator', state.disc)):
    overview = parameter_overview.get_parameter_overview(net.params,
                                                         include_stats=False)
    text += f'\nparameters of the {player}:\n{overview}\n'
  return text


def tables(description):
  """A description (see `describe`) as text."""
  out = io.StringIO()
  console = rich.console.Console(file=out, width=100)
  for player in ('generator', 'discriminator'):
    network = description[player]
    table = rich.table.Table(title=player, title_justify='left')
    for name in ('layer', 'output', 'parameters', 'MACs'):
      table.add_column(name, justify='left' if name == 'layer' else 'right')
    for row in network['layers']:
      table.add_row(row['name'], ' x '.join(map(str, row['shape'])),
                    f'{row["params"]:,}', f'{row["macs"]:,}')
    table.add_section()
    table.add_row('total', f'{network["mb"]:.2f} MB',
                  f'{network["params"]:,}', f'{network["macs"]:,}')
    console.print(table)
    console.print(f'{2 * network["macs"]:,} FLOPs per image; MACs as thop '
                  f'0.0.31 counts them: {network["macs_thop"]:,}\n')
  data, epoch = description['data'], description['steps_per_epoch']
  count = 'unknown before reading' if data['count'] is None else (
      f'{data["count"]:,}')
  console.print(f'data: {data["name"]}, {" x ".join(map(str, data["shape"]))}, '
                f'images: {count}')
  if epoch is not None:
    console.print(f'generator steps per epoch: {epoch:,.1f}')
  console.print(f'state on each device: {description["state_mb"]:,.1f} MB '
                '(parameters, optimizers, average)')
  console.print(f'devices: {", ".join(description["devices"])}; computing in '
                f'{description["dtype"]}; at most '
                f'{description["steps_per_call"]} steps per dispatch')
  return out.getvalue()
