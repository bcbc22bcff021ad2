"""Contracts: what a file in each folder of jgan must and may define.

`lookup` checks a file against the contract of its folder when it loads it, so
that mistakes in a new file are reported before training.
"""
import dataclasses
import inspect
import types
from collections.abc import Mapping
from typing import NamedTuple

from jgan.errors import UserError


class Contract(NamedTuple):
  """The definitions that files of one folder have.

  The description of a definition is a tuple of names for a function with these
  positional arguments, a set of names for a linen module with these fields, or
  the type of a constant.

  Attributes:
    section: the config section, or the flag, that names a file of the folder.
    must: {name: description} of required definitions.
    may: {name: description} of optional definitions.
    one_of: {name: description} of definitions of which a file needs at least
      one.
  """
  section: str
  must: Mapping = types.MappingProxyType({})
  may: Mapping = types.MappingProxyType({})
  one_of: Mapping = types.MappingProxyType({})

  @property
  def described(self):
    """{name: description} of all required and optional definitions."""
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
    kind: the folder; without a contract, nothing is checked.
    module: the loaded file.

  Raises:
    UserError: a definition is missing, or differs from its description.
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
  """Raises UserError if a definition differs from its description."""
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
          'would be right, with keyword-only arguments for config keys')
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
