"""Every file of a folder is what its folder asks for; others are refused."""
import types

import pytest

from jgan import contracts, lookup
from jgan.errors import UserError

FILES = [(kind, name) for kind in contracts.CONTRACTS
         for name in lookup.names(kind)]


@pytest.mark.parametrize('kind, name', FILES)
def test_every_file_fulfils_the_contract_of_its_folder(kind, name):
  assert lookup.find(kind, name).__doc__


def module(name='mine', **definitions):
  made = types.ModuleType(f'jgan.losses.{name}')
  vars(made).update(definitions)
  return made


def two(real, fake):
  return real, fake


@pytest.mark.parametrize('kind, definitions, words', [
    ('losses', {'discriminator': two},
     r'jgan/losses/mine\.py does not define generator\(real, fake\)'),
    ('losses', {'discriminator': lambda real: real, 'generator': two},
     r'discriminator takes 1 positional .*discriminator\(real, fake\) would'),
    ('losses', {'discriminator': two, 'generator': two, 'PAIRED': 1},
     'PAIRED is a int; a bool would be right'),
    ('penalties', {},
     r'neither discriminator\(play\) or generator\(play\); one is needed'),
    ('models', {'Generator': two}, 'Generator has no field axis_name, colors'),
    ('spaces', {'NODES': {}}, r'does not define cells\(player\)'),
    ('metrics', {'NEEDS': ('images',), 'REFERENCE': True},
     r'neither score\(real, fake\) or make\(real\)'),
    ('verbs', {'FLAGS': ()}, r'does not define run\(config, flags\)'),
    ('feedback', {'SETS': 'b_u', 'start': 3, 'update': two},
     r'start is a int; a function start\(value\)'),
])
def test_a_file_that_lacks_something_is_refused_when_it_is_loaded(
    kind, definitions, words):
  with pytest.raises(UserError, match=words):
    contracts.check(kind, module(**definitions))


def test_a_file_is_held_against_its_contract_by_lookup(monkeypatch):
  """Before anything is trained."""
  monkeypatch.delattr(lookup.find('losses', 'hinge'), 'generator')
  lookup._loaded.cache_clear()
  with pytest.raises(UserError, match=r'losses/hinge\.py does not define gen'):
    lookup.find('losses', 'hinge')
  monkeypatch.undo()
  assert lookup.find('losses', 'hinge').generator
