"""The sparse-dense pair of Re-GAN (Saxena et al., 2023): RUN/pair/.

sparse.safetensors and dense.safetensors are the averaged generator as it stood
at the end of the last phase of each kind; steps.json says when that was.

  python -m jgan.main --mode=sample --workdir=RUN \
    --params=RUN/pair/sparse.safetensors
  python -m jgan.main --mode=evaluate --workdir=RUN \
    --params=RUN/pair/sparse.safetensors
"""
import json
import os
import pathlib

from jgan import build, weights
from jgan.optim.masked import DENSE, SPARSE
from jgan.workdir import write_text

_NAMES = {SPARSE: 'sparse', DENSE: 'dense'}


def ends(config):
  """When a run has one of its pair: {steps done: 'sparse' or 'dense'}.

  {} for a run whose generator does not have phases of both kinds.
  """
  found = {x.end: _NAMES[x.phase] for x in build.spans(config).gen
           if x.phase in _NAMES}
  return found if {*found.values()} == {*_NAMES.values()} else {}


def step_of(path):
  """The step of one of a pair, by its file; None of any other file."""
  path = pathlib.Path(path)
  file = path.with_name('steps.json')
  steps = json.loads(file.read_text()) if file.exists() else {}
  return steps.get(path.stem)


def write(workdir, name, step, net):
  """Writes one of the pair in place of the one before.

  A run killed at any instant leaves it whole, and when resumed writes it
  again, for it comes before the checkpoint of its step.

  Args:
    workdir: Path of the run.
    name: 'sparse' or 'dense'.
    step: of the generator.
    net: the averaged generator, a Network.
  """
  folder = workdir / 'pair'
  folder.mkdir(exist_ok=True)
  half = weights.save(net, folder / f'.{name}.safetensors')
  os.replace(half, folder / f'{name}.safetensors')
  file = folder / 'steps.json'
  steps = json.loads(file.read_text()) if file.exists() else {}
  write_text(file, json.dumps({**steps, name: step}) + '\n')
