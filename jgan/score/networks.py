"""Scores of given networks, computed like the evaluations of a run."""
import json

from jgan import build, classes, precision, protocol
from jgan.errors import UserError
from jgan.ops import spread
from jgan.score import duality, fit, labels, samples
from jgan.score.scorer import Scorer


class Scoring:
  """Scores generators as config.eval says, one at a time.

  Attributes:
    about: the settings that must be equal for two scores to be comparable,
      JSON types.
  """

  def __init__(self, config, data_dir=''):
    """Loads the data and the feature network.

    Args:
      config: completed; its eval section says what to score and how.
      data_dir: folder of data sets and weights.

    Raises:
      UserError: config.eval.metrics is empty, or config.checkpoint.best is no
        score that can be ranked.
    """
    self.config = config
    if not config.eval.metrics:
      raise UserError('config.eval.metrics is empty: this verb needs a score '
                      'as in --config.eval.metrics="(\'fd_pixels\',)"')
    source = build.source(config, data_dir)
    real, told = build.reference(config, source, data_dir)
    e = config.eval
    self.scorer = of_config(config, real, data_dir=data_dir, labels=told)
    if config.checkpoint.best:
      self.decisive()
    stamp = self.scorer.stamp(e.protocol)
    self.about = json.loads(json.dumps({
        **stamp, 'metrics': [*e.metrics], 'samples': e.samples}))

  def sampler(self, method):
    """The Sampler of a method, for `score`."""
    return sampler_of(self.config, method, batch=self.scorer.batch)

  def score(self, sampler, net, step=0):
    """Scores one generator.

    Args:
      sampler: as from `sampler`.
      net: Network.
      step: the training step of the network, for the stamp.

    Returns:
      {label: value}, and the stamp of the protocol.
    """
    (values, stamp), = scores(self.scorer, self.config, sampler, net,
                              of_fakes(self.config, step)).values()
    return values, stamp

  def decisive(self):
    """The score that decisions are based on: -> label, 'lower' or 'higher'.

    It is the score of config.checkpoint.best, or the only one if that is ''.

    Raises:
      UserError: config.checkpoint.best names no score that can be ranked, or
        is '' with several scores.
    """
    known = self.scorer.better
    ranking = [label for label in known if known[label] != 'neither']
    name = self.config.checkpoint.best.removeprefix('eval/') or (
        ranking[0] if len(ranking) == 1 else '')
    return name, labels.chosen(name, known, 'config.checkpoint.best')

  def best(self, step, values, stamp):
    """The entry 'best' of a checkpoint's notes, for the best scores."""
    return {'step': step, 'value': values[self.decisive()[0]],
            'identity': protocol.identity(stamp)}


def followed(config, scorer, gap):
  """The scores that a run follows: {label with 'eval/': its direction}.

  Those of config.checkpoint.best and of the feedback rules.

  Args:
    config: completed.
    scorer: Scorer of the run; None if it scores nothing.
    gap: whether the duality gap is measured.

  Raises:
    UserError: there will be no such score, or neither direction is better.
  """
  known = {f'eval/{label}': better for label, better in {
      **(scorer.better if scorer else {}),
      **(duality.BETTER if gap else {})}.items()}
  wanted = {'config.checkpoint.best': config.checkpoint.best} | {
      f'config.feedback[{i}].metric': rule.metric
      for i, rule in enumerate(config.feedback)}
  return {name: labels.chosen(name, known, where)
          for where, name in wanted.items() if name}


def scores(scorer, config, sampler, net, stamp):
  """Scores one generator by as many images as config.eval says.

  Args:
    scorer: Scorer.
    config: completed.
    sampler: Sampler, of the same batch.
    net: Network of the generator.
    stamp: what the stamps say of the generator, as from `of_fakes`.

  Returns:
    {protocol: [{label: value}, stamp]}.
  """
  return scorer.score(fakes(config, sampler, net), settings_of(config, scorer),
                      stamp, labels_of(config))


def fakes(config, sampler, net):
  """The images behind a score, as Sampler.fakes yields them."""
  return sampler.fakes(net, config.eval.samples, config.seed + 2)


def labels_of(config):
  """The labels of `fakes`, [n]; None without classes."""
  return samples.drawn(classes.shares(config), config.eval.samples,
                       config.seed + 2)


def mesh_of(config):
  """The devices that a config trains on."""
  return spread.mesh(spread.mesh().devices[:config.devices or None])


def sampler_of(config, method, *, batch=0, most=0, mesh=None):
  """The Sampler of a config's generators.

  Args:
    config: completed.
    method: Method.
    batch: images at a time; 0: config.eval.batch, or if that is 0 too, as
      many as the memory allows.
    most: number of images that will be made; 0: config.eval.samples.
    mesh: of ops/spread.py; None: the devices that the config trains on.
  """
  mesh = mesh or mesh_of(config)
  batch = batch or config.eval.batch or fit.batch(
      mesh, _bytes(config, mesh), most or config.eval.samples)
  return samples.Sampler(method.sample, method.latent, batch, mesh=mesh,
                         dtype=build.spec(config).dtype,
                         shares=classes.shares(config))


def _bytes(config, mesh):
  """Bytes of the config's generator for one image; 0 where none are counted."""
  if not fit.limit(mesh):
    return 0
  method = build.method(config)
  return fit.of_generator(method, build.abstract(config, method).ema)


def of_config(config, source, *, data_dir='', protocols=None, labels=None,
              mesh=None, told=None):
  """The Scorer of a config's `eval` section.

  mesh: as in `sampler_of`.
  told: as in Scorer.
  """
  e = config.eval
  mesh = mesh or mesh_of(config)
  return Scorer(source, metrics=e.metrics, knobs=e.knobs.to_dict(),
                network=e.network, weights=e.weights, labels=labels,
                classes=(tuple(config.classes.names) if config.data.labels
                         else ()),
                drawn=labels_of(config), data_dir=data_dir,
                reference=f'{config.data.name}:{e.split or "train"}',
                count=e.reals, protocols=protocols or (e.protocol,),
                statistics=e.statistics, batch=e.batch,
                also=0 if e.batch else _bytes(config, mesh), most=e.samples,
                mesh=mesh, precision=e.precision, told=told, seed=config.seed)


def settings_of(config, scorer):
  """{argument: value} of metrics whose values follow from the run."""
  settings = {'subset_size': min(1000, config.eval.samples,
                                 len(scorer.chosen))}
  if config.data.labels:
    settings['classes'] = classes.count(config)
  if config.data.name == 'mixture':
    settings |= {'kind': config.data.kind, 'std': config.data.std}
  return settings


def of_fakes(config, step, *, network='average'):
  """The entries of a stamp that describe the generator."""
  return {'data': config.data.name, 'step': step, 'generator': network,
          'batch norm': 'averaged statistics' if config.ema.stats
          else 'running statistics', 'noise seed': config.seed + 2,
          **({'labels': law} if (law := classes.law(config)) else {}),
          'dtype': precision.of(config)}
