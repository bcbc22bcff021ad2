"""The sparse-dense pair of Re-GAN (Saxena et al., 2023): RUN/pair/.

sparse.safetensors and dense.safetensors are the averaged generator at the end
of the last phase of each kind; steps.json has the steps of both.

  python -m jgan.main --mode=sample --params=RUN/pair/sparse.safetensors \
    --out=FILE.png
  python -m jgan.main --mode=evaluate --workdir=RUN \
    --params=RUN/pair/sparse.safetensors
"""
import json
import logging
import pathlib

from jgan import build, weights
from jgan.files import parsed, replacing
from jgan.optim.masked import DENSE, SPARSE
from jgan.workdir import write_text

log = logging.getLogger(__name__)

_NAMES = {SPARSE: 'sparse', DENSE: 'dense'}


def ends(config):
  """Ends of the generator's phases: {steps done: 'sparse' or 'dense'}.

  {} for a run whose generator does not have phases of both kinds.
  """
  kinds = {span.end: _NAMES[span.phase] for span in build.spans(config).gen
           if span.phase in _NAMES}
  return kinds if {*kinds.values()} == {*_NAMES.values()} else {}


def step_of(path):
  """The step of a generator file of a pair; None for any other file."""
  path = pathlib.Path(path)
  return _steps(path.with_name('steps.json')).get(path.stem)


def write(workdir, name, step, net, entries=None):
  """Writes one generator of the pair, replacing the previous one.

  The file is replaced atomically. It is written before the checkpoint of its
  step, so a run killed in between writes it again when resumed.

  Args:
    workdir: Path of the run.
    name: 'sparse' or 'dense'.
    step: of the generator.
    net: the averaged generator, a Network.
    entries: what the file says about itself, as from about.strings; or None.
  """
  folder = workdir / 'pair'
  folder.mkdir(exist_ok=True)
  with replacing(folder / f'{name}.safetensors') as part:
    weights.save(net, part, entries)
  file = folder / 'steps.json'
  write_text(file, json.dumps({**_steps(file), name: step}) + '\n')


def _steps(file):
  """{name: step} of steps.json; {} if it is absent, or damaged."""
  if not file.is_file():
    return {}
  try:
    steps = parsed(file.read_bytes())
    return {name: int(steps[name]) for name in _NAMES.values() if name in steps}
  except (OSError, ValueError, TypeError, OverflowError) as error:
    log.warning('%s is damaged and not used: %s', file, error)
    return {}
