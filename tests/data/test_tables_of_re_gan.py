"""Rows of one table of Re-GAN train on the same images and score alike."""
import importlib
import itertools
import pathlib

import numpy as np
import pytest
from PIL import Image

from jgan import batches, build, experiment
from jgan import config as configs

HOME = pathlib.Path(__file__).resolve().parents[2] / 'experiments/re_gan'
FILES = sorted(path.stem for path in HOME.glob('*.py'))
ROWS = [f'{name}.py:{row}' for name in FILES for row in getattr(
    importlib.import_module(f'experiments.re_gan.{name}'), 'ROWS', ())]
SETS = ('obama', 'grumpy', 'panda', 'cat', 'dog', 'flowers')
TABLE_5 = {name: [f'progan.py:{re}{name}' for re in ('', 're_')] + [
    f'few_shot.py:{re}stylegan2{augment}_{name}'
    for augment in ('', '_apa', '_diffaug') for re in ('', 're_')]
    for name in SETS}


def load(row):
  return configs.complete(experiment.load(f'experiments/re_gan/{row}'))


def images_of(c):
  """What decides the images that a row trains on, and those it scores with."""
  keys = ('first', 'fraction', 'fraction_seed', 'order')
  eval_ = c.eval
  return (c.data.to_dict(), [c.pipeline[key] for key in keys],
          [eval_[key] for key in ('split', 'samples', 'reals', 'protocol')],
          eval_.subset or bool(eval_.split) or c.pipeline.first == 0)


@pytest.mark.parametrize('name', FILES)
def test_all_rows_that_report_fid_have_one_protocol(name):
  rows = [row for row in ROWS if row.startswith(f'{name}.py')] or [f'{name}.py']
  for row in rows:
    c = load(row)
    if c.eval.network == 'inception':
      assert c.eval.protocol == 'pytorch_fid', row


@pytest.mark.parametrize('name', SETS)
def test_the_rows_of_few_images_read_the_same_folder(name):
  rows = [images_of(load(row)) for row in TABLE_5[name]]
  assert len(rows) == 8
  assert all(row == rows[0] for row in rows), name
  data, pipeline, score, against_training = rows[0]
  assert data['folder'] and score == ['', 5000, 0, 'pytorch_fid']
  assert against_training
  assert pipeline[0] == {'cat': 160, 'dog': 389, 'flowers': 1000}.get(name, 100)


def test_the_flowers_are_drawn_from_all_of_the_folder(tmp_path):
  """1,000 of 8,189, whose names go by class."""
  (tmp_path / 'jpg').mkdir()
  for i in range(1, 1201):
    (tmp_path / 'jpg' / f'image_{i:05}.jpg').touch()
  Image.new('RGB', (256, 256)).save(tmp_path / 'jpg' / 'a.jpg', quality=5)
  tiny = (tmp_path / 'jpg' / 'a.jpg').read_bytes()
  for path in (tmp_path / 'jpg').iterdir():
    path.write_bytes(tiny)
  chosen = {}
  for row in ('progan.py:flowers', 'few_shot.py:re_stylegan2_apa_flowers'):
    source = build.source(load(row), str(tmp_path))
    assert len(source) == 1000
    chosen[row] = source.names()
  assert len({*map(tuple, chosen.values())}) == 1
  halves = [sum(name > 'image_00600' for name in names)
            for names in chosen.values()]
  assert min(halves) > 400


@pytest.mark.parametrize('row', [
    f'{file}.py:{re}tiny_{part}' for file, re, part in itertools.product(
        ('stylegan2', 'progan'), ('', 're_'), (50, 20, 10))])
def test_parts_of_tiny_imagenet_have_images_of_all_classes(row):
  c = load(row)
  part = int(row.rpartition('_')[2])
  assert c.pipeline.first == 0 and c.pipeline.fraction == part / 100
  classes = np.repeat(np.arange(200), 500)[:, None, None, None]
  chosen = batches.subset(classes, fraction=c.pipeline.fraction,
                          seed=c.pipeline.fraction_seed)
  counts = np.bincount(chosen.ravel(), minlength=200)
  assert counts.sum() == 1000 * part and counts.min() > 2 * part
