"""Runs as their files alone, for pages about them."""
import json
import types

import numpy as np
import pytest

from jgan import config as configs
from jgan.report import figure, grid
from jgan.workdir import append

RNG = np.random.default_rng(0)


def scored(step, value, identity='x'):
  return {'step': step, 'values': {'fd_pixels': value}, 'identity': identity,
          'protocol': {'protocol': 'standard', 'generator': 'average'}}


def written(config, folder, *, seed=0, steps=4):
  """A run's files, as training leaves them, without its checkpoints."""
  folder.mkdir(parents=True)
  config = config.copy_and_resolve_references()
  config.seed, config.checkpoint.best = seed, 'eval/fd_pixels'
  config.eval.update({'every': 1, 'metrics': ('fd_pixels',)})
  (folder / 'config.json').write_text(json.dumps(
      configs.plain(configs.complete(config))))
  (folder / 'run.json').write_text(json.dumps({
      'command': f'jgan --workdir={folder}', 'devices': ['cpu:0 cpu'],
      'versions': {'jax': '1.2'}}))
  (folder / 'images.json').write_text(json.dumps({'shape': [90, 16, 16, 1]}))
  for step in range(1, steps + 1):
    added(folder, step, 10. - step + seed)
  return folder


def added(folder, step, score):
  """What one more step leaves."""
  append(folder / 'metrics.jsonl', {'step': step, 'gen/loss': 1. / step})
  append(folder / 'metrics.jsonl', {
      'step': step, 'eval/fd_pixels': score, 'cost/flops': 1e6 * step,
      'cost/real_images': 8 * step, 'cost/published': 1e5 * step})
  append(folder / 'evaluations.jsonl', scored(step, score))
  append(folder / 'timing.jsonl', {'step': step, 'training': 60. * step,
                                   'scoring': 1.})
  images = RNG.integers(0, 256, (4, 16, 16, 1), np.uint8)
  grid.save_png(folder / 'samples' / f'{step:08d}.png', grid.grid(images))


@pytest.fixture
def files():
  """Writes the files of runs: `written`, `added`, `scored`."""
  return types.SimpleNamespace(written=written, added=added, scored=scored)


@pytest.fixture
def pages(monkeypatch):
  """Figures in place of files, by name."""
  drawn = {}
  monkeypatch.setattr(figure, 'save',
                      lambda path, page: drawn.update({path.name: page}))
  return drawn
