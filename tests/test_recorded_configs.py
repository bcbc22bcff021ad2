"""A run's config.json is data: whatever it names, no file of a folder runs."""
import contextlib
import copy
import sys

from jgan import build, cli
from jgan import config as configs
from jgan.errors import UserError


def texts(tree, place=()):
  """The places of all strings of a record: tuples of keys and indices."""
  pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
  for key, value in pairs:
    if isinstance(value, str):
      yield (*place, key)
    elif isinstance(value, dict | list):
      yield from texts(value, (*place, key))


def test_no_string_of_a_record_makes_its_file_run(tmp_path, monkeypatch):
  (tmp_path / 'foreign.py').write_text('open("run_by_jgan", "w")\n')
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])
  c = cli.load('experiments/digits/default.py:smoke')
  c.loss, c.feedback = {'name': 'mmd'}, (
      {'name': 'kernel_bound', 'metric': 'eval/fd_pixels'},)
  c.penalties, c.augment = ({'name': 'r1'},), ({'name': 'ada'},)
  c.schedules = ({'name': 'octave'},)
  record = configs.plain(configs.complete(c))
  places = [*texts(record)]
  assert {('search',), ('data', 'name'), ('loss', 'name'), ('method', 'name'),
          ('generator', 'conv'), ('eval', 'network'), ('augment', 0, 'name'),
          ('optimizer', 'gen', 'pruning', 'name')} <= {*places}
  for place in places:
    for value in ('foreign', str(tmp_path / 'foreign.py'), '..foreign'):
      changed = copy.deepcopy(record)
      section = changed
      for key in place[:-1]:
        section = section[key]
      section[place[-1]] = value
      with contextlib.suppress(UserError):
        build.method(configs.from_record(changed))
  assert 'foreign' not in sys.modules
  assert not (tmp_path / 'run_by_jgan').exists()
