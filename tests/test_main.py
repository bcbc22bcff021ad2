"""The command line, as a user meets it."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

import jgan
from jgan import main, weights
from jgan.errors import UserError
from jgan.ops.quantize import to_uint8
from jgan.verbs import evaluate

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIGITS = 'experiments/digits/default.py:smoke'
SMALL = ['--config.devices=1', '--config.steps=4', '--config.eval.every=0',
         '--config.checkpoint.best=', '--config.samples.every=4',
         '--config.checkpoint.every=2', '--config.log.every=2',
         '--compilation_cache=']


@pytest.fixture
def command(capsys, monkeypatch):
  """Runs main(): -> exit code, stdout, stderr."""
  import logging
  logger = logging.getLogger('jgan')
  monkeypatch.setattr(logger, 'handlers', [])
  monkeypatch.setattr(logger, 'propagate', True)

  def run(*arguments):
    code = main.main(['jgan', *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err

  return run


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp('trained')
  assert main.main(['jgan', f'--config={DIGITS}', f'--workdir={folder}',
                    *SMALL]) == 0
  return folder


def test_help_names_verbs_flags_and_experiments(command):
  code, out, _ = command('--help')
  assert code == 0
  for word in ('train', 'sample', 'describe', 'export', '--workdir',
               'experiments/digits/default.py', 'Handwritten digits'):
    assert word in out


def test_training_says_where_everything_is(command, trained):
  code, out, err = command(f'--config={DIGITS}', f'--workdir={trained}',
                           *SMALL)
  assert code == 0 and 'already at step 4' in err
  for word in ('samples', 'curves', 'metrics', 'checkpoints', 'tensorboard'):
    assert word in out
  code, out, err = command(f'--config={DIGITS}', f'--workdir={trained}',
                           *SMALL, '--quiet')
  assert code == 0 and 'samples' in out and err == ''


def test_photos_need_no_config_and_the_whole_command_is_said(command, tmp_path):
  Image.new('RGB', (80, 80)).save(tmp_path / 'a.png')
  code, _, err = command(f'--data_dir={tmp_path}', f'--workdir={tmp_path}/run',
                         '--size=64', '--config.platform=gpu')
  assert code == 2 and "asks for 'gpu'" in err
  assert ('In full: jgan --config=experiments/photos/default.py:64 --data_dir='
          in err)


@pytest.mark.parametrize('mistake, words', [
    (['--config=experiments/digits/nonesuch.py'], 'no config file'),
    (['--config.nonesuch=1'], "unknown config key 'nonesuch'"),
    (['--config.generator.widht=1'], "did you mean 'width'"),
    (['--config.loss.name=hinj'], "did you mean 'hinge'"),
    (['--config.steps=many'], 'steps'),
    (['--mode=trian'], "did you mean 'train'"),
    (['--workdirr=x'], "did you mean 'workdir'"),
    (['train'], 'flags start with --'),
    (['--mode=sample'], 'no checkpoints in'),
    (['--mode=export'], 'needs --out'),
    (['--config.data.name=cifar10'], 'data_dir'),
    (['--config.data.name=image_folder', '--data_dir=/nonesuch'], 'nonesuch'),
    (['--config.generator.name=sngan', '--config.data.size=16'],
     'size 16 does not suit'),
    (['--config.devices=0', '--config.batch=30'], 'does not divide by 8'),
    (['--config.platform=gpu'], "asks for 'gpu'"),
    (["--config.penalties=({'name': 'r1', 'gama': 1.},)"],
     "did you mean 'gamma'"),
])
def test_a_mistake_ends_with_code_2_and_one_line(
    command, tmp_path, mistake, words):
  config = [] if mistake[0].startswith('--config=') else [f'--config={DIGITS}']
  code, out, err = command(*config, f'--workdir={tmp_path}/run',
                           '--compilation_cache=', *mistake)
  assert code == 2 and out == ''
  errors = [x for x in err.splitlines() if x.startswith('jgan: error: ')]
  assert len(errors) == 1 and words in errors[0], err
  assert 'Traceback' not in err
  assert not list(tmp_path.glob('run/checkpoints/*'))


def test_no_config_is_a_mistake_unless_the_workdir_has_one(
    command, trained, tmp_path):
  code, _, err = command('--mode=sample', f'--workdir={tmp_path}')
  assert code == 2 and 'no --config=FILE given' in err
  code, out, _ = command('--mode=sample', f'--workdir={trained}', '--n=4',
                         '--compilation_cache=')
  assert code == 0 and out.strip() == f'{trained}/sample.png'


def test_debug_shows_the_traceback(command):
  code, _, err = command('--mode=trian', '--debug')
  assert code == 2 and 'Traceback' in err


def test_describe_prints_one_json_object(command):
  code, out, _ = command('--mode=describe', '--json', f'--config={DIGITS}',
                         '--compilation_cache=')
  assert code == 0
  found = json.loads(out)
  for player in ('generator', 'discriminator'):
    network = found[player]
    assert network['params'] == sum(x['params'] for x in network['layers'])
    assert network['macs'] == sum(x['macs'] for x in network['layers']) > 0
    assert network['mb'] == network['params'] * 4 / 1e6
    assert network['macs_thop'] >= network['macs']
  assert found['steps_per_epoch'] == 1797 / 16
  assert len(found['devices']) == 8
  assert found['run']['real_images'] == 16 * found['run']['steps'] > 0
  assert found['memory']['parameters'] == 4 * sum(
      found[player]['params'] for player in ('generator', 'discriminator'))


def test_describe_prints_tables(command):
  code, out, _ = command('--mode=describe', f'--config={DIGITS}',
                         '--compilation_cache=')
  assert code == 0
  for word in ('generator', 'to_rgb', 'parameters', 'MACs', 'steps per epoch',
               'devices', 'FLOPs', 'parameters of the generator',
               'real images', 'hours of one chip at 30% of its peak', 'H100',
               'to_rgb/kernel'):
    assert word in out


def test_sample_writes_a_grid_an_array_or_files(command, trained, tmp_path):
  sample = lambda *more: command(
      '--mode=sample', f'--workdir={trained}', '--compilation_cache=', *more)
  assert sample(f'--out={tmp_path}/grid.png', '--n=9')[0] == 0
  assert Image.open(tmp_path / 'grid.png').size[0] > 3 * 16
  assert sample(f'--out={tmp_path}/a.npz', '--n=5')[0] == 0
  images = np.load(tmp_path / 'a.npz')['images']
  assert images.shape == (5, 16, 16, 1) and images.dtype == np.uint8
  assert sample(f'--out={tmp_path}/files', '--n=5')[0] == 0
  files = sorted((tmp_path / 'files').iterdir())
  assert len(files) == 5
  np.testing.assert_array_equal(np.asarray(Image.open(files[3])),
                                images[3, ..., 0])
  assert sample(f'--out={tmp_path}/b.npz', '--n=5', '--seed=1')[0] == 0
  assert (np.load(tmp_path / 'b.npz')['images'] != images).any()
  assert sample(f'--out={tmp_path}/i.npz', '--n=2', '--interpolate=3')[0] == 0
  assert np.load(tmp_path / 'i.npz')['images'].shape[0] == 6
  assert sample(f'--out={tmp_path}/c.jpg')[0] == 2
  assert sample('--n=0')[0] == 2
  assert sample('--step=3')[0] == 2
  assert sample(f'--out={tmp_path}/d.npz', f'--seed={2**32 - 1}')[0] == 0
  assert sample('--seed=-1')[0] == sample(f'--seed={2**32}')[0] == 2


def test_average_online_and_earlier_checkpoints_differ(
    command, trained, tmp_path):
  images = []
  for i, more in enumerate(([], ['--online'], ['--step=2'])):
    out = tmp_path / f'{i}.npz'
    assert command('--mode=sample', f'--workdir={trained}', f'--out={out}',
                   '--n=4', '--compilation_cache=', *more)[0] == 0
    images.append(np.load(out)['images'])
  assert (images[0] != images[1]).any() and (images[0] != images[2]).any()


def test_a_run_is_loaded_as_a_generator(command, trained, tmp_path):
  """The images are those of --mode=sample, from the folder and from a file."""
  out, file = tmp_path / 'a.npz', tmp_path / 'g.safetensors'
  for arguments in (['--mode=sample', f'--out={out}', '--n=3', '--seed=5'],
                    ['--mode=export', f'--out={file}']):
    assert command(*arguments, f'--workdir={trained}',
                   '--compilation_cache=')[0] == 0
  g = jgan.load(trained)
  assert g.step == 4 and g.weights == 'average'
  assert jgan.load(file).scores == [
      {k: x[k] for k in ('values', 'protocol', 'identity')} for x in g.scores]
  np.testing.assert_array_equal(g.sample(5, n=3), np.load(out)['images'])
  assert jgan.load(trained, step=2).step == 2
  assert jgan.load(trained, online=True).weights == 'online'
  # The lines of the README.
  lines = next(block for block in re.findall(
      r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.DOTALL)
               if 'jgan.load' in block)
  names = {}
  exec(lines.replace('runs/digits', str(trained)), names)
  assert names['images'].shape == (16, 16, 16, 1)


@pytest.mark.parametrize('suffix', ['safetensors', 'npz'])
def test_exported_weights_come_back_and_sample_the_same(
    command, trained, tmp_path, suffix):
  file = tmp_path / f'g.{suffix}'
  assert command('--mode=export', f'--workdir={trained}', f'--out={file}',
                 '--compilation_cache=')[0] == 0
  net = weights.load(file)
  again = weights.to_arrays(net)
  assert any(name.startswith('params/') for name in again)
  assert any(name.startswith('batch_stats/') for name in again)
  for more, out in (([], 'a'), ([f'--params={file}'], 'b')):
    assert command('--mode=sample', f'--workdir={trained}', '--n=3',
                   f'--out={tmp_path}/{out}.npz', '--compilation_cache=',
                   *more)[0] == 0
  a, b = (np.load(tmp_path / f'{x}.npz')['images'] for x in 'ab')
  np.testing.assert_array_equal(a, b)
  assert command('--mode=export', f'--workdir={trained}', '--discriminator',
                 f'--out={tmp_path}/d.{suffix}', '--compilation_cache=')[0] == 0
  assert weights.load(tmp_path / f'd.{suffix}').params


def test_exported_weights_of_another_network_are_refused(
    command, trained, tmp_path):
  file = tmp_path / 'd.npz'
  assert command('--mode=export', f'--workdir={trained}', '--discriminator',
                 f'--out={file}', '--compilation_cache=')[0] == 0
  code, _, err = command('--mode=sample', f'--workdir={trained}',
                         f'--params={file}', '--compilation_cache=')
  assert code == 2 and 'is a discriminator' in err
  weights.save(weights.load(file), file)  # without what it says of itself
  code, _, err = command('--mode=sample', f'--workdir={trained}',
                         f'--params={file}', '--compilation_cache=')
  assert code == 2 and 'does not fit the model' in err


def test_a_file_that_is_no_export_is_refused(command, trained, tmp_path):
  (tmp_path / 'x.safetensors').write_bytes(b'nothing of the kind')
  code, _, err = command('--mode=sample', f'--workdir={trained}',
                         f'--params={tmp_path}/x.safetensors',
                         '--compilation_cache=')
  assert code == 2 and 'cannot read' in err


def test_the_exported_program_runs_where_only_jax_is_imported(
    command, trained, tmp_path):
  file = tmp_path / 'g.jaxexport'
  assert command('--mode=export', f'--workdir={trained}', f'--out={file}',
                 '--compilation_cache=')[0] == 0
  z = np.random.default_rng(0).normal(size=(3, 32)).astype(np.float32)
  np.save(tmp_path / 'z.npy', z)
  program = (
      'import sys, jax, jax.export, numpy as np\n'
      f'g = jax.export.deserialize(open({str(file)!r}, "rb").read())\n'
      f'x = g.call(np.load({str(tmp_path / "z.npy")!r}))\n'
      f'np.save({str(tmp_path / "x.npy")!r}, x)\n'
      'assert set(g.platforms) == {"cpu", "cuda", "tpu"}\n'
      'bad = {"jgan", "flax", "optax", "orbax"} & set(sys.modules)\n'
      'assert not bad, bad\n')
  subprocess.run([sys.executable, '-c', program], check=True, cwd=tmp_path)
  from jgan import build, cli
  method = build.method(cli.load(DIGITS))
  assert command('--mode=export', f'--workdir={trained}',
                 f'--out={tmp_path}/g.npz', '--compilation_cache=')[0] == 0
  want = jax.jit(method.sample)(weights.load(tmp_path / 'g.npz'), z)
  np.testing.assert_allclose(np.load(tmp_path / 'x.npy'), want, atol=1e-5)
  assert to_uint8(want).shape == (3, 16, 16, 1)


def test_a_command_does_not_depend_on_its_surroundings(tmp_path):
  """A notebook's backend of plots, no home, float64, a terminal in Latin-1."""
  environment = {name: value for name, value in os.environ.items()
                 if name != 'HOME'}
  environment |= {'MPLBACKEND': 'module://matplotlib_inline.backend_inline',
                  'JAX_ENABLE_X64': '1', 'JAX_DISABLE_JIT': '1',
                  'JAX_NUMPY_RANK_PROMOTION': 'raise',
                  'JAX_TRANSFER_GUARD': 'disallow', 'PYTHONOPTIMIZE': '2',
                  'PYTHONIOENCODING': 'latin-1'}
  run = subprocess.run(
      [sys.executable, '-c', 'import os; os.getuid = lambda: 12345\n'
       'from jgan import main; main.command()', f'--config={DIGITS}',
       f'--workdir={tmp_path}/\N{SNOWMAN}', *SMALL[:-1], '--config.steps=2',
       f'--compilation_cache={os.environ["JGAN_TEST_CACHE"]}'],
      env=environment, capture_output=True, text=True, encoding='latin-1')
  assert run.returncode == 0, run.stderr
  for name in ('JAX_ENABLE_X64', 'JAX_DISABLE_JIT'):
    assert f'{name} is set and has no effect' in run.stderr
  assert 'curves.png' in run.stdout and 'Traceback' not in run.stderr


@pytest.mark.parametrize('closed', ['>&-', '2>&-', '| true'])
def test_a_command_does_not_need_a_reader(closed):
  run = subprocess.run(
      ['bash', '-c', f'set -o pipefail; "$0" -m jgan.main --help {closed}',
       sys.executable], capture_output=True, text=True)
  assert (run.returncode, run.stderr) == (0, '')


def test_importing_jgan_changes_nothing_and_needs_no_tensorflow():
  program = (
      'import sys, jax\n'
      'before = dict(jax.config.values)\n'
      'import jgan.main, jgan.run.loop, jgan.build\n'
      'assert jax.config.values == before\n'
      'assert "tensorflow" not in sys.modules\n'
      'import jax._src.xla_bridge as bridge\n'
      'assert not bridge.backends_are_initialized()\n')
  subprocess.run([sys.executable, '-c', program], check=True)


def test_evaluate_scores_checkpoints_under_several_protocols(
    command, trained):
  code, out, err = command(
      '--mode=evaluate', f'--workdir={trained}', '--steps=all',
      '--metrics=fd_pixels,stability,spectrum', '--config.eval.samples=40',
      '--config.eval.best_response=2',
      f'--config={DIGITS}', *SMALL, '--protocols=standard,nvlabs')
  assert code == 0, err
  assert 'fd_pixels' in out and '"reference": "digits:train"' in out
  assert (trained / 'plots' / 'spectra.png').exists()
  assert 'do not compare' in out  # two protocols, two identities
  records = [json.loads(x) for x in
             (trained / 'scores.jsonl').read_text().splitlines()]
  assert [r['step'] for r in records] == [2, 2, 4, 4]
  assert all(np.isfinite(r['values']['fd_pixels']) for r in records)
  assert {'stability', 'duality_gap'} <= set(records[-1]['values'])
  assert records[0]['protocol']['generator'] == 'average'


def test_evaluate_reads_no_photos_for_plots_that_are_not_asked_for(tmp_path):
  asked = []
  images = lambda n: np.zeros((min(asked.append(n) or n, 9), 4, 4, 3), np.uint8)
  assert evaluate.pictures(tmp_path, ('fd_pixels',), images, images) == []
  assert not asked
  paths = evaluate.pictures(tmp_path, ('memorisation',), images, images)
  assert [path.name for path in paths] == ['neighbours.png']
  assert asked == [10000, 8]


@pytest.mark.parametrize('mistake, words', [
    (['--metrics=fd'], 'needs a feature network'),
    (['--metrics=fdd'], "did you mean 'fd'"),
    ([], 'metrics is empty'),
    (['--metrics=fd_pixels', '--steps=7:9'], 'names no checkpoint'),
    (['--metrics=fd_pixels', '--protocols=standrad'], "did you mean 'standard"),
    (['--metrics=fd', '--network=resnet56'], 'resnet56 needs its weights'),
    (['--metrics=fd', '--network=inception', '--weights=/nonesuch'],
     'nonesuch'),
])
def test_evaluate_refuses_what_it_cannot_score(
    command, trained, mistake, words):
  code, _, err = command(
      '--mode=evaluate', f'--workdir={trained}', f'--config={DIGITS}', *SMALL,
      '--config.eval.metrics=()', *mistake)
  assert code == 2 and words in err


def test_evaluate_compares_two_folders_without_a_config(command, tmp_path):
  rng = np.random.default_rng(0)
  for name, low in (('a', 0), ('b', 0), ('c', 128)):
    (tmp_path / name).mkdir()
    for i in range(12):
      image = rng.integers(low, 256, (8, 8, 3), np.uint8)
      Image.fromarray(image).save(tmp_path / name / f'{i}.png')
  scores = []
  for other in 'bc':
    code, out, err = command('--mode=evaluate', f'--a={tmp_path}/a',
                             f'--b={tmp_path}/{other}',
                             '--metrics=fd_pixels,spectrum',
                             '--compilation_cache=')
    assert code == 0, err
    numbers = next(x for x in out.splitlines() if 'standard' in x)
    scores.append(float(numbers.replace('│', ' ').split()[4]))
  assert scores[0] < scores[1]
  code, _, err = command('--mode=evaluate', f'--a={tmp_path}/a')
  assert code == 2 and '--b is missing' in err
  code, _, err = command('--mode=evaluate', f'--a={tmp_path}/a', '--b=cifar1O')
  assert code == 2 and "did you mean 'cifar10'" in err


def test_evaluate_takes_the_array_that_sample_writes(tmp_path):
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (20, 8, 8, 3), np.uint8)
  np.savez_compressed(tmp_path / 'a.npz', images=images)
  np.savez(tmp_path / 'b.npz', images=images // 2)
  np.savez(tmp_path / 'wide.npz', images=np.zeros((4, 16, 16, 3), np.uint8))
  np.savez(tmp_path / 'z.npz', z=np.zeros((4, 16)))
  (tmp_path / 'c').mkdir()
  for i, image in enumerate(images):
    Image.fromarray(image).save(tmp_path / 'c' / f'{i:02}.png')

  def scored(a, b):
    table = evaluate.sets(str(tmp_path / a), str(tmp_path / b),
                          metrics=('fd_pixels',), network='')
    row = next(x for x in table.splitlines() if 'standard' in x)
    return row.replace('│', ' ').split()[2], float(row.split()[-2])

  identity, same = scored('a.npz', 'a.npz')
  assert same < 1e-6 < scored('a.npz', 'b.npz')[1]
  assert scored('c', 'a.npz') == (identity, same)  # the same images as files
  assert scored('b.npz', 'a.npz')[0] != identity
  with pytest.raises(UserError, match='images of 16 x 16, and 8 are needed'):
    scored('a.npz', 'wide.npz')
  with pytest.raises(UserError, match=r"holds float64 \[4, 16\]; 'images' \["):
    scored('a.npz', 'z.npz')


def test_scores_are_printed_where_they_cannot_be_recorded(
    command, trained, tmp_path):
  run = tmp_path / 'run'
  shutil.copytree(trained, run)
  (run / 'scores.jsonl').unlink(missing_ok=True)
  (run / 'scores.jsonl').mkdir()  # root may write everywhere else
  code, out, err = command('--mode=evaluate', f'--workdir={run}',
                           '--metrics=fd_pixels', '--config.eval.samples=40',
                           f'--config={DIGITS}', *SMALL)
  assert code == 2 and 'could be written to' in err and 'fd_pixels' in out


def test_a_run_that_diverges_ends_with_code_3_and_how_to_go_on(
    command, tmp_path):
  code, _, err = command(f'--config={DIGITS}', f'--workdir={tmp_path}', *SMALL,
                         '--config.optimizer.disc.lr=1e30')
  assert code == 3
  line, = [x for x in err.splitlines() if x.startswith('jgan: error:')]
  assert 'not finite at step' in line and '--config.seed' in line
  assert 'There is no checkpoint yet' in line
