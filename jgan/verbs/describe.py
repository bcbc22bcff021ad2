"""The verb `describe`: what a config would train, without training it."""
import io
import json

import jax
import jax.numpy as jnp
import rich.console
import rich.table

from jgan import build
from jgan.ops import flops
from jgan.run import parallel


def run(config, *, as_json=False):
  """Describes a completed config; nothing is compiled and no data is read.

  Returns:
    Text: tables of layers and totals, or with `as_json` one JSON object with
    'generator' and 'discriminator' ('params', 'mb' in float32, 'macs' and
    'macs_thop' of one image, 'layers'), 'steps_per_epoch' (generator steps),
    'state_mb' (what a device holds between steps), 'devices'.
  """
  spec = build.spec(config)
  models = build.models(config, spec.shape)
  method = build.method(config)
  image = jax.ShapeDtypeStruct((1, *spec.shape), jnp.float32)
  z = jax.ShapeDtypeStruct((1, method.latent), jnp.float32)
  state = jax.eval_shape(method.init, jax.random.key(0), {'image': image})
  found = {
      'generator': _network(models.gen, state.gen, z),
      'discriminator': _network(models.disc, state.disc, image),
      'data': {'name': config.data.name, 'shape': list(spec.shape),
               'count': spec.count},
      'steps_per_epoch': _steps_per_epoch(config, spec),
      'state_mb': _megabytes(state),
      'devices': [f'{d.platform}:{d.id} {d.device_kind}'
                  for d in jax.devices()],
      'steps_per_call': parallel.calls_of(config, jax.default_backend()),
  }
  return json.dumps(found) + '\n' if as_json else _tables(found)


def _network(model, net, inputs):
  variables = {'params': net.params, **net.stats}
  rows = flops.layers(model, variables, inputs)
  total = flops.total(rows)
  return {
      'params': total.params, 'mb': total.params * 4 / 1e6,
      'macs': total.macs, 'macs_thop': total.macs_thop,
      'layers': [{'name': r.name, 'shape': list(r.shape), 'params': r.params,
                  'macs': r.macs, 'macs_thop': r.macs_thop} for r in rows],
  }


def _steps_per_epoch(config, spec):
  """Generator steps in one pass over the images, None if unknown before."""
  if spec.count is None:
    return None
  p = config.pipeline
  count = min(p.first or spec.count, spec.count) * p.fraction
  return int(count) / (config.batch * config.critics)


def _megabytes(tree):
  return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree)) / 1e6


def _tables(found):
  out = io.StringIO()
  console = rich.console.Console(file=out, width=100)
  for player in ('generator', 'discriminator'):
    network = found[player]
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
  data, epoch = found['data'], found['steps_per_epoch']
  count = 'unknown before reading' if data['count'] is None else (
      f'{data["count"]:,}')
  console.print(f'data: {data["name"]}, {" x ".join(map(str, data["shape"]))}, '
                f'images: {count}')
  if epoch is not None:
    console.print(f'generator steps per epoch: {epoch:,.1f}')
  console.print(f'state on each device: {found["state_mb"]:,.1f} MB '
                '(parameters, optimizers, average)')
  console.print(f'devices: {", ".join(found["devices"])}; '
                f'{found["steps_per_call"]} steps per dispatch')
  return out.getvalue()
