"""Every file of a folder is what its folder asks for; others are refused."""
import subprocess
import sys
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


def three(real, fake, margin):
  return real, fake, margin


def bare(real, fake, *, margin):
  return real, fake, margin


def make(config, shape):
  return config, shape


class Plain:
  """No linen module."""


@pytest.mark.parametrize('kind, definitions, words', [
    ('losses', {'discriminator': two},
     r'jgan/losses/mine\.py does not define generator\(real, fake\)'),
    ('losses', {'discriminator': lambda real: real, 'generator': two},
     r'discriminator takes 1 positional .*discriminator\(real, fake\) would'),
    ('losses', {'discriminator': three, 'generator': two},
     'needs margin besides; what a config sets is a keyword-only'),
    ('losses', {'discriminator': bare, 'generator': two},
     'has no default for margin'),
    ('losses', {'discriminator': Plain, 'generator': two},
     r'discriminator is a class; discriminator\(real, fake\) would be right'),
    ('losses', {'discriminator': two, 'generator': two, 'PAIRED': 1},
     'PAIRED is of type int; PAIRED, a bool, would be right'),
    ('penalties', {},
     r'neither discriminator\(play\) nor generator\(play\); one is needed'),
    ('models', {'Generator': two}, 'Generator is a function; a linen module'),
    ('models', {'Generator': Plain}, 'Generator is a class; a linen module'),
    ('spaces', {'NODES': {}}, r'does not define cells\(player\)'),
    ('methods', {'make': make}, 'make takes no axis_name'),
    ('augment', {'apply': lambda rng, images, memory: images,
                 'remember': lambda memory, fake: memory},
     'defines remember and not start'),
    ('operations', {'PLACES': ('keep',), 'apply': two},
     "PLACES has 'keep'; PLACES, a tuple of doubles, halves, keeps, would"),
    ('metrics', {'NEEDS': ('images',), 'REFERENCE': True, 'score': two},
     r'does not define BETTER, a dict whose values are higher, lower, neither'),
    ('metrics', {'NEEDS': ('images',), 'REFERENCE': True,
                 'BETTER': {'': 'up'}, 'score': two}, "BETTER has 'up'"),
    ('metrics', {'NEEDS': ('images',), 'REFERENCE': True,
                 'BETTER': (), 'score': two}, 'BETTER is of type tuple'),
    ('metrics', {'NEEDS': ('images',), 'REFERENCE': True, 'BETTER': {}},
     r'neither score\(real, fake\) nor make\(real\)'),
    ('metrics', {'NEEDS': ('pictures',), 'REFERENCE': True, 'BETTER': {},
                 'score': two},
     "NEEDS has 'pictures'"),
    ('verbs', {'FLAGS': ()}, r'does not define run\(config, flags\)'),
    ('verbs', {'FLAGS': (), 'run': two}, 'has no docstring'),
    ('verbs', {'FLAGS': ('what',), 'run': two, '__doc__': 'Help.'},
     "FLAGS has 'what'; a jgan.flags.Flag"),
    ('feedback', {'SETS': 'b_u', 'start': 3, 'update': two},
     r'start is of type int; start\(value\) would be right'),
])
def test_a_file_that_lacks_something_is_refused_when_it_is_loaded(
    kind, definitions, words):
  with pytest.raises(UserError, match=words):
    contracts.check(kind, module(**definitions))


def test_traced_arguments_and_any_number_of_them_are_taken():
  contracts.check('losses', module(
      discriminator=lambda real, fake, b_u: b_u, generator=lambda *all: all,
      TRACED=('b_u',)))


def test_a_file_that_cannot_be_read_says_where(package_copy):
  """And only commands that need it fail."""
  (package_copy / 'jgan' / 'losses' / 'broken.py').write_text('a = \n')
  (package_copy / 'jgan' / 'verbs' / 'broken.py').write_text('"""x."""\nb = (')

  def jgan(*arguments):
    done = subprocess.run([sys.executable, '-m', 'jgan.main', *arguments],
                          cwd=package_copy, capture_output=True, text=True)
    assert 'Traceback' not in done.stderr
    return done

  assert 'broken       cannot be read: line 2' in jgan('--help').stdout
  digits = '--config=experiments/digits/default.py:smoke'
  refused = jgan('--mode=describe', digits, '--config.loss.name=broken')
  assert refused.returncode == 2
  assert 'losses/broken.py, line 1: invalid syntax' in refused.stderr
  refused = jgan('--mode=describe', digits, '--jsn')
  assert "did you mean 'json'" in refused.stderr
  listed = jgan('--mode=list', '--what=losses')
  assert listed.returncode == 0 and 'hinge' in listed.stdout
  assert 'cannot be loaded: ' in listed.stdout


def test_a_file_is_held_against_its_contract_by_lookup(monkeypatch):
  """Before anything is trained."""
  monkeypatch.delattr(lookup.find('losses', 'hinge'), 'generator')
  lookup._loaded.cache_clear()
  with pytest.raises(UserError, match=r'losses/hinge\.py does not define gen'):
    lookup.find('losses', 'hinge')
  monkeypatch.undo()
  assert lookup.find('losses', 'hinge').generator
