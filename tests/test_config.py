"""The config: every key is read, every mistake is refused."""
import pathlib
import re

import pytest
from ml_collections import ConfigDict

from jgan import build, experiment, lookup, sections
from jgan import config as configs
from jgan.errors import UserError
from jgan.layers import norm
from jgan.run import loop

ROOT = pathlib.Path(__file__).resolve().parent.parent


def spy(config, read, prefix=''):
  """Wraps every section of a config so that reads are noted in `read`."""

  class Section(ConfigDict):

    def __getitem__(self, key):
      read.add(f'{prefix}{key}')
      return super().__getitem__(key)

    def __getattr__(self, key):
      if not key.startswith('_'):
        read.add(f'{prefix}{key}')
      return super().__getattr__(key)

    def items(self, *arguments, **keywords):
      read.update(f'{prefix}{key}' for key in self.keys())
      return super().items(*arguments, **keywords)

    def copy_and_resolve_references(self, *arguments):
      return self

  wrapped = Section()
  for key in config:
    value = config[key]
    if isinstance(value, ConfigDict):
      value = spy(value, read, f'{prefix}{key}.')
    wrapped[key] = value
  read.clear()
  return wrapped


def leaves(config, prefix=''):
  for key in config:
    if isinstance(config[key], ConfigDict):
      yield from leaves(config[key], f'{prefix}{key}.')
    else:
      yield f'{prefix}{key}'


def test_every_key_is_read_by_a_run(tiny, tmp_path, monkeypatch):
  """No key is accepted and ignored: a run on two devices reads them all.

  The check of values at the start does not count as reading.
  """
  tiny.devices = 2
  tiny.eval.update({'every': 2, 'metrics': ('fd_pixels',), 'samples': 20})
  tiny.checkpoint.best = 'eval/fd_pixels'
  config = configs.complete(tiny)
  read = set()
  watched = spy(config, read)
  monkeypatch.setattr(configs, 'complete', lambda c: c)
  monkeypatch.setattr(loop, 'opened', quiet_open(loop.opened, config))
  loop.run(watched, tmp_path)
  unread = {key for key in set(leaves(config)) - read
            if not key.startswith(('compress.', 'search'))}
  assert unread == set()  # other verbs' keys: tests/test_recipe.py


def quiet_open(opened, plain):
  """Recording the config into the workdir does not count either."""
  return lambda folder, config, **rest: opened(folder, plain, **rest)


def test_defaults_of_what_is_named_are_filled_in(tiny):
  c = configs.complete(tiny)
  assert c.generator.norm == 'batch' and c.discriminator.act == 'leaky_relu'
  assert c.optimizer.gen.b1 == .9 and c.optimizer.gen.schedule.warmup == 0
  assert c.is_locked
  assert configs.plain(configs.complete(c)) == configs.plain(c)


@pytest.mark.parametrize('path, value, words', [
    ('stepz', 5, "unknown config key 'stepz': did you mean 'steps'"),
    ('generator.widht', 8, "unknown key 'widht' .* did you mean 'width'"),
    ('loss.margin', 1., "unknown key 'margin' in config.loss"),
    ('log.evry', 1, "'log.evry': did you mean 'every'"),
    ('generator', {'name': 'dcgan', 'width': 'wide'},
     "width is 'wide', of type str; type int"),
    ('optimizer.gen.b1', 'x', 'type float is'),
    ('steps', 0, 'config.steps is 0, it must be at least 1'),
    ('steps', 2**31, 'config.steps is 2147483648, it must be at most 21474836'),
    ('seed', 2**32, 'config.seed is 4294967296, it must be at most 42949672'),
    ('eval.samples', 2**40, 'it must be at most'),
    ('ema.decay', 1., r'in \[0, 1\)'),
    ('optimizer.gen.lr', float('inf'), 'optimizer.gen.lr is inf, it must be f'),
    ('penalties', ({'name': 'r1', 'gamma': float('nan')},),
     r'config.penalties\[0\].gamma is nan, it must be finite'),
    ('pipeline.fraction', 0., r'in \(0, 1\]'),
    ('optimizer.disc.lr', -1., 'positive'),
    ('parallel', 'pmp', 'one of pmap, jit'),
    ('generator.norm', 'bach', "no 'bach' in layers.norm: did you mean 'batch"),
    ('optimizer.gen.name', 'adm', "did you mean 'adam'"),
    ('eval.every', 5, 'eval.metrics is empty'),
    ('checkpoint.best', 'eval/x', 'nothing would be scored'),
    ('eval.knobs', {'spectrum': {'centre': 'x'}}, "did you mean 'center'"),
    ('eval.knobs', {'spectrun': {}}, "did you mean 'spectrum'"),
])
def test_a_mistake_is_refused_with_what_would_be_right(
    tiny, path, value, words):
  section = tiny
  *sections, key = path.split('.')
  for name in sections:
    section = section[name]
  section[key] = value
  with pytest.raises(UserError, match=words):
    build.method(tiny)


def test_a_missing_key_is_named(tiny):
  del tiny.seed
  with pytest.raises(UserError, match="'seed' is missing"):
    configs.complete(tiny)


def test_a_record_of_an_older_jgan_takes_new_keys_by_default(tiny):
  record = configs.plain(configs.complete(tiny))
  want = configs.plain(configs.complete(tiny))
  del record['eval']['best_response'], record['profile']
  assert configs.plain(configs.from_record(record)) == want


@pytest.mark.parametrize('name, role, fields', [
    (name, role, fields) for name in lookup.names('models')
    for role, fields in getattr(lookup.find('models', name), 'EARLIER',
                                {}).items()])
def test_a_run_older_than_a_field_goes_on_computing_what_it_did(
    name, role, fields):
  c = configs.base()
  c[role] = {'name': name}
  record = configs.plain(configs.complete(c))
  for field, value in fields.items():
    assert record[role].pop(field) != value
  again = configs.from_record(record)[role]
  assert {field: again[field] for field in fields} == fields


@pytest.mark.parametrize('field, value, words', [
    ('mixing', 2., r'mixing is 2\.0, a probability in \[0, 1\]'),
    ('rate', 0., r'has the rate 0\.0: one above 0 would be right')])
def test_shares_and_rates_of_a_network_are_checked(tiny, field, value, words):
  tiny.generator = {'name': 'stylegan2', 'latent': 4, 'width': 1, field: value}
  with pytest.raises(UserError, match=words):
    build.abstract(tiny, build.method(tiny))


@pytest.mark.parametrize('path, value, words', [
    ('generator.width', 0, 'generator.width is 0, it must be at least 1'),
    ('generator.latent', 0, 'generator.latent is 0, it must be at least 1'),
    ('generator.hidden', (0,), r'hidden=\(0,\) does not give 1 layers'),
    ('generator.conv', ConfigDict({'name': 'plain', 'groups': 3}),
     'convolution of 8 channels to 4 has 3 groups'),
    ('generator.conv', ConfigDict({'name': 'plain', 'groups': 0}),
     'generator.conv.groups is 0, it must be at least 1'),
    ('generator.conv', ConfigDict({'name': 'plain', 'groups': (3,)}),
     r'generator.conv.groups is \(3,\), of type tuple; type int is needed'),
    ('generator.conv', ConfigDict({'name': 'plain', 'kernel': 2}),
     'kernel of 2 .* an odd kernel would be right'),
    ('generator.conv', ConfigDict({'name': 'plain', 'stride': 2}),
     "unknown key 'stride' in config.generator.conv"),
    ('generator.conv', ConfigDict({'name': 'octave', 'alpha': float('nan')}),
     'generator.conv.alpha is nan, it must be finite'),
])
def test_a_network_that_cannot_be_is_refused_before_it_is_compiled(
    tiny, path, value, words):
  role, key = path.split('.')
  tiny[role][key] = value
  with pytest.raises(UserError, match=words):
    build.abstract(tiny, build.method(tiny))


def test_an_int_may_stand_for_a_float(tiny):
  tiny.optimizer.gen.lr = 1
  tiny.ema.decay = 0
  c = configs.complete(tiny)
  assert c.optimizer.gen.lr == 1. and isinstance(c.ema.decay, float)


def test_first_and_fraction_exclude_each_other(tiny):
  tiny.pipeline.update({'first': 10, 'fraction': .5})
  with pytest.raises(UserError, match='not both'):
    configs.complete(tiny)


def test_renaming_a_section_keeps_the_arguments_both_take(tiny):
  tiny.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  sections.rename(tiny, 'generator', 'mlp')
  assert tiny.generator.to_dict() == {'name': 'mlp', 'latent': 8, 'width': 4}


def test_differences_name_key_and_both_values():
  assert configs.differences({'a': {'b': 1}, 'c': 2}, {'a': {'b': 3}}) == [
      'a.b: 1 -> 3', 'c: 2 -> absent']


def test_the_smoke_form_is_known_and_others_are_not(tiny):
  assert configs.small(tiny, 'smoke', {'steps': 1}).steps == 1
  with pytest.raises(UserError, match="form 'smok': did you mean 'smoke'"):
    configs.small(tiny, 'smok', {})


def test_every_experiment_and_its_smoke_form_can_be_built():
  files = experiment.files()
  assert files
  for file in files:
    rows = getattr(experiment.imported(file), 'ROWS', ())
    forms = [f':{row}:smoke' for row in rows]
    for form in ('', ':smoke', *forms):
      config = configs.complete(experiment.load(f'{file}{form}'))
      build.models(config, build.spec(config).shape)
      build.optimizers(config)
      if form in ('', ':smoke'):
        build.method(config)


def test_an_experiment_trains_on_the_data_that_its_file_names():
  """And none on the default, the digits, because nothing was said."""
  sets = [name for name in lookup.names('data') if name != 'digits']
  for file in experiment.files():
    data = experiment.load(str(file)).data.name
    assert (data == 'digits') == (file.parent.name == 'digits'), file
    named = {'imagenet': 'tfds:', 'ffhq': 'image_folder',
             'flowers': 'image_folder', 'folder': 'image_folder',
             **{name: name for name in sets}}
    said = [named[name] for name in named if re.search(
        rf'(^|_)(?<!tiny_){name}(_|$)', file.stem)]
    assert all(data.startswith(name) for name in said), (file, data)


def test_a_repeated_penalty_acts_twice(tiny):
  tiny.penalties = ({'name': 'drift'}, {'name': 'drift', 'weight': 1.})
  assert list(build.penalties(configs.complete(tiny))) == ['drift', 'drift_']


def test_a_section_without_a_name_is_told_the_names(tiny):
  tiny.log.sinks = ({'mode': 'online'},)
  with pytest.raises(UserError, match=r"sinks\[0\] is \{'mode': 'online'\}, "
                                      "and 'name' is needed: .*csv.* wandb"):
    configs.complete(tiny)


def test_the_nearest_name_is_offered():
  with pytest.raises(UserError, match="no 'hinj' in losses: did you mean 'hin"):
    lookup.find('losses', 'hinj')


def test_a_part_is_of_the_file_of_its_name():
  assert lookup.members('layers.norm') == [
      'batch', 'chain', 'instance', 'layer', 'local_batch', 'none']
  assert lookup.member('layers.norm', 'batch') is norm.batch
  assert 'plain' in lookup.members('layers.conv')
  with pytest.raises(UserError, match="no 'relo' in layers.act: did you mean "
                                      "'relu'"):
    lookup.member('layers.act', 'relo')
  with pytest.raises(UserError, match=r"losses/hinge\.py defines no .*'hinge'"):
    lookup.member('losses', 'hinge')
