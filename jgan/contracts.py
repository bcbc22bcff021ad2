"""Contracts: what a file in each folder of jgan must and may define.

`lookup` checks a file against the contract of its folder when it loads it, so
that mistakes in a new file are reported before training.
"""
import dataclasses
import inspect
import sys
import types
from collections.abc import Mapping
from typing import NamedTuple

from jgan.errors import UserError
from jgan.flags import Flag


class Fields(frozenset):
  """Describes a linen module that has these fields."""


class Items(frozenset):
  """Describes a constant, a tuple of some of these names."""


class Words(frozenset):
  """Describes a constant, a dict whose values are some of these words."""


class Contract(NamedTuple):
  """The definitions that files of one folder have.

  The description of a definition is a tuple of names for a function with these
  positional arguments, with those after '*' as keywords; Fields of a linen
  module; Items of a tuple; Words of a dict; or the type, or types, of a
  constant.

  Attributes:
    section: the config section, or the flag, that names a file of the folder.
    must: {name: description} of required definitions.
    may: {name: description} of optional definitions.
    one_of: {name: description} of definitions of which a file needs at least
      one.
    with_: {name: another} of optional definitions that need another one.
    filled: a config sets the keyword-only arguments of the functions, so that
      each needs a default.
  """
  section: str
  must: Mapping = types.MappingProxyType({})
  may: Mapping = types.MappingProxyType({})
  one_of: Mapping = types.MappingProxyType({})
  with_: Mapping = types.MappingProxyType({})
  filled: bool = True

  @property
  def described(self):
    """{name: description} of all required and optional definitions."""
    return {**self.must, **self.one_of, **self.may}


_MODULE = Fields({'size', 'colors', 'dtype', 'axis_name'})

CONTRACTS = {
    'models': Contract(
        'generator, discriminator',
        one_of={'Generator': Fields({*_MODULE, 'latent'}),
                'Discriminator': _MODULE},
        may={'SPACE': str, 'EARLIER': dict}),
    'losses': Contract(
        'loss',
        must={'discriminator': ('real', 'fake'), 'generator': ('real', 'fake')},
        may={'PAIRED': bool, 'TRACED': tuple, 'DRAWS': bool,
             'observe': ('real', 'fake')}),
    'penalties': Contract(
        'penalties',
        one_of={'discriminator': ('play',), 'generator': ('play',)},
        may={'PAIRED': bool, 'TRACED': tuple, 'SECOND_ORDER': bool,
             'TEACHER': str}),
    'methods': Contract(
        'method', must={'make': ('config', 'shape', '*', 'axis_name')},
        may={'evolves': ('config',)}),
    'metrics': Contract(
        'eval.metrics',
        must={'NEEDS': Items({'moments', 'features', 'spatial', 'logits',
                              'images'}),
              'REFERENCE': (bool, str),
              'BETTER': Words({'lower', 'higher', 'neither'})},
        one_of={'score': ('real', 'fake'), 'make': ('real',)},
        may={'label': ('net',), 'NAMES': tuple,
             'check': ('net', 'classes', 'real', 'fake'), 'least': ()},
        with_={'label': 'NAMES'}),
    'probes': Contract(
        'eval.probes',
        must={'NEEDS': Items({'held_out'}), 'observe': ('scene',),
              'values': ('seen',)}),
    'features': Contract('eval.network', must={'load': ('source',)},
                         filled=False),
    'augment': Contract(
        'augment',
        one_of={'apply': ('rng', 'images', 'memory'),
                'replace': ('rng', 'real', 'memory')},
        may={'start': ('shape',), 'remember': ('memory', 'fake'),
             'update': ('memory', 'sign', 'images')},
        with_={'remember': 'start', 'update': 'start'}),
    'schedules': Contract('schedules', must={'values': ('progress',)}),
    'feedback': Contract(
        'feedback',
        must={'SETS': str, 'start': ('value',),
              'update': ('memory', 'score', 'progress')}),
    'doctor': Contract('doctor', must={'examine': ('history',)}),
    'data': Contract(
        'data', must={'info': (), 'load': ('data_dir',)},
        may={'labels': ('data_dir',), 'classes': (),
             'classes_in': ('data_dir',), 'holds': ('path',)}),
    'run.sinks': Contract('log.sinks', must={'make': ('run',)},
                          may={'check': ()}),
    'compress.forms': Contract(
        'compress.rules',
        must={'factor': ('kernel', 'rank'), 'compose': ('factors',),
              'check': ('shape', 'rank'), 'size': ('shape', 'rank'),
              'ladder': ('shape',),
              'refit': ('kernel', 'factors', 'moments', 'iterations'),
              'energy': ('kernel', 'share')}, filled=False),
    'compress.fits': Contract(
        'compress.fit',
        must={'refit': ('kind', 'kernel', 'factors', 'seen')},
        may={'measure': ('sample', 'net', 'noise', 'paths')}),
    'spaces': Contract('SPACE of a super-network', must={'cells': ('player',)}),
    'operations': Contract(
        'genotype', must={'PLACES': Items({'keeps', 'halves', 'doubles'}),
                          'apply': ('x', 'features')}, filled=False),
    'verbs': Contract(
        '--mode', must={'FLAGS': tuple, 'run': ('config', 'flags')}),
}
"""By folder: 'losses' is jgan/losses/; config.loss.name names a file of it."""

MEMBERS = {
    **{f'layers.{part}': f'generator.{part}'
       for part in ('conv', 'deconv', 'dense', 'norm', 'act', 'initializer',
                    'relax')},
    'optim.algorithms': 'optimizer.gen',
    'optim.schedules': 'optimizer.gen.schedule',
    'optim.pruning': 'optimizer.gen.pruning',
}
"""{module whose public functions or classes are parts: config key that names
them}."""


def check(kind, module):
  """Checks a file against the contract of its folder.

  Args:
    kind: the folder; one that has no contract passes.
    module: the loaded file.

  Raises:
    UserError: a definition is missing, or is not what it should be.
  """
  contract = CONTRACTS.get(kind)
  if not contract:
    return
  file = f'jgan/{kind.replace(".", "/")}/{module.__name__.split(".")[-1]}.py'
  for name, description in contract.must.items():
    if not hasattr(module, name):
      shown = _shown(name, description).rstrip(',')
      raise UserError(f'{file} does not define {shown}, which every file of '
                      f'{kind} has')
  if contract.one_of and not any(hasattr(module, name)
                                 for name in contract.one_of):
    options = ' nor '.join(_shown(*item) for item in contract.one_of.items())
    raise UserError(f'{file} defines neither {options}; one is needed')
  for name, other in contract.with_.items():
    if hasattr(module, name) and not hasattr(module, other):
      raise UserError(f'{file} defines {name} and not {other}, which it needs')
  traced = {*getattr(module, 'TRACED', ()),
            *(['rng'] if getattr(module, 'DRAWS', False) else [])}
  for name, description in contract.described.items():
    if hasattr(module, name):
      wrong = _mistake(getattr(module, name), description, traced,
                       contract.filled)
      if wrong:
        raise UserError(f'{file}: {name} {wrong}; {_shown(name, description)} '
                        'would be right')
  if kind == 'verbs':
    _check_verb(file, module)


def _check_verb(file, module):
  """Checks what help is made of."""
  # Python -OO drops docstrings.
  if not (module.__doc__ or '').strip() and sys.flags.optimize < 2:
    raise UserError(f'{file} has no docstring, whose first line is the help of '
                    'the verb')
  for flag in module.FLAGS:
    if not isinstance(flag, Flag) or not (
        flag.default is None or flag.default in ((), []) or
        isinstance(flag.default, bool | int | float | str)):
      raise UserError(f'{file}: FLAGS has {flag!r}; a jgan.flags.Flag with a '
                      'bool, int, float, str, None, () or [] as its default '
                      'would be right')


def _mistake(value, description, traced, filled):
  """What is wrong with a definition, '' if nothing is."""
  if isinstance(description, Fields):
    if not (dataclasses.is_dataclass(value) and hasattr(value, 'init')):
      return f'is {_kind(value)}'
    missing = description - {field.name for field in dataclasses.fields(value)}
    return f'has no field {", ".join(sorted(missing))}' if missing else ''
  if isinstance(description, Items):
    if not isinstance(value, tuple):
      return f'is {_kind(value)}'
    unknown = [item for item in value if item not in description]
    return f'has {unknown[0]!r}' if unknown else ''
  if isinstance(description, Words):
    if not isinstance(value, dict):
      return f'is {_kind(value)}'
    unknown = [word for word in value.values() if word not in description]
    return f'has {unknown[0]!r}' if unknown else ''
  if not _is_function(description):
    return '' if isinstance(value, description) else f'is {_kind(value)}'
  if inspect.isclass(value) or not callable(value):
    return f'is {_kind(value)}'
  return _wrong_arguments(inspect.signature(value).parameters.values(),
                          description, traced, filled)


def _wrong_arguments(parameters, description, traced, filled):
  """What is wrong with the arguments of a function, '' if nothing is."""
  names = [*description, '*'][:[*description, '*'].index('*')]
  keywords = description[len(names) + 1:]
  kinds = {p.name: p.kind for p in parameters}
  positional = [p for p in parameters if p.kind in (
      p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
  any_number = inspect.Parameter.VAR_POSITIONAL in kinds.values()
  if len(positional) < len(names) and not any_number:
    return f'takes {len(positional)} positional argument(s)'
  further = [p.name for p in positional[len(names):]
             if p.default is p.empty and p.name not in traced]
  if further:
    return (f'needs {", ".join(further)} besides; what a config sets is a '
            'keyword-only argument with a default')
  if inspect.Parameter.VAR_KEYWORD not in kinds.values():
    missing = [name for name in keywords if name not in kinds]
    if missing:
      return f'takes no {", ".join(missing)}'
  bare = [p.name for p in parameters
          if p.kind == p.KEYWORD_ONLY and p.default is p.empty
          and p.name not in traced]
  return (f'has no default for {", ".join(bare)}, which a config key needs'
          if filled and bare else '')


def _kind(value):
  """What a definition is, for a message."""
  return ('a class' if inspect.isclass(value) else 'a function'
          if inspect.isfunction(value) else f'of type {type(value).__name__}')


def _is_function(description):
  return isinstance(description, tuple) and not any(
      isinstance(item, type) for item in description)


def _shown(name, description):
  """A definition as a user would write it: 'generator(real, fake)'."""
  if isinstance(description, Fields):
    return f'a linen module {name} with {", ".join(sorted(description))}'
  if isinstance(description, Items):
    return f'{name}, a tuple of {", ".join(sorted(description))},'
  if isinstance(description, Words):
    return f'{name}, a dict whose values are {", ".join(sorted(description))},'
  if _is_function(description):
    return f'{name}({", ".join(description)})'
  kinds = description if isinstance(description, tuple) else (description,)
  return f'{name}, a {" or ".join(kind.__name__ for kind in kinds)},'
