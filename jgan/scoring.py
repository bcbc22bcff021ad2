"""Scores of networks at hand, made as a run's own evaluations are."""
import pathlib

from jgan import build, evaluation, protocol
from jgan.errors import UserError


class Scoring:
  """Scores generators by what config.eval says, one after the other."""

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

  def record(self, folder, step, values, stamp):
    """Appends scores to a run's evaluations; -> what notes say of the best."""
    evaluation.record(pathlib.Path(folder), step, values, stamp)
    return {'step': step, 'value': self.decisive(values)[1],
            'identity': protocol.identity(stamp)}
