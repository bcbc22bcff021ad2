"""jgan as an installed package, used from elsewhere than its checkout."""
import ast
import json
import os
import pathlib
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import tomllib

import pytest

import jgan

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMALL = ['--config.steps=4', '--config.checkpoint.every=4',
         '--config.samples.every=4', '--config.eval.every=0',
         '--config.checkpoint.best=', '--config.log.every=2',
         f'--compilation_cache={os.environ.get("JGAN_TEST_CACHE", "")}']


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
  """A fresh environment with jgan's wheel, and the packages of this one."""
  folder = tmp_path_factory.mktemp('package')
  source = folder / 'source'
  for part in ('jgan', 'experiments'):
    shutil.copytree(ROOT / part, source / part,
                    ignore=shutil.ignore_patterns('__pycache__'))
  for name in ('pyproject.toml', 'setup.py', 'README.md', 'LICENSE'):
    shutil.copy(ROOT / name, source)
  pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
  run = lambda *command: subprocess.run(
      command, check=True, capture_output=True, text=True)
  run(*pip, 'wheel', '--no-deps', '--no-build-isolation', '--no-index',
      '--wheel-dir', folder, source)
  wheel, = folder.glob('jgan-*.whl')
  run(sys.executable, '-m', 'venv', '--without-pip', folder / 'env')
  python = folder / 'env' / 'bin' / 'python'
  run(*pip, '--python', python, 'install', '--no-deps', '--no-index', wheel)
  library = pathlib.Path(run(python, '-c', 'import sysconfig; print('
                             'sysconfig.get_path("purelib"))').stdout.strip())
  (library / 'test_packages.pth').write_text('\n'.join(
      [sysconfig.get_path('purelib'), *site.getsitepackages()]))
  return python


def test_the_command_trains_an_experiment_from_any_folder(installed, tmp_path):
  run = subprocess.run(
      [installed.with_name('jgan'),
       '--config=experiments/digits/default.py:smoke', '--workdir=w', *SMALL],
      cwd=tmp_path, capture_output=True, text=True)
  assert run.returncode == 0, run.stderr
  record = json.loads((tmp_path / 'w' / 'run.json').read_text())
  assert record['versions']['jgan'] == jgan.__version__
  assert record['commit'] == 'unknown: not a git checkout'
  assert (tmp_path / 'w' / 'samples' / '00000004.png').exists()


def test_the_package_is_imported_from_where_it_was_installed(
    installed, tmp_path):
  program = ('import jgan, jgan.experiment as e\n'
             'print(jgan.__version__, jgan.__file__, len(e.files()), e.FOLDER)')
  said = subprocess.run([installed, '-c', program], cwd=tmp_path, text=True,
                        capture_output=True, check=True).stdout.split()
  assert said[0] == jgan.__version__
  assert pathlib.Path(said[1]).is_relative_to(installed.parents[1])
  from jgan import experiment
  assert int(said[2]) == len(experiment.files()) > 50
  assert said[3].endswith('jgan/experiments')


def test_an_experiment_of_ones_own_inherits_from_one_of_jgan(
    installed, tmp_path):
  (tmp_path / 'experiments' / 'own').mkdir(parents=True)
  (tmp_path / 'experiments' / 'own' / 'base.py').write_text('STEPS = 7\n')
  (tmp_path / 'mine.py').write_text(
      '"""Mine."""\n'
      'from experiments.digits import default\n'
      'from experiments.own import base\n\n\n'
      'def get_config(form=None):\n'
      '  c = default.get_config(form)\n'
      '  c.steps = base.STEPS\n'
      '  return c\n')
  for command in ([installed, '-m', 'jgan.main'],
                  [installed.with_name('jgan')]):
    run = subprocess.run(
        [*command, '--mode=describe', '--json', '--config=mine.py:smoke'],
        cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)['generator']['params'] > 0


# Names of packages in requirements that are imported by another name.
IMPORTED_AS = {'absl-py': 'absl', 'pillow': 'PIL', 'scikit-learn': 'sklearn',
               'ml-collections': 'ml_collections', 'ml-dtypes': 'ml_dtypes',
               'orbax-checkpoint': 'orbax', 'tensorboardx': 'tensorboardX',
               'tensorflow-datasets': 'tensorflow_datasets'}
# What an extra brings, {extra: modules}; imported where it is used.
OF_EXTRAS = {'clu': {'tensorflow'}, 'wandb': {'wandb'},
             'onnx': {'jax2onnx', 'onnxruntime'},
             'video': {'imageio', 'imageio_ffmpeg'}}


def test_what_is_imported_is_required_and_the_other_way_round():
  roots = set()
  for file in (ROOT / 'jgan').rglob('*.py'):
    for node in ast.walk(ast.parse(file.read_text())):
      if isinstance(node, ast.Import):
        roots |= {alias.name.split('.')[0] for alias in node.names}
      elif isinstance(node, ast.ImportFrom):
        roots.add(node.module.split('.')[0])
  roots -= {*sys.stdlib_module_names, 'jgan'}.union(*OF_EXTRAS.values())
  text = (ROOT / 'requirements.txt').read_text()
  blocks = [re.findall(r'^([\w-]+)==', block, re.MULTILINE)
            for block in text.split('# ----')]
  _, direct, without_import, _ = blocks
  assert {IMPORTED_AS.get(name, name) for name in direct} == roots
  project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
  assert {*OF_EXTRAS} == {*project['optional-dependencies']} - {'test'}
  declared = {re.match(r'[\w-]+', line)[0] for line in project['dependencies']}
  assert declared == {*direct, *without_import}
