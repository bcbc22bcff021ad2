"""A trained generator, from a file of weights or the folder of a run."""
import functools
import logging
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from jgan import about, build, experiment, weights
from jgan import classes as known
from jgan import config as configs
from jgan.errors import UserError
from jgan.run import restore
from jgan.score import latents, networks, record, samples

_OTHERS = {
    '.jaxexport': 'it is a program: jax.export.deserialize(open(FILE, "rb")'
                  '.read()).call(z) runs it, without jgan',
    '.onnx': 'it is a program: onnxruntime.InferenceSession(FILE).run(None, '
             '{"z": z}) runs it, without jgan'}


class Trained:
  """A generator with its weights: samples, and is a function of z.

  Attributes:
    config: the completed config of its run.
    params: its parameters, a tree of arrays.
    net: its Network, parameters and statistics.
    method: Method of the config; method.sample(net, z) are its images.
    latent: the width of z.
    image: (h, w, c) of an image.
    classes: the names of the classes, () without.
    step: the training step of the weights; None if the file does not say.
    weights: 'average', 'online' or, if the file does not say, 'unknown'.
    scores: what these weights scored, a list of {'values': {label: value},
      'protocol': stamp, 'identity'}.
  """

  def __init__(self, config, net, *, method=None, step=None,
               weights='unknown', scores=()):
    """Binds a Network to the method of a completed config."""
    self.config, self.net, self.step = config, net, step
    self.weights = weights
    self.method = method or build.method(config)
    self.latent, self.params = self.method.latent, net.params
    self.image, self.scores = tuple(build.spec(config).shape), [*scores]
    self.classes = tuple(config.classes.names)

  def __call__(self, z, labels=None):
    """z [b, latent] -> images [b, h, w, c] float32 in [-1, 1], a JAX array.

    It can be differentiated and compiled.

    labels: [b] int32, indices into `classes`, if there are classes.

    Raises:
      UserError: there are classes and no labels, or vice versa; or labels that
        are not one for each latent, or of no class.
    """
    if bool(self.classes) != (labels is not None):
      raise UserError(f'this generator has {len(self.classes)} classes, and '
                      f'{"no labels are" if labels is None else "labels are"} '
                      'given: labels with classes, or neither, would be right')
    if labels is None:
      return self.method.sample(self.net, z)
    return self.method.sample(self.net, z, _labels(labels, len(z),
                                                   len(self.classes)))

  def sample(self, source=0, n=16, classes=None):
    """Images as files have them: numpy [n, h, w, c], uint8.

    Of data without 256 levels (points of a mixture) they are float32.

    Args:
      source: a seed, for `n` images, without classes the same as by
        --mode=sample; or latent vectors [n, latent].
      n: number of images of a seed; with `classes`, of each.
      classes: names or numbers of classes; of latent vectors one for all, or
        one for each. None: if there are classes, they are drawn, as frequent
        as in the run's scores.

    Raises:
      UserError: a seed that is no uint32, latents of another shape, n < 1, or
        no such class.
    """
    told = None
    if classes is not None:
      alone = isinstance(classes, str) or np.ndim(classes) == 0
      told = known.chosen(self.config, [classes] if alone else classes)
    if np.ndim(source) == 0:
      if isinstance(source, bool) or not isinstance(
          source, int | np.integer) or not 0 <= source < 2**32:
        raise UserError(f'a seed is an integer from 0 to {2**32 - 1}, and '
                        f'{source!r} is not')
      if n < 1:
        raise UserError(f'n={n}: at least 1 would be right')
      if told is not None:
        told, n = np.repeat(told, n), n * len(told)
      return self._sampler(_power(n)).array(self.net, n, int(source), told)
    z = latents.checked(source, self.latent, 'the latent vectors')
    if told is not None and len(told) not in (1, len(z)):
      raise UserError(f'{len(told)} classes for {len(z)} latent vectors: one '
                      'for all, or one for each, would be right')
    sampler = self._sampler(_power(len(z)))
    return samples.joined(sampler.of(
        self.net, z, told if told is None else np.resize(told, len(z))),
                          len(z))

  @functools.cache  # noqa: B019 - as many as there are powers of two
  def _sampler(self, most):
    return networks.sampler_of(self.config, self.method, most=most)

  def __repr__(self):
    """What it is, in a line."""
    size = sum(x.size for x in jax.tree.leaves(self.params))
    h, w, c = self.image
    classes = f', {len(self.classes)} classes' if self.classes else ''
    return (f'<{self.config.generator.name}: z [b, {self.latent}]{classes} -> '
            f'[b, {h}, {w}, {c}], {size:,} parameters, step {self.step}>')


def load(path, *, config=None, step=-1, best=False, online=False):
  """Loads a generator from a file of weights, or from the folder of a run.

  Args:
    path: FILE.safetensors or FILE.npz of --mode=export, or a run's folder.
    config: for a file that does not say its own: a config, an experiment
      (FILE[:ROW]) or the folder of the run that it is of.
    step, best: of a run, the checkpoint: that of a step, or the best one; else
      the newest.
    online: of a run, the trained generator instead of its average.

  Returns:
    Trained.

  Raises:
    UserError: there is no such file or run, it is damaged, is of a newer jgan,
      or does not fit its config.
  """
  path = pathlib.Path(path).expanduser()
  if path.is_dir():
    if config is not None:
      raise UserError(f'{path} is a run, which has a config: leave out config=')
    return _of_run(path, step, best, online)
  if step != -1 or best or online:
    raise UserError(f'{path} is no folder of a run: step, best and online '
                    'choose among the checkpoints of one')
  return of_file(path, config)


def of_file(path, config=None):
  """Trained, of a file of weights; arguments and errors as of `load`."""
  path = pathlib.Path(path)
  if path.suffix in _OTHERS:
    raise UserError(f'{path} holds no weights, {_OTHERS[path.suffix]}')
  net, said = weights.described(path)
  if said and said.network != 'generator':
    raise UserError(f'{path} is a {said.network}, and only generators make '
                    'images: jgan.weights.load reads its arrays')
  if not said and config is None:
    raise UserError(
        f'{path} does not say which network it is of: an earlier jgan or '
        'another program wrote it. Give config=, the folder of its run or an '
        'experiment')
  chosen = about.config_of(path, said) if config is None else _config(config)
  method = build.method(chosen)
  fitted = weights.fill(build.abstract(chosen, method).ema, net, path)
  return Trained(chosen, _placed(fitted), method=method,
                 **({'step': said.step, 'weights': said.weights,
                     'scores': said.scores} if said else {}))


def _of_run(path, step, best, online):
  config = _recorded(path)
  method = build.method(config)
  absl = logging.getLogger('absl')  # Orbax logs what it also raises
  level = absl.level
  try:
    absl.setLevel(logging.CRITICAL)
    state = restore.state_of(config, method, path, step=step, best=best)
  finally:
    absl.setLevel(level)
  step, kind = int(state.step), 'online' if online else 'average'
  return Trained(
      config, _placed((state.gen if online else state.ema).replace(opt=())),
      method=method, step=step, weights=kind,
      scores=record.of_generator(path, step, kind))


def _recorded(folder):
  """The completed config of a run's folder."""
  config = configs.recorded(folder)
  if config is None:
    raise UserError(f'{folder} is no folder of a run: it has no config.json')
  return configs.from_record(config)


def _config(config):
  """A completed config, from what `load` takes."""
  if not isinstance(config, str | pathlib.PurePath):
    return configs.complete(config)
  folder = pathlib.Path(config).expanduser()
  if folder.is_dir():
    return _recorded(folder)
  return configs.complete(experiment.load(str(config)))


def _placed(net):
  """The arrays of a Network on the default device."""
  return jax.tree.map(jnp.asarray, net)


def _labels(labels, count, classes):
  """The labels of `count` latents; values are checked where they are known."""
  if not isinstance(labels, jax.core.Tracer):
    labels = np.asarray(labels)
  known = isinstance(labels, np.ndarray)
  if labels.shape != (count,) or labels.dtype.kind not in 'iu' or (
      known and count and not 0 <= labels.min() <= labels.max() < classes):
    seen = f' from {labels.min()} to {labels.max()}' if (
        known and labels.size) else ''
    raise UserError(f'the labels are {labels.dtype} {list(labels.shape)}{seen}:'
                    f' integers [{count}], one for each latent vector, of 0 to '
                    f'{classes - 1} would be right')
  return labels


def _power(n):
  """The power of two that is at least n."""
  return 1 << (n - 1).bit_length()
