"""Scores of networks at hand, made as a run's own evaluations are."""
import json

from jgan import build, evaluation, protocol
from jgan.errors import UserError
from jgan.workdir import write_text


class Scoring:
  """Scores generators by what config.eval says, one after the other.

  Attributes:
    about: what must agree for two of its scores to be compared, JSON types.
  """

  def __init__(self, config, data_dir=''):
    """Loads data and feature network.

    Args:
      config: completed; its eval section says what to score and how.
      data_dir: where data sets and weights are found.

    Raises:
      UserError: there is no metric, or none to decide by.
    """
    self.config = config
    if not config.eval.metrics:
      raise UserError('config.eval.metrics is empty: this verb decides by a '
                      'score, as --config.eval.metrics="(\'fd_pixels\',)"')
    source = build.source(config, data_dir)
    real, labels = build.reference(config, source, data_dir)
    self.dtype = source.dtype
    e = config.eval
    self.about = {'metrics': [*e.metrics], 'network': e.network,
                  'protocol': e.protocol, 'samples': e.samples,
                  'reals': e.reals, 'seed': config.seed}
    self.scorer = evaluation.of_config(config, real, data_dir=data_dir,
                                       labels=labels)

  def score(self, sample, net, latent, step=0):
    """Scores one generator.

    Args:
      sample: compiled Method.sample.
      net: Network.
      latent: the width of its noise.
      step: of its run, for the record.

    Returns:
      {label: value}, and the stamp of the protocol.
    """
    e = self.config.eval
    images = evaluation.fakes(sample, net, e.samples, e.batch, latent,
                              self.config.seed + 2, self.dtype)
    (values, stamp), = self.scorer.score(
        images, evaluation.settings_of(self.config),
        evaluation.of_fakes(self.config, step)).values()
    return values, stamp

  def decisive(self, values):
    """The score by which to decide, lower is better: -> label, value.

    That of config.checkpoint.best, or the only one.

    Raises:
      UserError: no metric is named, and there are several.
    """
    name = self.config.checkpoint.best.removeprefix('eval/')
    name = name or (next(iter(values)) if len(values) == 1 else '')
    if name not in values:
      raise UserError(f"config.checkpoint.best is '{name}': one of the scores "
                      f'must decide, of eval/{", eval/".join(values)}')
    return name, values[name]

  def best(self, step, values, stamp):
    """What a checkpoint's notes say, if these scores are the best."""
    return {'step': step, 'value': self.decisive(values)[1],
            'identity': protocol.identity(stamp)}


def append(file, line):
  """Adds one line of JSON to a record."""
  with file.open('a') as lines:
    lines.write(json.dumps(line) + '\n')


def lines(file):
  """The lines of such a record, [] without one.

  Half a line at its end, left by a killed command, is cut off.
  """
  if not file.exists():
    return []
  text = file.read_text()
  whole = text[:text.rfind('\n') + 1]
  if whole != text:
    write_text(file, whole)
  return [json.loads(line) for line in whole.splitlines()]
