"""Compiles the programs of whole runs for TPUs, on a machine without one.

python -m bench.aot [NAME ...] [--topology v5e:2x2 ...] [--json FILE]
  [--effort -1]

Needs libtpu, which `make aot` installs into an environment of its own. Every
program is that of the training loop, or of scoring, with the arguments that the
loop would give it (run/ahead.py): each kind of step that a run has, in the most
steps that one dispatch has, and, on the first topology, the averaged generator
with as many images at a time as a score takes; once also Inception, with the
sums of its features.

What a program does is counted in its compiled text (bench/hlo.py), for one
device and one step. The floor is the longest of three times, by the figures in
CHIPS: of the products, of the bytes of the memory, of the bytes that a ring
sends for the collectives. No run is faster; how near one comes is for a
profile. The exit code is 1 if a program does not compile, as one that does not
fit.

The compiler takes its least effort, -1, unless told otherwise. At its usual
one, 0, it takes some ten times as long; products, collectives and what a device
has to hold stay about the same, but more maps stay on the chip, so fewer bytes
go to memory.

Results are kept in FILE by the program's text and the compiler, so what stayed
the same is not compiled again.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import importlib.util
import json
import multiprocessing
import os
import pathlib
import sys
import time
from importlib import metadata
from typing import NamedTuple
from unittest import mock

import jax
import numpy as np
from jax.sharding import Mesh

from bench import hlo
from jgan import batches, build, cli, precision
from jgan import config as configs
from jgan.errors import UserError
from jgan.features import inception
from jgan.ops import moments, spread
from jgan.run import ahead, chunks, parallel
from jgan.score import fit, networks, viewer
from jgan.workdir import write_text


class Chip(NamedTuple):
  """The figures of a chip, as published.

  Attributes:
    flops: bfloat16 operations per second; products of float32 are rounded to
      it by default.
    bandwidth: of its memory, bytes per second.
    memory: bytes.
    links: bytes per second that it sends to all its neighbours together.
  """
  flops: float
  bandwidth: float
  memory: int
  links: float


# cloud.google.com/tpu/docs/v5e and v4: 400 GB/s in both directions; the links
# of v4 are six of 50 GB/s (Jouppi et al., 2023).
CHIPS = {'v5e': Chip(197e12, 819e9, 16 * 2**30, 200e9),
         'v4': Chip(275e12, 1200e9, 32 * 2**30, 300e9)}


class Program(NamedTuple):
  """A run, and the devices to compile it for.

  Attributes:
    config: as of --config, below experiments.
    topologies: {name of a topology: changes of the config there}.
    images: number of images, where data of this name has no fixed number.
    features: whether its score's feature network is compiled too.
  """
  config: str
  topologies: dict
  images: int = 50_000
  features: bool = False


PROGRAMS = {
    'sngan': Program('sngan/cifar10.py', {
        'v5e:2x2': {}, 'v4:2x2x1': {},
        'v5e:16x16': {'batch': 2048, 'gen_batch': 4096}}),
    'mmd_nas': Program('mmd_nas/cifar10_large.py', {
        'v5e:2x4': {}, 'v5e:16x16': {'batch': 2048}}, features=True),
    'mmd_nas_search': Program('mmd_nas/search_cifar10.py', {'v5e:2x4': {}}),
    'alphagan': Program('alphagan/search.py:s', {'v5e:2x4': {}}),
    'stylegan2_256': Program('re_gan/few_shot.py:stylegan2', {
        'v5e:2x4': {}, 'v5e:16x16': {'batch': 1024}}),
    'stylegan2_1024': Program('re_gan/stylegan2_ffhq.py', {
        'v5e:2x4': {'generator.remat': True, 'discriminator.remat': True}},
                              70_000),
    'fastgan_256': Program('re_gan/fastgan.py', {'v5e:2x4': {}}, 1000),
    'progan': Program('re_gan/progan.py', {'v5e:2x2': {}}),
    'octave': Program('soft_octave/celeba.py:dcgan_combi', {'v5e:2x2': {}}),
    'sdp': Program('sdp/cifar10.py:sngan_sdp', {'v5e:2x2': {}}),
}

SCORING, FEATURES = 'score', 'features'
_ROOT = pathlib.Path(__file__).resolve().parent.parent


def topology(name):
  """The devices of a topology, which need not be here."""
  from jax.experimental import topologies
  # There is no device that the library would have to itself, and no cloud to
  # ask about it.
  os.environ |= {'ALLOW_MULTIPLE_LIBTPU_LOAD': '1', 'TPU_SKIP_MDS_QUERY': '1'}
  return topologies.get_topology_desc(platform='tpu',
                                      topology_name=name).devices


def completed(program, changes):
  """The config of a program, with the changes of a topology."""
  config = cli.load(str(_ROOT / 'experiments' / program.config))
  with config.unlocked():
    config.update_from_flattened_dict(changes)
  return configs.complete(config)


def kinds(config, platform='tpu'):
  """{kind of step: (its Turn, most steps of a dispatch)}, of all kinds."""
  plan = build.plan(config, build.method(config))
  k = parallel.calls_of(config, platform)
  found = {}
  for end, count, kind in chunks.of_run(config, plan, 0, k):
    if count > found.get(kind, (None, 0))[1]:
      found[kind] = plan(end - 1), count
  return found


def lowered(program, changes, kind, devices, memory):
  """The program of one kind of step, SCORING or FEATURES, for these devices.

  memory: bytes of a device.

  Returns:
    jax.stages.Lowered, its number of steps, the images that a step takes or
    makes, and the type of the computation.
  """
  # What asks for the platform is told that of `devices`.
  platform = devices[0].platform
  with (mock.patch.object(jax, 'default_backend', lambda: platform),
        mock.patch.object(fit, 'limit', lambda mesh: memory)):
    config = completed(program, changes)
    where = parallel.Layout('one' if len(devices) == 1 else config.parallel,
                            Mesh(np.array(devices), (parallel.AXIS,)))
    method = build.method(config, axis_name=where.axis_name)
    dtype = precision.of(config)
    if kind == SCORING:
      sampler = networks.sampler_of(config, method, mesh=where.mesh)
      low = sampler.lowered(build.abstract(config, method).ema)
      return low, 1, sampler.batch, dtype
    spec = build.spec(config)
    if kind == FEATURES:
      low, count = features_lowered(config, spec, where.mesh)
      return low, 1, count, 'float32'
    turn, length = kinds(config, platform)[kind]
    step = method.step[kind] if method.plan else method.step
    images = jax.ShapeDtypeStruct(
        (spec.count or program.images, *spec.shape), spec.dtype)
    arguments = ahead.arguments(
        config, method, where, turn, length, images,
        resident=batches.resident(images, memory // 4, platform))
    low = parallel.lower_call(
        functools.partial(parallel.advance, step=step), where, *arguments)
    count = max(turn.critics, 1) * (turn.batch or config.batch)
    return low, length, count, dtype


def features_lowered(config, spec, mesh):
  """Inception on images of a batch, with the sums of its features.

  Returns:
    jax.stages.Lowered and the number of images.
  """
  variables = jax.eval_shape(
      inception.Inception().init, jax.random.key(0), jax.ShapeDtypeStruct(
          (1, inception.SIDE, inception.SIDE, 3), np.float32))
  net = inception.extractor(variables, inception.OFFICIAL)
  batch = fit.batch(mesh, fit.of_network(net, spec.shape), config.eval.samples)
  see = viewer.seen(net, ['features'], ['logits'], mesh=mesh,
                    precision=config.eval.precision)
  shape = lambda sharding: lambda x: jax.ShapeDtypeStruct(
      x.shape, x.dtype, sharding=sharding)
  copies = functools.partial(jax.tree.map, shape(spread.everywhere(mesh)))
  sums = jax.eval_shape(lambda: {'features': moments.empty(net.dims)})
  images = jax.ShapeDtypeStruct((batch, *spec.shape), np.uint8,
                                sharding=spread.rows(mesh))
  return see.lower(copies(variables), copies(sums), images, np.int32(batch)), (
      batch)


def compiled(name, place, kind, effort, known):
  """Compiles one program, unless its result is known: -> its row.

  Args:
    name: of PROGRAMS.
    place: name of the topology.
    kind: of step, or SCORING.
    effort: of the compiler, in [-1, 1].
    known: {key: row} of earlier results.

  Returns:
    {'key', 'program', 'topology', 'kind', 'dtype', 'images', ...}: 'error' if
    it does not compile, else what `measured` says.
  """
  program, devices = PROGRAMS[name], topology(place)
  row = {'program': name, 'topology': place, 'kind': kind, 'effort': effort}
  try:
    low, steps, count, dtype = lowered(
        program, program.topologies[place], kind, devices,
        chip_of(place).memory)
    text = ' '.join([place, str(effort), *map(
        metadata.version, ('jaxlib', 'libtpu')), low.as_text()])
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    row |= {'key': key, 'dtype': dtype, 'images': count, 'steps': steps}
    if key in known:
      return known[key] | row
    jax.config.update('jax_exec_time_optimization_effort', effort)
    jax.config.update('jax_memory_fitting_effort', effort)
    began = time.perf_counter()
    program = low.compile()
    row['seconds'] = time.perf_counter() - began
  except (jax.errors.JaxRuntimeError, UserError) as error:
    return row | {'error': f'{type(error).__name__}: {error}'}
  return row | measured(program, steps, len(devices))


def measured(program, steps, chips):
  """What a jax.stages.Compiled does on each of `chips` devices, per step.

  Returns:
    {'chips', 'arguments', 'temporaries', 'peak' (bytes), 'flops', 'padding'
    (the share of the products that only fills units), 'bytes', 'collectives',
    'moved' (bytes)}.
  """
  memory, work = program.memory_analysis(), hlo.work(program.as_text())
  arguments, temporaries = (memory.argument_size_in_bytes,
                            memory.temp_size_in_bytes)
  return {
      'chips': chips, 'arguments': arguments, 'temporaries': temporaries,
      'peak': (arguments + temporaries + memory.output_size_in_bytes
               - memory.alias_size_in_bytes),
      'flops': 2 * work.macs / steps,
      'padding': 1 - work.macs / work.padded if work.padded else 0.,
      'bytes': work.bytes / steps,
      'collectives': work.collectives / steps,
      'moved': work.moved / steps}


def floor(row):
  """Seconds of one step that the devices need at least."""
  chip, chips = chip_of(row['topology']), row['chips']
  return max(row['flops'] / chip.flops, row['bytes'] / chip.bandwidth,
             2 * (chips - 1) / chips * row['moved'] / chip.links)


def chip_of(place):
  """The Chip of a topology's name, 'v5e:2x2'."""
  return CHIPS[place.split(':')[0]]


COLUMNS = ('program', 'step', 'devices', 'type', 'images', 'arguments, MiB',
           'temporaries, MiB', 'peak, MiB', 'GFLOP', 'MiB of memory',
           'collectives', 'MiB', 'floor, ms', 'images/s', 'padding')


def table(rows):
  """The rows as a table in Markdown; figures are of one device and step."""
  lines = [COLUMNS, ['---'] * 4 + ['---:'] * (len(COLUMNS) - 4)]
  for row in rows:
    cells = [row['program'], row['kind'], row['topology'],
             row.get('dtype', '')]
    if 'error' in row:
      lines.append([*cells, f'does not compile: {brief(row["error"])}'])
      continue
    mib = lambda key, row=row: f'{row[key] / 2**20:,.0f}'
    least = floor(row)
    lines.append([
        *cells, f'{row["images"]:,}', mib('arguments'), mib('temporaries'),
        mib('peak'), f'{row["flops"] / 1e9:,.4g}', mib('bytes'),
        f'{row["collectives"]:.0f}', f'{row["moved"] / 2**20:.3g}',
        f'{1e3 * least:.3g}', f'{row["images"] / least:,.0f}',
        f'{100 * row["padding"]:.0f} %'])
  return ''.join(f'| {" | ".join(cells)} |\n' for cells in lines)


def brief(error):
  """The first sentence of an error, without what would break a table."""
  return ' '.join(error.split('\n')[0].split())[:200].replace('|', '/')


def main(argv):
  """Compiles, prints the table: -> exit code."""
  parser = argparse.ArgumentParser(prog='python -m bench.aot')
  parser.add_argument('names', nargs='*', metavar='NAME',
                      help=f'of {", ".join(PROGRAMS)}; all without one')
  parser.add_argument('--topology', nargs='+', default=[],
                      help='only these, as v5e:2x2; all without one')
  parser.add_argument('--json', default='runs/aot.json', metavar='FILE',
                      help='results; what is known there is not repeated')
  parser.add_argument('--effort', type=float, default=-1.,
                      help='of the compiler, in [-1, 1]; 0 is the usual one')
  flags = parser.parse_args(argv)
  for name in flags.names:
    if name not in PROGRAMS:
      parser.error(f'no program {name}: {", ".join(PROGRAMS)}')
  names = flags.names or [*PROGRAMS]
  places = {place for name in names for place in PROGRAMS[name].topologies}
  for place in flags.topology:
    if place not in places:
      parser.error(f'no program of {", ".join(names)} for {place}: '
                   f'{", ".join(sorted(places))}')
  if not importlib.util.find_spec('libtpu'):
    parser.error('libtpu is not installed here: `make aot` has it')
  file = pathlib.Path(flags.json)
  known = {row['key']: row for row in (
      json.loads(file.read_text()) if file.is_file() else [])}
  rows, began = [], time.perf_counter()
  for name in names:
    places = {place: changes for place, changes
              in PROGRAMS[name].topologies.items()
              if not flags.topology or place in flags.topology}
    for i, (place, changes) in enumerate(places.items()):
      wanted = [*kinds(completed(PROGRAMS[name], changes))]
      if not i:
        wanted += [SCORING] + [FEATURES] * PROGRAMS[name].features
      for kind in wanted:
        row = apart(compiled, name, place, kind, flags.effort, known)
        rows.append(row)
        if 'error' not in row:
          known[row['key']] = row
          file.parent.mkdir(parents=True, exist_ok=True)
          write_text(file, json.dumps([*known.values()], indent=1) + '\n')
        sys.stderr.write(f'{name} {kind} {place}: ' + (
            row['error'] if 'error' in row else
            f'compiled in {row["seconds"]:.0f} s') + '\n')
  sys.stdout.write(table(rows))
  sys.stdout.write(f'\n{len(rows)} programs, compiled in '
                   f'{sum(row.get("seconds", 0) for row in rows):.0f} s; '
                   f'{time.perf_counter() - began:.0f} s now\n')
  return int(any('error' in row for row in rows))


def apart(function, *arguments):
  """The result of `compiled` in a process of its own, which may be killed."""
  context = multiprocessing.get_context('spawn')
  with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
    try:
      return pool.submit(function, *arguments).result()
    except concurrent.futures.process.BrokenProcessPool as error:
      name, place, kind, *_ = arguments
      return {'program': name, 'topology': place, 'kind': kind,
              'error': f'the compiler was killed: {error}'}


if __name__ == '__main__':
  os.environ['JAX_PLATFORMS'] = 'cpu'  # also of the processes it starts
  sys.exit(main(sys.argv[1:]))
