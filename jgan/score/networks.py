"""Scores of networks at hand, made as a run's own evaluations are."""
from jgan import build, protocol
from jgan.errors import UserError
from jgan.score import samples
from jgan.score.scorer import Scorer


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
    self.scorer = of_config(config, real, data_dir=data_dir, labels=labels)

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
    images = samples.fakes(sample, net, e.samples, e.batch, latent,
                           self.config.seed + 2, self.dtype)
    (values, stamp), = self.scorer.score(
        images, settings_of(self.config),
        of_fakes(self.config, step)).values()
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


def of_config(config, source, *, data_dir='', protocols=None, labels=None):
  """The Scorer that config.eval asks for."""
  e = config.eval
  return Scorer(source, metrics=e.metrics, knobs=e.knobs.to_dict(),
                network=e.network, weights=e.weights, labels=labels,
                data_dir=data_dir,
                reference=f'{config.data.name}:{e.split or "train"}',
                count=e.reals, protocols=protocols or (e.protocol,),
                statistics=e.statistics, batch=e.batch, seed=config.seed)


def settings_of(config):
  """Knobs of metrics that follow from a config."""
  e = config.eval
  found = {'subset_size': min(1000, e.samples)}
  if config.data.name == 'mixture':
    found |= {'kind': config.data.kind, 'std': config.data.std}
  return found


def of_fakes(config, step, *, network='average'):
  """What a stamp says of the generator."""
  return {'data': config.data.name, 'step': step, 'generator': network,
          'batch norm': 'averaged statistics' if config.ema.stats
          else 'running statistics', 'noise seed': config.seed + 2}
