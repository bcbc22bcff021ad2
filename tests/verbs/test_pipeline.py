"""The pipeline: all stages by one command, again, and after being killed."""
import importlib.util
import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jgan import cli, genotype, main
from jgan import config as configs
from jgan.errors import UserError
from jgan.layers import conv, dense, output
from jgan.layers.resize import upsample
from jgan.models import adversarial_nas, adversarial_nas_super
from jgan.verbs import _compared, pipeline

COMMAND = ('--mode=pipeline', '--config=experiments/mmd_nas/cpu.py:smoke',
           '--compilation_cache=')
STAGES = ('search', 'dense', 'compressed', 'finetuned', 'final')


class Derived(nn.Module):
  """A network of one genotype that compiles in a second."""
  size: int
  colors: int
  latent: int = 16
  width: int = 4
  genotype: str = 'mmd_nas'
  conv: Callable = conv.plain
  dense: Callable = dense.plain
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    del train
    op = genotype.load(self.genotype)['generator'][0]['up0']
    h = self.dense(64 * self.width, name='linear_2')(z)
    h = upsample(h.reshape(-1, 8, 8, self.width))
    h = nn.relu(self.conv(self.width, name=f'after_{op}')(h))
    return output.image(self.conv(self.colors, name='to_rgb')(h))


class Noting(ConfigDict):
  """A section that notes which of its keys are read."""

  def __getitem__(self, key):
    read.add(key)
    return super().__getitem__(key)

  def copy_and_resolve_references(self, visit_map=None):
    return ConfigDict(self.to_dict())


read = set()


def shrunk(location, load=cli.load):
  """The experiment at 16 pixels, with networks of a few weights."""
  c = load(location)
  c.data.size, c.devices, c.generator.width = 16, 1, 4
  c.generator.latent = 16
  if c.method.name == 'adversarial':
    c.discriminator = {'name': 'dcgan', 'width': 4}
    c.compress.update({
        'rules': ({'match': 'after', 'form': 'cp', 'rank': 1,
                   'way': 'separable'},),
        'ranks': (1,), 'match': ''})
  for name in ('samples', 'reals'):
    c.eval[name] = 32
  c.samples.every = 0
  return c


@pytest.fixture(scope='module')
def command():
  """Runs the pipeline in a folder with all that is slow put aside."""
  file = pathlib.Path(__file__).parents[1] / 'methods' / 'conftest.py'
  spec = importlib.util.spec_from_file_location('toys', file)
  toys = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(toys)
  restored = pipeline.restored

  def noted(folder, best=True):
    config, method, state = restored(folder, best)
    with config.unlocked():
      config.compress = Noting(config.compress)
    return config, method, state

  with pytest.MonkeyPatch.context() as patch:
    for module, name, value in (
        (adversarial_nas_super, 'Generator', toys.Generator),
        (adversarial_nas_super, 'Discriminator', toys.Discriminator),
        (adversarial_nas, 'Generator', Derived),
        (cli, 'load', shrunk), (pipeline, 'restored', noted),
        (_compared.latency, 'measure', lambda calls, **_: dict.fromkeys(
            calls, 1.))):
      patch.setattr(module, name, value)
    yield lambda folder, *more: main.main(
        ['jgan', *COMMAND, f'--workdir={folder}', *more])


@pytest.fixture(scope='module')
def done(command, tmp_path_factory):
  """The folder of a pipeline that ran to its end."""
  folder = tmp_path_factory.mktemp('pipeline')
  read.clear()
  assert command(folder) == 0
  return folder


def states(folder):
  return {name: pipeline.restored(folder / name, best=False)[2]
          for name in STAGES}


def records(folder):
  """{file: bytes} of what a repeated command must leave."""
  names = ('metrics.jsonl', 'evaluations.jsonl', 'trials.jsonl',
           'genotype.json', 'config.json', 'compression.json',
           'sensitivity.json', 'report.json')
  return {str(f.relative_to(folder)): f.read_bytes()
          for f in sorted(folder.rglob('*.json*')) if f.name in names}


def equal(a, b):
  return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_every_stage_leaves_its_run_and_the_report_tells_of_all(done):
  report = json.loads((done / 'report.json').read_text())
  assert list(report['runs']) == list(STAGES[1:])
  text = (done / 'report.md').read_text()
  assert all(name in text for name in STAGES[1:])
  sizes = [report['runs'][name]['params'] for name in STAGES[1:]]
  assert sizes[0] > sizes[1] == sizes[2] > sizes[3]
  for file in ('genotype.png', 'sensitivity/sensitivity.png'):
    assert (done / file).stat().st_size


def test_the_genotype_that_was_found_is_the_one_that_is_trained(done):
  found = genotype.load(done / 'genotype.json')
  for name in STAGES[1:]:
    config, _, state = pipeline.restored(done / name, best=False)
    assert genotype.load(config.generator.genotype) == found
    assert f'after_{found["generator"][0]["up0"]}' in state.ema.params
  _, method, state = pipeline.restored(done / 'search', best=False)
  derived = method.search.derive(state)
  assert derived['generator'] == found['generator']


def test_the_record_does_not_depend_on_the_genotypes_file(done, tmp_path):
  """A run can be moved away from the pipeline that began it."""
  shutil.copytree(done / 'dense', tmp_path / 'dense')
  config = pipeline.restored(tmp_path / 'dense', best=False)[0]
  assert str(done) not in json.dumps(configs.plain(config)['generator'])


def test_every_key_of_compressing_is_read(done):
  """Other keys: tests/test_config.py."""
  assert set(configs.base().compress) <= read


def test_a_repeated_command_changes_nothing(done, command):
  before, saved = records(done), states(done)
  assert command(done) == 0
  assert records(done) == before
  assert equal(states(done), saved)


def test_a_killed_pipeline_goes_on_to_the_same_bits(done, command, tmp_path):
  shutil.copytree(done, tmp_path / 'run')
  for name in ('dense/checkpoints/4', 'sensitivity', 'compressed', 'finetuned',
               'final'):
    shutil.rmtree(tmp_path / 'run' / name)
  (tmp_path / 'run' / '.final.part').mkdir()  # of a stage that was half done
  assert command(tmp_path / 'run') == 0
  assert equal(states(tmp_path / 'run'), states(done))
  scores = lambda folder: {
      name: run['scores'] for name, run in json.loads(
          (folder / 'report.json').read_text())['runs'].items()}
  assert scores(tmp_path / 'run') == scores(done)


@pytest.mark.parametrize('change, words', [
    ('--config.compress.rules=() --config.compress.ranks=()',
     'neither rules nor ranks'),
    ('--config.eval.metrics=() --config.eval.every=0 --config.feedback=() '
     '--config.checkpoint.best=', 'config.eval.metrics is empty'),
    ('--config.search=experiments/mmd_nas/nonesuch.py', 'no config file'),
    ("--config.compress.last=({'match':'linear','form':'svd','rank':(2,2)},)",
     "rule 0: rank (2, 2) of form 'svd'"),
])
def test_a_mistake_is_found_before_anything_is_trained(
    command, tmp_path, capsys, change, words):
  assert command(tmp_path / 'run', *change.split()) == 2
  assert words in capsys.readouterr().err
  assert not list(tmp_path.glob('run/*/checkpoints'))


def test_a_rule_that_fits_no_layer_is_found_before_the_training(tiny, tmp_path):
  tiny.compress.rules = ({'match': 'conv_1', 'form': 'tucker', 'rank': (9, 1)},)
  with pytest.raises(UserError, match="rule 0, layer 'conv_1': rank 9"):
    pipeline.write(configs.complete(tiny), tmp_path)
  assert not [*tmp_path.iterdir()]


def test_rules_for_another_genotype_leave_the_choice_to_the_sensitivity(
    tiny, tmp_path, monkeypatch):
  compress, written = pipeline.compress, []
  monkeypatch.setattr(compress, 'write', lambda config, *a, **k:
                      written.append(config.compress.sensitivity))
  monkeypatch.setattr(pipeline, 'restored', lambda folder: (
      configs.complete(tiny).unlock(), None, None))
  tiny.compress.rules = ({'match': 'conv_1', 'form': 'cp', 'rank': 1},)
  for genotype_, choice in (('', ''), ('mmd_nas', 'trials.json')):
    tiny.compress.genotype = genotype_
    pipeline.compressed('dense', tmp_path / 'out', '', trials='trials.json')
    assert written.pop() == choice
  with pytest.raises(UserError, match="are for genotype 'mmd_nas'"):
    pipeline.write(configs.complete(tiny), tmp_path)


def test_a_changed_config_is_followed_where_it_is_allowed(
    done, command, tmp_path, capsys, monkeypatch):
  """And a stage of the earlier one is named, not passed off as of the new."""
  def searched(config, *_):
    record = configs.recorded(done / 'dense')
    with config.unlocked():
      config.generator.genotype = record['generator']['genotype']
    return config

  monkeypatch.setattr(pipeline, 'searched', searched)
  monkeypatch.setattr(pipeline.sensitivity, 'write', lambda *_, **__: '')
  shutil.copytree(done, tmp_path / 'run')
  change = '--config.compress.lr=.5'
  assert command(tmp_path / 'run', change) == 2
  assert '--allow_config_change' in capsys.readouterr().err
  assert command(tmp_path / 'run', change, '--allow_config_change') == 2
  assert (f'{tmp_path / "run" / "compressed"} was made from another config '
          '(compress.lr: 1e-05 -> 0.5') in capsys.readouterr().err


def test_a_recorded_search_runs_no_file_of_a_folder(
    tmp_path, monkeypatch, capsys):
  """Neither one that it names nor one that goes by the name of jgan's own."""
  run, own = tmp_path / 'run', 'experiments/mmd_nas/cpu_search.py'
  for file in (run / 'search.py', tmp_path / own):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('open("run_by_jgan", "w")\n')
  monkeypatch.chdir(tmp_path)
  record = configs.plain(configs.complete(configs.base()))
  record['compress']['ranks'] = [1]
  for search in (f'{run}/search.py', 'run/search.py', own, f'{own}:smoke'):
    (run / 'config.json').write_text(json.dumps(record | {'search': search}))
    assert main.main(['jgan', '--mode=pipeline', '--workdir=run',
                      '--compilation_cache=']) == 2
    assert 'not an experiment that comes with jgan' in capsys.readouterr().err
  assert not [*tmp_path.rglob('run_by_jgan')]
