"""The structure of the code: who imports whom, and what a command loads."""
import ast
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

ARROWS = {
    'ops': {'ops', 'errors'},
    'layers': {'ops', 'layers', 'lookup', 'errors'},
    'operations': {'ops', 'layers', 'operations', 'lookup', 'errors'},
    'models': {'ops', 'layers', 'models', 'genotype', 'space', 'spaces',
               'lookup', 'errors'},
    'spaces': {'space', 'lookup', 'errors'},
    'space.py': {'lookup', 'errors'},
    'compress': {'compress', 'layers', 'ops', 'lookup', 'errors'},
    'feedback': {'errors', 'lookup'},
    'losses': {'ops', 'losses', 'types', 'lookup', 'errors'},
    'penalties': {'ops', 'penalties', 'features', 'losses', 'types', 'lookup',
                  'errors'},
    'probes': {'ops', 'probes', 'lookup', 'errors'},
    'doctor': {'doctor', 'lookup', 'errors'},
    'schedules': {'schedules', 'lookup', 'errors'},
    'augment': {'augment', 'ops', 'lookup', 'errors'},
    'optim': {'ops', 'optim', 'lookup', 'errors'},
    'methods': {'augmenting', 'build', 'labelling', 'steps', 'forward',
                'methods', 'space', 'lookup', 'types', 'ops', 'optim',
                'errors'},
    'data': {'data', 'types', 'lookup', 'errors', 'ops'},
    'features': {'arrays', 'features', 'files', 'layers', 'ops', 'lookup',
                 'errors'},
    'metrics': {'metrics', 'ops', 'errors', 'data', 'types', 'lookup'},
    'report': {'report', 'files', 'ops', 'genotype', 'space', 'lookup',
               'errors'},
    'run': {'run', 'score', 'about', 'arrays', 'build', 'observers', 'checks',
            'forward', 'steps', 'methods', 'data', 'doctor', 'report', 'ops',
            'optim', 'batches', 'classes', 'config', 'errors', 'failures',
            'files', 'labelling', 'rows',
            'genotype', 'lookup', 'paths', 'power', 'precision', 'progress',
            'protocol', 'sections', 'signals', 'types', 'weights', 'workdir'},
    'score': {'arrays', 'augmenting', 'score', 'build', 'observers', 'steps',
              'forward', 'metrics', 'features', 'ops', 'batches', 'config',
              'errors', 'classes', 'files', 'labelling', 'lookup', 'precision',
              'protocol', 'sections', 'types', 'workdir'},
    'steps.py': {'augmenting', 'ops', 'optim', 'types', 'errors', 'forward',
                 'regularise'},
    'augmenting.py': set(),
    'regularise.py': {'forward', 'ops', 'optim', 'types'},
    'types.py': set(),
    'power.py': {'errors'},
    'forward.py': {'errors', 'types'},
    'config.py': {'checks', 'classes', 'files', 'genotype', 'lookup', 'paths',
                  'pins', 'sections', 'errors'},
    'pins.py': {'arrays', 'errors'},
    'teachers.py': {'about', 'classes', 'forward', 'pins', 'steps', 'types',
                    'weights', 'errors'},
    'checks.py': {'lookup', 'protocol', 'sections', 'errors'},
    'sections.py': {'contracts', 'lookup', 'errors'},
    'genotype.py': {'files', 'space', 'lookup', 'errors'},
    'protocol.py': {'lookup', 'errors'},
    'weights.py': {'about', 'arrays', 'int8', 'types', 'errors'},
    'int8.py': {'errors'},
    'about.py': {'config', 'files', 'errors'},
    'onnx.py': {'forward', 'portable', 'weights', 'errors'},
    'portable.py': {'errors'},
    'styles.py': {'build', 'forward', 'layers', 'score', 'errors'},
    'trained.py': {'about', 'build', 'classes', 'config', 'experiment', 'run',
                   'score', 'weights', 'errors'},
    'arrays.py': {'errors'},
    'workdir.py': {'config', 'errors', 'files', 'paths', 'provenance',
                   'words'},
    'provenance.py': {'precision'},
    'precision.py': {'lookup'},
    'files.py': set(),
    'experiment.py': {'errors'},
    'classes.py': {'lookup', 'sections', 'errors'},
    'labelling.py': {'batches', 'classes', 'ops', 'sections', 'types',
                     'errors'},
    'rows.py': set(),
    'build.py': {'batches', 'classes', 'compress', 'config', 'errors',
                 'labelling', 'layers', 'lookup', 'optim', 'power',
                 'precision', 'schedules', 'sections', 'steps', 'teachers',
                 'types'},
    'observers.py': {'build', 'lookup', 'errors'},
    'cli.py': {'config', 'experiment', 'flags', 'lookup', 'paths', 'photos',
               'sections', 'sweeps', 'errors'},
    'sweeps.py': {'flags', 'errors'},
    'photos.py': {'config', 'experiment', 'flags', 'lookup', 'words',
                  'errors'},
    'words.py': set(),
    'main.py': {'cli', 'failures', 'heap', 'paths', 'progress', 'signals',
                'errors'},
    'heap.py': set(),
    'notebook.py': {'cli', 'config', 'experiment', 'failures', 'paths',
                    'progress', 'run', 'errors'},
    'archive.py': {'files', 'errors'},
    'progress.py': {'signals'},
    'batches.py': {'ops', 'errors', 'types'},
    'errors.py': set(),
    'contracts.py': {'errors', 'flags'},
    'lookup.py': {'contracts', 'errors'},
    'flags.py': {'paths', 'errors'},
    'paths.py': {'errors'},
    'failures.py': {'errors'},
    'signals.py': set(),
}


def imported(node):
  """First names below jgan that an import statement reaches."""
  if isinstance(node, ast.ImportFrom) and node.module == 'jgan':
    return [alias.name for alias in node.names]
  if isinstance(node, ast.ImportFrom) and (node.module or '').startswith(
      'jgan.'):
    return [node.module.split('.')[1]]
  if isinstance(node, ast.Import):
    return [alias.name.split('.')[1] for alias in node.names
            if alias.name.startswith('jgan.')]
  return []


def imports(path):
  """(file, name below jgan) of every import in a file, or in a folder's."""
  for file in [path] if path.is_file() else sorted(path.rglob('*.py')):
    for node in ast.walk(ast.parse(file.read_text())):
      for name in imported(node):
        yield file, name


@pytest.mark.parametrize('part', ARROWS)
def test_imports_follow_the_arrows_of_the_design(part):
  """Who may import whom: losses never see models, ops see nothing."""
  for file, name in imports(ROOT / 'jgan' / part):
    assert name in ARROWS[part], f'{file} imports jgan.{name}'


def test_nothing_imports_a_verb_but_verbs():
  for file, name in imports(ROOT / 'jgan'):
    if name == 'verbs':
      assert file.parent.name == 'verbs', file


def test_a_verb_imports_another_only_in_the_pipeline():
  verbs = {file.stem for file in (ROOT / 'jgan' / 'verbs').glob('[!_]*.py')}
  for file in (ROOT / 'jgan' / 'verbs').glob('*.py'):
    for node in ast.walk(ast.parse(file.read_text())):
      if isinstance(node, ast.ImportFrom) and 'jgan.verbs' in node.module:
        others = verbs & {node.module.rpartition('.')[2],
                          *(alias.name for alias in node.names)}
        assert not others or file.stem == 'pipeline', (file, others)


def test_every_folder_has_its_rule():
  folders = {f.name for f in (ROOT / 'jgan').iterdir()
             if f.is_dir() and any(f.rglob('*.py'))}
  assert folders - {*ARROWS} == {'verbs'}


def test_only_build_and_make_read_a_config():
  """Elsewhere functions take arguments."""
  for part in ('ops', 'layers', 'models', 'losses', 'penalties', 'probes',
               'optim', 'data', 'metrics', 'report'):
    for file in (ROOT / 'jgan' / part).glob('*.py'):
      names = {a.arg for n in ast.walk(ast.parse(file.read_text()))
               if isinstance(n, ast.FunctionDef) for a in n.args.args}
      assert 'config' not in names, file


def test_names_say_what_they_hold():
  """Not that something was found, kept or taken."""
  for file in (ROOT / 'jgan').rglob('*.py'):
    names = {node.id for node in ast.walk(ast.parse(file.read_text()))
             if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert not names & {'found', 'kept', 'takes', 'more'}, file


def test_main_and_the_command_line_know_no_verb_by_name():
  verbs = {file.stem for file in (ROOT / 'jgan' / 'verbs').glob('[!_]*.py')}
  for name in ('main', 'cli'):
    tree = ast.parse((ROOT / 'jgan' / f'{name}.py').read_text())
    words = {node.value for node in ast.walk(tree)
             if isinstance(node, ast.Constant)}
    # The default verb is the one that a user means who names none.
    assert verbs & words <= {'train'}, name


def test_no_file_is_much_longer_than_one_idea():
  long = {str(file.relative_to(ROOT)): lines
          for file in (ROOT / 'jgan').rglob('*.py')
          if (lines := len(file.read_text().splitlines())) > 400}
  assert not long


def loaded_by(program):
  """Names of the modules that a program loads, in a process of its own."""
  run = subprocess.run(
      [sys.executable, '-c', f'{program}\nimport json, sys\n'
       'sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))'],
      cwd=ROOT, capture_output=True, text=True, check=True)
  return {*json.loads(run.stderr.splitlines()[-1])}


def test_help_loads_no_jax():
  loaded = loaded_by('from jgan import main; main.main(["jgan", "--help"])')
  assert not loaded & {'jax', 'flax', 'optax', 'orbax', 'matplotlib', 'scipy',
                       'tensorly', 'rich', 'PIL'}


def test_training_loads_what_it_needs_when_it_needs_it():
  """All of the verb and its parts, before the first step."""
  loaded = loaded_by(
      'from jgan import build, lookup\n'
      'from jgan.experiment import load\n'
      'lookup.find("verbs", "train")\n'
      'build.method(load("experiments/digits/default.py:smoke"))')
  assert 'jax' in loaded
  assert not loaded & {'tensorflow', 'tensorly', 'matplotlib', 'grain', 'scipy',
                       'sklearn', 'tensorflow_datasets'}
