"""Lists experiments with their rows, and every part that a config can name.

--what=losses lists one kind, --what=loss.mmd shows the arguments of one part.
The name of a kind is that of its folder in jgan/ or of its config section.
"""
import difflib
import inspect
import json
import textwrap

from jgan import contracts, experiment, genotype, lookup, sections
from jgan.errors import UserError
from jgan.flags import Flag

FLAGS = (
    Flag('what', '', 'One kind, as losses or experiments, or one part, as '
         "loss.mmd; '' for all kinds."),
    Flag('json', False, 'One JSON object on stdout.'),
)


# Arguments of layers that networks pass, or Flax.
_NOT_OF_CONFIGS = ('parent', 'name', 'initializer', 'weight', 'dtype',
                   'axis_name')


def run(config, flags):
  """Lists what the flags ask for, as text or as one JSON object."""
  del config
  kind, name = _split(flags.what)
  if name:
    part = described(kind, name)
    return _json(part) if flags.json else _page(part)
  contents = {kind: parts(kind) for kind in ([kind] if kind else kinds())}
  if flags.json:
    return _json(contents)
  return '\n'.join(_table(kind, listed) for kind, listed in contents.items())


def kinds():
  """The kinds of parts that can be listed."""
  return ['experiments', *contracts.CONTRACTS, *contracts.MEMBERS, 'genotypes']


def parts(kind):
  """The parts of one kind.

  Returns:
    List of {'path', 'rows', 'help'} for experiments; for other kinds, of
    {'name', 'help', 'arguments': {argument: default}}.
  """
  if kind == 'experiments':
    return [_experiment(file) for file in experiment.files()]
  return [_brief(kind, name) for name in _names(kind)]


def _experiment(file):
  """An experiment's entry; one that cannot be loaded says so."""
  entry = {'path': experiment.shown(file), 'rows': []}
  try:
    module = experiment.imported(file)
  except UserError as error:
    return {**entry, 'help': f'cannot be loaded: {error}'}
  return {**entry, 'rows': [*getattr(module, 'ROWS', ())],
          'help': _summary(module.__doc__)}


def _brief(kind, name):
  """A part's entry; one that cannot be loaded says so."""
  try:
    part = described(kind, name)
  except UserError as error:
    return {'name': name, 'help': f'cannot be loaded: {error}',
            'arguments': {}}
  return {key: part[key] for key in ('name', 'help', 'arguments')}


def described(kind, name):
  """One part: {'kind', 'name', 'help', 'text', 'arguments'}.

  Raises:
    UserError: the kind has no part of that name.
  """
  if name not in _names(kind) and not name.startswith('optax:'):
    raise UserError(f"no '{name}' in {kind}: "
                    f'{lookup.nearest(name, _names(kind))}')
  text = _text(kind, name)
  return {'kind': kind, 'name': name, 'help': _summary(text), 'text': text,
          'arguments': _arguments(kind, name)}


def _split(what):
  """'losses' -> ('losses', ''), 'loss.mmd' -> ('losses', 'mmd')."""
  aliases = {kind: kind for kind in kinds()}
  for kind, contract in contracts.CONTRACTS.items():
    aliases |= dict.fromkeys([*contract.section.split(', '),
                              *kind.split('.')], kind)
  for kind, section in contracts.MEMBERS.items():
    aliases |= {kind.rpartition('.')[2]: kind, section: kind}
  aliases |= {kind: kind for kind in contracts.CONTRACTS}
  aliases['optimizer'] = 'optim.algorithms'
  kind, _, name = what.rpartition('.')
  if not what:
    return '', ''
  if what in aliases:
    return aliases[what], ''
  if kind in aliases:
    return aliases[kind], name
  if what in map(experiment.shown, experiment.files()):
    raise UserError(f'--mode=describe --config={what} describes an experiment; '
                    '--what=experiments lists them')
  close = difflib.get_close_matches(what, aliases, n=1, cutoff=.5)
  meant = f" did you mean '{close[0]}'?" if close else ''
  raise UserError(f'--what={what} names no kind:{meant} known: '
                  f'{", ".join(kinds())}')


def _member(kind, name):
  return sections.optim_part(kind, name) if kind.startswith(
      'optim.') else lookup.member(kind, name)


def _names(kind):
  if kind == 'genotypes':
    return genotype.names()
  if kind in contracts.MEMBERS:
    return lookup.members(kind)
  return lookup.names(kind)


def _text(kind, name):
  """The docstring of a part, with those of its public definitions."""
  if kind == 'genotypes':
    return genotype.load(name).get('origin', '')
  if kind in contracts.MEMBERS:
    return inspect.getdoc(_function(_member(kind, name))) or ''
  module = lookup.find(kind, name)
  texts = {}  # of what definitions; players of one function share its text
  for definition in contracts.CONTRACTS[kind].described:
    value = getattr(module, definition, None)
    if callable(value) and (text := inspect.getdoc(_function(value))):
      texts.setdefault(text, []).append(definition)
  return '\n\n'.join([(module.__doc__ or '').strip(), *(
      f'{", ".join(names)}: {text}' for text, names in texts.items())])


def _arguments(kind, name):
  """{argument: default} of a part; of a model {player: {argument: default}}."""
  if kind == 'genotypes':
    return {}
  if kind in contracts.MEMBERS:
    parameters = inspect.signature(_member(kind, name)).parameters
    return {name: parameter.default for name, parameter in parameters.items()
            if parameter.default is not parameter.empty
            and name not in _NOT_OF_CONFIGS}
  module = lookup.find(kind, name)
  if kind == 'models':
    return {player: sections.arguments(player, kind, name)
            for player in ('generator', 'discriminator')
            if hasattr(module, player.capitalize())}
  if kind == 'verbs':
    return {flag.name: flag.default for flag in module.FLAGS}
  return {argument: default for argument, default in sections.arguments(
      '', kind, name).items() if default is not inspect.Parameter.empty}


def _function(part):
  """The function of a part, without arguments bound by functools.partial."""
  return getattr(part, 'func', part)


def _summary(text):
  """The first paragraph of a docstring, on one line."""
  return ' '.join((text or '').strip().split('\n\n')[0].split())


def _json(tree):
  named = lambda value: getattr(value, '__name__', repr(value))
  return json.dumps(tree, default=named) + '\n'


def _table(kind, listed):
  """A kind as text: one line per part, and the rows of experiments."""
  lines = [f'{kind}:']
  for part in listed:
    title = part.get('name') or part['path']
    lines.append(f'  {title:28} {part["help"]}' if len(title) < 28
                 else f'  {title}\n{"":31}{part["help"]}')
    if part.get('rows'):
      lines += textwrap.wrap('rows: ' + ', '.join(part['rows']), 100,
                             initial_indent=' ' * 31,
                             subsequent_indent=' ' * 37,
                             break_long_words=False, break_on_hyphens=False)
  return '\n'.join(lines) + '\n'


def _page(part):
  """One part as text: its docstring, and its arguments with defaults."""
  lines = [f'{part["kind"]}.{part["name"]}', '', part['text'], '']
  players = (part['arguments'] if part['kind'] == 'models'
             else {'': part['arguments']})
  for player, defaults in players.items():
    lines.append(f'arguments{" of the " + player if player else ""}:'
                 if defaults else 'no arguments')
    lines += [f'  {name} = {getattr(value, "__name__", repr(value))}'
              for name, value in defaults.items()]
  return '\n'.join([*lines, ''])
