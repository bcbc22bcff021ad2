"""Features of a small convolutional classifier, trained on the data set itself.

For data sets without a suitable published network. It is trained on the labels
or, without labels, on predicting image rotations by multiples of 90 degrees
(Gidaris et al., 2018, arXiv:1803.07728); then it is called 'rotation'.
Training takes at most half a minute on a CPU; the weights are cached under a
hash of everything they depend on. The name ends in a hash of the weights:
scores are comparable only if the names are equal.
"""
import functools
import hashlib
import json
import logging
import pathlib

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jgan.errors import UserError
from jgan.features import _cache, _extractor

log = logging.getLogger(__name__)

_WIDTH = 32  # channels of the first convolution; the others have twice as many
_FEATURES = 64
_TRAINING = {'steps': 600, 'batch': 128, 'lr': 2e-3}


class Classifier(nn.Module):
  """Images [b, h, w, c] in [-1, 1] -> 'features' [b, 64], 'logits' [b, k].

  3 x 3 convolutions of stride 2 until the map has at most 4 pixels a side.
  """
  classes: int

  @nn.compact
  def __call__(self, x):
    width = _WIDTH
    while min(x.shape[1:3]) > 4:
      x = nn.relu(nn.Conv(width, (3, 3), 2)(x))
      width = 2 * _WIDTH
    x = nn.relu(nn.Dense(_FEATURES)(x.reshape(len(x), -1)))
    return {'features': x, 'logits': nn.Dense(self.classes)(x)}


def load(images, labels=None, *, seed=0, cache='~/.cache/jgan'):
  """The Extractor of 'features' [n, 64] and 'logits' [n, classes].

  Args:
    images: [n, h, w, c] uint8, training images of at least 8 x 8 pixels.
    labels: [n] int >= 0; None to predict rotations (of square images).
    seed: of the initial weights and the batches.
    cache: a folder for trained weights.

  Raises:
    UserError: images or labels of another kind, or the cache cannot be used.
  """
  images = _extractor.checked(images, 'classifier')
  n, height, width, channels = images.shape
  kind = 'rotation' if labels is None else 'classifier'
  if not n or min(height, width) < 8:
    raise UserError(f'{kind} learns from images of 8 x 8 or more, not from '
                    f'{n} of {height} x {width}')
  if labels is None:
    if height != width:
      raise UserError(f'rotation learns from square images, not from {height} '
                      f'x {width}')
    labels, classes = np.zeros(n, np.int32), 4
  else:
    labels = np.asarray(labels)
    if (labels.shape != (n,) or labels.dtype.kind not in 'iu'
        or labels.min() < 0):
      raise UserError(f'labels of shape {list(labels.shape)} and type '
                      f'{labels.dtype} beside {n} images; [{n}] integers from '
                      '0 on would be right')
    labels, classes = labels.astype(np.int32), int(labels.max()) + 1

  model = Classifier(classes)
  recipe = {'kind': kind, 'shape': images.shape, 'classes': classes,
            'width': _WIDTH, 'features': _FEATURES, 'seed': seed, **_TRAINING}
  digest = hashlib.sha256(json.dumps(recipe).encode())
  digest.update(np.ascontiguousarray(images))
  digest.update(labels)
  path = (pathlib.Path(cache).expanduser()
          / f'{kind}-{digest.hexdigest()[:16]}.npz')
  spec = jax.eval_shape(model.init, jax.random.key(0),
                        jnp.zeros((1, *images.shape[1:])))
  flat = _cache.read_arrays(path, {
      name: x.shape for name, x in flax.traverse_util.flatten_dict(
          spec, sep='/').items()})
  if flat is None:
    flat = _train(model, images, labels, seed, rotate=kind == 'rotation')
    _cache.write_arrays(path, flat)
  sha256 = _hash(flat)
  name = f'{kind}-{sha256[:8]}'

  def prepare(batch):
    if batch.shape[1:] != (height, width, channels):
      raise UserError(f'{name} learned from images of '
                      f'{[height, width, channels]}, these are '
                      f'{list(batch.shape[1:])}')
    return batch

  return _extractor.Extractor(
      name=name, distance=f'FD-{name}', sha256=sha256, dims=_FEATURES,
      classes=classes, batch=500,
      variables=flax.traverse_util.unflatten_dict(flat, sep='/'),
      prepare=prepare, apply=functools.partial(_apply, model),
      protocol={'network': name, 'weights_sha256': sha256,
                'resize': f'none ({height} x {width})',
                'normalise': 'x / 127.5 - 1', 'logits': str(classes),
                'precision': 'float32', 'trained_on': f'{n} images',
                'seed': seed})


def _apply(model, variables, images):
  return model.apply(variables, images.astype(jnp.float32) / 127.5 - 1.)


def _train(model, images, labels, seed, rotate):
  """Trains by Adam on the cross entropy: -> {'/'-joined name: array}.

  Deterministic: the same images and seed give the same weights on the same
  kind of machine.
  """
  steps, batch = _TRAINING['steps'], _TRAINING['batch']
  tx = optax.adam(optax.cosine_decay_schedule(_TRAINING['lr'], steps))
  variables = jax.jit(model.init)(
      jax.random.key(seed), jnp.zeros((1, *images.shape[1:])))

  def loss(variables, images, labels):
    logits = _apply(model, variables, images)['logits']
    accuracy = jnp.mean(jnp.argmax(logits, -1) == labels)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return jnp.mean(losses), accuracy

  @functools.partial(jax.jit, donate_argnums=(0, 1))
  def step(variables, opt, images, labels):
    with jax.default_matmul_precision('highest'):
      (_, accuracy), grads = jax.value_and_grad(loss, has_aux=True)(
          variables, images, labels)
    updates, opt = tx.update(grads, opt)
    return optax.apply_updates(variables, updates), opt, accuracy

  log.info('training a small classifier of %d images', len(images))
  rng = np.random.RandomState(seed)
  opt, last_accuracies = tx.init(variables), []
  for i in range(steps):
    indices = rng.randint(len(images), size=batch)
    x, y = images[indices], labels[indices]
    if rotate:
      y = np.arange(batch, dtype=np.int32) % 4
      x = np.stack([np.rot90(image, turns) for image, turns in zip(x, y)])
    variables, opt, accuracy = step(variables, opt, x, y)
    if i >= steps - 20:
      last_accuracies.append(accuracy)
  log.info('the classifier has an accuracy of %.1f %% on its last training '
           'batches', 100. * float(np.mean(jax.device_get(last_accuracies))))
  flat = flax.traverse_util.flatten_dict(jax.device_get(variables), sep='/')
  return {name: np.asarray(x) for name, x in flat.items()}


def _hash(flat):
  """SHA-256 of the names, shapes and values of arrays."""
  digest = hashlib.sha256()
  for name in sorted(flat):
    digest.update(f'{name} {flat[name].shape}'.encode())
    digest.update(np.ascontiguousarray(flat[name]))
  return digest.hexdigest()
