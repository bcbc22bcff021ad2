"""The rows of bench.torch, without PyTorch."""
import pathlib

import pytest

from bench import rows, torch
from jgan import build

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTORCH = ROOT / 'bench' / 'pytorch'


@pytest.mark.parametrize('name', rows.ROWS)
def test_both_sides_have_every_row(name):
  config = rows.config(name)
  build.models(config, build.spec(config).shape)
  for part in (config.generator, config.discriminator, config.method):
    assert (PYTORCH / f'{part.name}.py').is_file()
  assert sum(share for _, share in rows.cycle(config)) == pytest.approx(1.)


def test_lazy_penalties_count_as_often_as_they_come():
  cycle = rows.cycle(rows.config('stylegan2-32'))
  assert cycle == [(0, 1 / 16), (1, 12 / 16), (4, 3 / 16)]


def test_a_python_without_pytorch_is_told_what_to_install(capsys):
  with pytest.raises(SystemExit, match='requirements-torch.txt'):
    torch.version_of('/nowhere/python')


def test_an_unknown_row_is_refused_with_the_known_ones(capsys):
  with pytest.raises(SystemExit):
    torch.parse(['sngam'])
  assert 'sngan-32 64/64' in capsys.readouterr().err
