"""What a file of each folder of jgan must define, and what it may define.

`lookup` holds every file against the contract of its folder when it loads it,
so that a mistake in a new one is said before anything is trained.
"""
import dataclasses
import inspect
import types
from collections.abc import Mapping
from typing import NamedTuple

from jgan.errors import UserError


class Contract(NamedTuple):
  """What the files of one folder define.

  A definition is described by what it must be: a tuple of names for a function
  that takes these positional arguments, a set of names for a linen module that
  has these fields, or the type of a constant.

  Attributes:
    section: where a config, or a flag, names one of these files.
    must: {name: description} of what every file defines.
    may: the same of what is optional.
    one_of: the same of definitions of which a file has one or several.
  """
  section: str
  must: Mapping = types.MappingProxyType({})
  may: Mapping = types.MappingProxyType({})
  one_of: Mapping = types.MappingProxyType({})

  @property
  def described(self):
    """{name: description} of all that a file can define."""
    return {**self.must, **self.one_of, **self.may}


_MODULE = {'size', 'colors', 'dtype', 'axis_name'}

CONTRACTS = {
    'models': Contract(
        'generator, discriminator',
        one_of={'Generator': {*_MODULE, 'latent'}, 'Discriminator': _MODULE},
        may={'SPACE': str}),
    'losses': Contract(
        'loss',
        must={'discriminator': ('real', 'fake'), 'generator': ('real', 'fake')},
        may={'PAIRED': bool, 'TRACED': tuple, 'DRAWS': bool,
             'observe': ('real', 'fake')}),
    'penalties': Contract(
        'penalties',
        one_of={'discriminator': ('play',), 'generator': ('play',)},
        may={'PAIRED': bool, 'TRACED': tuple}),
    'methods': Contract('method', must={'make': ('config', 'shape')}),
    'metrics': Contract(
        'eval.metrics',
        must={'NEEDS': tuple, 'REFERENCE': (bool, str)},
        one_of={'score': ('real', 'fake'), 'make': ('real',)}),
    'features': Contract('eval.network', must={'load': ('source',)}),
    'augment': Contract(
        'augment',
        one_of={'apply': ('rng', 'images', 'memory'),
                'replace': ('rng', 'real', 'memory')},
        may={'start': ('shape',), 'remember': ('memory', 'fake'),
             'update': ('memory', 'sign', 'images')}),
    'schedules': Contract('schedules', must={'values': ('progress',)}),
    'feedback': Contract(
        'feedback',
        must={'SETS': str, 'start': ('value',),
              'update': ('memory', 'score', 'progress')}),
    'data': Contract(
        'data', must={'info': (), 'load': ('data_dir',)},
        may={'labels': ('data_dir',)}),
    'compress.forms': Contract(
        'compress.rules',
        must={'factor': ('kernel', 'rank'), 'compose': ('factors',),
              'size': ('shape', 'rank'), 'ladder': ('shape',),
              'energy': ('kernel', 'share')}),
    'spaces': Contract('SPACE of a super-network', must={'cells': ('player',)}),
    'operations': Contract(
        'genotype', must={'PLACES': tuple, 'apply': ('x', 'features')}),
    'verbs': Contract(
        '--mode', must={'FLAGS': tuple, 'run': ('config', 'flags')}),
}
"""By folder: 'losses' is jgan/losses/, where config.loss.name names a file."""

MEMBERS = {
    **{f'layers.{part}': f'generator.{part}'
       for part in ('conv', 'deconv', 'dense', 'norm', 'act', 'initializer',
                    'relax')},
    'optim.algorithms': 'optimizer.gen',
    'optim.schedules': 'optimizer.gen.schedule',
    'optim.pruning': 'optimizer.gen.pruning',
}
"""Modules whose public functions or classes are parts, and where a config
names them."""


def check(kind, module):
  """Holds a file against the contract of its folder.

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
      raise UserError(f'{file} does not define {_shown(name, description)}, '
                      f'which every file of {kind} has')
  if contract.one_of and not any(hasattr(module, name)
                                 for name in contract.one_of):
    options = ' or '.join(_shown(*item) for item in contract.one_of.items())
    raise UserError(f'{file} defines neither {options}; one is needed')
  for name, description in contract.described.items():
    if hasattr(module, name):
      _check_definition(file, name, getattr(module, name), description)


def _check_definition(file, name, value, description):
  """Raises UserError if a definition is not what its contract describes."""
  wanted = _shown(name, description)
  if isinstance(description, set):
    fields = ({field.name for field in dataclasses.fields(value)}
              if dataclasses.is_dataclass(value) else set())
    missing = sorted(description - fields)
    if missing:
      raise UserError(f'{file}: {name} has no field {", ".join(missing)}; '
                      f'{wanted} would be right')
  elif _is_function(description):
    if not callable(value):
      raise UserError(f'{file}: {name} is a {type(value).__name__}; a function '
                      f'{wanted} would be right')
    positional = [p for p in inspect.signature(value).parameters.values()
                  if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in positional if p.default is p.empty]
    if len(positional) < len(description):
      raise UserError(
          f'{file}: {name} takes {len(needed)} positional arguments; {wanted} '
          'would be right, with what a config sets as keyword-only arguments')
  elif not isinstance(value, description):
    kinds = description if isinstance(description, tuple) else (description,)
    raise UserError(f'{file}: {name} is a {type(value).__name__}; a '
                    f'{" or ".join(k.__name__ for k in kinds)} would be right')


def _is_function(description):
  return isinstance(description, tuple) and not any(
      isinstance(item, type) for item in description)


def _shown(name, description):
  """A definition as a user would write it: 'generator(real, fake)'."""
  if isinstance(description, set):
    return f'a linen module {name}({", ".join(sorted(description))}, ...)'
  if _is_function(description):
    return f'{name}({", ".join(description)})'
  return name
