"""The notebooks: what they say exists, and each runs from top to bottom.

`make notebooks` runs them: each in an environment of its own, which has what a
Colab runtime has, and what the notebook's install cell brings.
"""
import ast
import base64
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from jgan import cli, experiment
from jgan import config as configs

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / 'experiments' / 'notebooks'
RUNTIME = ROOT / '.venv-notebooks'
NAMES = sorted(file.stem for file in FOLDER.glob('*.ipynb'))
MAGIC = re.compile(r'^(\s*)[%!](.*)$', re.MULTILINE)
# What a notebook may use that is not of jgan's requirements.
OTHERS = {'IPython', 'google', 'jgan'}


def notebook(name, folder=FOLDER):
  return json.loads((folder / f'{name}.ipynb').read_text())


def code(name):
  """The sources of the code cells, with their tags."""
  return [(''.join(cell['source']), cell['metadata'].get('tags', ()))
          for cell in notebook(name)['cells'] if cell['cell_type'] == 'code']


def python(source):
  """A cell without its lines for the shell and for IPython."""
  return MAGIC.sub(r'\1pass', source)


def test_the_five_notebooks_are_there():
  assert NAMES == ['low_data', 'quickstart', 'sdp', 'search_and_compress',
                   'spectra_and_octaves']


@pytest.mark.parametrize('name', NAMES)
def test_a_notebook_is_one_of_format_4_5(name):
  book = notebook(name)
  assert (book['nbformat'], book['nbformat_minor']) == (4, 5)
  assert book['metadata']['kernelspec']['name'] == 'python3'
  cells = book['cells']
  assert cells[0]['cell_type'] == 'markdown'
  assert len({cell['id'] for cell in cells}) == len(cells)
  for cell in cells:
    assert re.fullmatch(r'[\w-]{1,64}', cell['id'])
    assert cell['cell_type'] in ('markdown', 'code')
    if cell['cell_type'] == 'code':
      assert all(output['output_type'] != 'error' for output in
                 cell['outputs'])


@pytest.mark.parametrize('name', NAMES)
def test_a_notebook_is_small_and_has_its_pictures(name):
  assert (FOLDER / f'{name}.ipynb').stat().st_size < 250_000
  assert '"image/png"' in (FOLDER / f'{name}.ipynb').read_text()


@pytest.mark.parametrize('name', NAMES)
def test_cells_are_python_that_needs_what_is_required(name):
  requirements = (ROOT / 'pyproject.toml').read_text()
  for source, _ in code(name):
    for node in ast.walk(ast.parse(python(source))):
      modules = ([alias.name for alias in node.names]
                 if isinstance(node, ast.Import) else
                 [node.module] if isinstance(node, ast.ImportFrom) else [])
      for module in modules:
        root = module.split('.')[0]
        required = {'PIL': 'pillow', 'sklearn': 'scikit-learn'}.get(root, root)
        assert (root in sys.stdlib_module_names | OTHERS
                or f"'{required}>=" in requirements), module


@pytest.mark.parametrize('name', NAMES)
def test_the_first_cell_installs_jgan_and_nothing_else_does(name):
  first, *others = [source for source, _ in code(name)]
  assert re.findall(r'^[%!].*', first, re.MULTILINE) == [
      '%pip install -qq {SOURCE}']
  assert not any('pip' in line for source in others
                 for _, line in MAGIC.findall(source))
  assert 'tensorly>=' in (ROOT / 'pyproject.toml').read_text()


@pytest.mark.parametrize('name', NAMES)
def test_no_other_process_trains(name):
  """The kernel holds the TPU."""
  for source, _ in code(name):
    for _, line in MAGIC.findall(source):
      assert not line.startswith('python'), line
      if line.startswith('jgan'):
        assert line.startswith('jgan --mode=list'), line


@pytest.mark.parametrize('name', NAMES)
def test_every_command_of_a_notebook_is_understood(name, monkeypatch):
  record = configs.plain(configs.complete(
      experiment.load('experiments/digits/default.py:smoke')))
  monkeypatch.setattr(configs, 'recorded', lambda folder: record)
  monkeypatch.chdir(ROOT)
  lines = []
  for source, _ in code(name):
    lines += [line[5:] for _, line in MAGIC.findall(source)
              if line.startswith('jgan ')]
    for node in ast.walk(ast.parse(python(source))):
      if isinstance(node, ast.Call) and ast.unparse(node.func) == (
          'notebook.run'):
        lines.append(eval(  # a name stands for a folder
            compile(ast.Expression(node.args[0]), name, 'eval'),
            {'DATA': 'data', 'RUNS': 'runs/a,runs/b', 'name': 'a'}))
  for line in lines:
    assert cli.parse(['jgan', *shlex.split(line)]).verb.run
  for source in notebook(name)['cells']:
    for path in re.findall(r'(?:experiments|docs)/[\w/]+\.\w+',
                           ''.join(source['source'])):
      assert (ROOT / path).exists(), path


@pytest.mark.parametrize('full', [False, True])
@pytest.mark.parametrize('name', sorted({*NAMES} - {'quickstart'}))
def test_the_configs_of_a_notebook_are_complete(name, full, monkeypatch):
  """Those of its small form, and of its full one."""
  monkeypatch.chdir(ROOT)
  names = {'FULL': full, 'ACCELERATOR': 'any'}
  source, = [source for source, tags in code(name) if 'configs' in tags]
  exec(python(source), names)
  assert len(names['configs']) > 1
  for config in names['configs'].values():
    assert configs.complete(config).platform == 'any'


@pytest.mark.long
@pytest.mark.parametrize('name', NAMES)
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path):
  if not (RUNTIME / '.done').exists():
    pytest.skip('`make notebooks` makes the environment that it runs in')
  python = environment(tmp_path / 'env')
  shutil.copy(FOLDER / f'{name}.ipynb', tmp_path)
  gone = 'JAX_PLATFORMS', 'XLA_FLAGS', 'PYTHONPATH', 'JGAN_TEST_CACHE'
  run = subprocess.run(
      [python, '-c', 'from nbclient.cli import main; main()',
       f'{name}.ipynb', '--inplace', '--timeout=1200'],
      cwd=tmp_path, capture_output=True, text=True,
      env={**{key: value for key, value in os.environ.items()
              if key not in gone},
           'JGAN_SOURCE': str(source(tmp_path / 'source')),
           'PATH': f'{python.parent}{os.pathsep}{os.environ["PATH"]}'})
  assert not run.returncode, run.stderr[-4000:]
  subprocess.run([python, '-c', 'import nbformat, sys; nbformat.validate('
                  'nbformat.read(sys.argv[1], 4))',
                  tmp_path / f'{name}.ipynb'], check=True)
  # What the runtime has stays as it is: JAX for its accelerator, above all.
  assert not packages(tmp_path / 'env') & packages(RUNTIME) - {'pip'}
  book = tidied(notebook(name, tmp_path))
  if name == 'quickstart':
    assert said(book, 'np.array_equal, state, kept') == 'True'
  out = ROOT / 'runs' / 'notebooks'
  out.mkdir(parents=True, exist_ok=True)
  (out / f'{name}.ipynb').write_text(
      json.dumps(book, indent=1, ensure_ascii=False) + '\n')


def source(folder):
  """A copy of what pip installs jgan from, without what is not."""
  for part in ('jgan', 'experiments'):
    shutil.copytree(ROOT / part, folder / part,
                    ignore=shutil.ignore_patterns('__pycache__'))
  for name in ('pyproject.toml', 'setup.py', 'README.md', 'LICENSE'):
    shutil.copy(ROOT / name, folder)
  return folder


def environment(folder):
  """A fresh environment that sees the runtime's packages: -> its Python."""
  subprocess.run([RUNTIME / 'bin' / 'python', '-m', 'venv', folder],
                 check=True)
  (library(folder) / 'runtime.pth').write_text(f'{library(RUNTIME)}\n')
  return folder / 'bin' / 'python'


def library(environment):
  """The folder of an environment's packages."""
  folder, = environment.glob('lib/python*/site-packages')
  return folder


def packages(environment):
  """Names of the packages that are installed in an environment itself."""
  return {path.name.split('-')[0].lower()
          for path in library(environment).glob('*.dist-info')}


def tidied(book):
  """A notebook as it is stored: no times, each picture once and small."""
  for cell in book['cells']:
    cell['metadata'].pop('execution', None)
    for output in cell.get('outputs', ()):
      data = output.get('data', {})
      data.pop('image/jpeg', None)
      if 'image/png' in data:
        data['image/png'] = smaller(data['image/png'])
  book['metadata']['language_info'] = {'name': 'python'}
  return book


def smaller(text):
  """A picture in 64 colours, PNG in base64."""
  with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
    data = io.BytesIO()
    picture.convert('RGB').quantize(64).save(data, 'png', optimize=True)
  return base64.b64encode(data.getvalue()).decode()


def said(book, part):
  """The text that a cell with `part` in it has as its value."""
  cell, = [cell for cell in book['cells'] if part in ''.join(cell['source'])]
  return ''.join(cell['outputs'][-1]['data']['text/plain'])
