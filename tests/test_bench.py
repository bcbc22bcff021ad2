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


def test_a_python_without_pytorch_is_told_what_to_install():
  with pytest.raises(SystemExit, match='requirements-torch.txt'):
    torch.version_of('/nowhere/python')


def test_an_unknown_row_is_refused_with_the_known_ones(capsys):
  with pytest.raises(SystemExit):
    torch.parse(['sngam'])
  assert 'sngan-32 64/64' in capsys.readouterr().err


def test_a_row_that_fails_does_not_end_the_others(monkeypatch, capsys):
  def measured(options, name):
    if name == 'dcgan-64':
      raise RuntimeError('killed')
    return {'ratio': 2., 'least': 2., 'most': 2., 'jgan_ms': 1., 'torch_ms': 2.,
            'batch': 16, 'params': 3, 'macs': {'gen': 1, 'disc': 1},
            'macs_equal': True, 'jgan_compile_s': 1., 'jgan_mib': 1.,
            'torch_mib': 1., 'name': name}

  monkeypatch.setattr(torch, 'measure', measured)
  monkeypatch.setattr(torch, 'version_of', lambda python: 'PyTorch')
  monkeypatch.setattr(torch.os, 'sched_setaffinity', lambda *_: None)
  options = torch.parse(['dcgan-64', 'r1-32'])
  for name in ('JAX_PLATFORMS', 'XLA_PYTHON_CLIENT_PREALLOCATE'):
    monkeypatch.setenv(name, 'cpu')
  assert not torch.main(options)
  said = capsys.readouterr().out
  assert 'dcgan-64: failed, killed' in said and 'ratios: 2.00' in said
