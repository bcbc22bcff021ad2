"""Goes through the commands of a row without running them: -> their work.

Commands are parsed by the parser of the command line, in a folder that is
thrown away. What a command would leave and a later one reads is put there: the
config of a run, a genotype. Nothing is trained; the published genotype that an
experiment names stands for the one that a search would find for it.
"""
import json
import pathlib

from jgan import build, cli, experiment, genotype, lookup
from jgan import config as configs
from jgan.compress import sensitivity
from jgan.errors import UserError
from jgan.run import estimate
from jgan.verbs import _fit


class Rehearsal:
  """Commands that share a folder of runs.

  Attributes:
    configs: {workdir: completed config} of the runs that were met.
  """

  def __init__(self, folder, share=None, counted=None):
    """folder: in place of the folder of runs; share, counted: of estimates."""
    self.configs = {}
    self._folder = pathlib.Path(folder)
    self._share = share or estimate.SHARE
    self._counted = counted
    self._parsed, self._costs = {}, {}

  def parse(self, arguments):
    """Parses one command, and leaves what it would: -> cli.Command."""
    key = tuple(arguments)
    if key not in self._parsed:
      self._before(arguments)
      command = cli.parse(['jgan', *arguments])
      self._after(command)
      self._parsed[key] = command
    return self._parsed[key]

  def cost(self, arguments):
    """Work and hours of one command; None for one without work to speak of.

    Returns:
      {'training', 'scoring' (FLOPs), 'hours': {device: {'training',
      'scoring'}}}.
    """
    key = tuple(arguments)
    if key not in self._costs:
      self._costs[key] = self._cost(self.parse(arguments))
    return self._costs[key]

  def config(self, arguments):
    """The completed config that a command runs; None for one without."""
    return self.parse(arguments).config

  def _cost(self, command):
    config, verb = command.config, _verb(command)
    options = dict(share=self._share, counted=self._counted)
    if verb == 'train':
      return estimate.of(config, **options)
    counts = {'compress': lambda: 2, 'sensitivity': lambda: 1 + _trials(config),
              'evaluate': lambda: 1,
              'derive': lambda: config.method.get('candidates', 0)}
    count = counts[verb]() if config and verb in counts else 0
    if not count:
      return None
    return {'training': 0., **estimate.of_scores(config, count, **options)}

  def _before(self, arguments):
    """Puts genotypes there that a search before would have left.

    They are those that the experiments of the trainings name themselves.
    """
    name, config = '--config.generator.genotype=', ''
    for argument in arguments:
      if argument.startswith('--config='):
        config = argument.removeprefix('--config=')
      file = pathlib.Path(argument.removeprefix(name))
      if not argument.startswith(name) or self._folder not in file.parents:
        continue
      search = next((self.configs[str(f)] for f in file.parents
                     if str(f) in self.configs), None)
      if search is None:
        raise UserError(f'{file}: no command before it searches there')
      if file.parent.name == 'genotypes':
        every = search.checkpoint.every
        if int(file.stem) % every or int(file.stem) > search.steps:
          raise UserError(f'{file}: the search keeps a genotype at every '
                          f'{every} steps, to {search.steps}')
      genotype.save(file, genotype.load(
          experiment.load(config).generator.genotype))

  def _after(self, command):
    """Puts there what a command would leave for later ones."""
    flags, config, verb = command.flags, command.config, _verb(command)
    if verb == 'train':
      self._keep(flags.workdir, config)
    elif verb == 'derive' and not hasattr(
        lookup.find('models', config.generator.name), 'SPACE'):
      raise UserError(f'{config.generator.name} is not searched')
    elif verb == 'compress':
      params = build.abstract(config, build.method(config)).gen.params
      layers = command.verb.chosen(config.compress, params, flags.last)
      self._keep(flags.out, command.verb.tuned(config, layers, flags.last))

  def _keep(self, workdir, config):
    folder = pathlib.Path(workdir)
    changed = configs.differences(
        configs.plain(self.configs.get(str(folder), config)),
        configs.plain(config))
    if changed:
      raise UserError(f'{folder.name} would be two runs ({"; ".join(changed)}):'
                      " a row's field `run` gives one another name")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'config.json').write_text(json.dumps(configs.plain(config)))
    self.configs[str(folder)] = config


def _verb(command):
  return command.verb.__name__.rpartition('.')[2]


def _trials(config):
  """How many scores --mode=sensitivity takes beside the first."""
  params = build.abstract(config, build.method(config)).gen.params
  return len(sensitivity.trials(_fit.layers(config, params),
                                config.compress.ranks))
