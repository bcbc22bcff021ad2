"""The words of a command line, and the commands that follow from it."""
import itertools
import pathlib
import re
import shlex
import sys

_PROGRAMS = {'jgan': ('jgan',), 'main.py': ('python', '-m', 'jgan.main')}


def without(words, *names):
  """The words without some flags and their values.

  words: of a command line, after the program.
  names: patterns of the names of the flags.
  """
  flag = re.compile(rf'--?({"|".join(names)})(?P<value>=.*)?', re.DOTALL)
  rest, skip = [], False
  for word in words:
    match = flag.fullmatch(word)
    if not skip and not match:
      rest.append(word)
    skip = not skip and bool(match) and match['value'] is None
  return rest


def command(*words):
  """A command of jgan as one line, called as this process was."""
  name = pathlib.Path((sys.argv or [''])[0]).name
  return shlex.join([*_PROGRAMS.get(name, ('jgan',)), *words])


def ways_on(folder):
  """The commands for what a user may want of a folder with another run.

  They follow from this command line; where that is not jgan's, as in a
  notebook, the flags are named.

  folder: the workdir.
  """
  program, *words = sys.argv or ['']
  if pathlib.Path(program).name not in _PROGRAMS:
    return ('Without --config it goes on with its own; else choose another '
            'folder, or pass --allow_config_change to resume from its '
            'checkpoint with this config')
  own = without(words, r'config(\..*?)?', 'size')
  free = next(path for n in itertools.count(2)
              if not pathlib.Path(path := f'{folder}_{n}').exists())
  anew = [*without(words, 'workdir'), f'--workdir={free}']
  # What neither names is the run's own, which a new folder does not have.
  named = without(words, 'config', 'size') != words
  return (f'To go on from its checkpoint with this config: '
          f'{command(*words, "--allow_config_change")} ; to go on with its '
          f'own: {command(*own)} ; to begin anew: '
          f'{command(*anew) if named else "--config=FILE in another folder"}')
