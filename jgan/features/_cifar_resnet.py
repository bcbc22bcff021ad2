"""ResNets for CIFAR (He et al., 2016, section 4.2) with trained weights.

n blocks in each of three stages of 16, 32 and 64 channels, 6 n + 2 layers;
shortcuts without parameters (option A): every second pixel, and zeros for
additional channels. Weights and their names are those of github.com/akamaster/
pytorch_resnet_cifar10.
"""
import pathlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.features import _extractor, _from_torch, _torch_file

_SIDE = 32
_CLASSES = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog',
            'horse', 'ship', 'truck')
_FOLDER = 'cifar10_classifiers'
_SOURCE = 'https://github.com/akamaster/pytorch_resnet_cifar10'
# Of ImageNet: the author of the weights normalised CIFAR images by these.
_MEAN = np.array([.485, .456, .406], np.float32)
_STD = np.array([.229, .224, .225], np.float32)


class Block(nn.Module):
  """[b, h, w, c] -> [b, h / stride, w / stride, features]."""
  features: int
  stride: int

  @nn.compact
  def __call__(self, x):
    y = _conv(self.features, self.stride, 'conv1')(x)
    y = nn.relu(_norm('bn1')(y))
    y = _norm('bn2')(_conv(self.features, 1, 'conv2')(y))
    if self.stride > 1:
      pad = (self.features - x.shape[-1]) // 2
      x = jnp.pad(x[:, ::2, ::2], [(0, 0)] * 3 + [(pad, pad)])
    return nn.relu(x + y)


class ResNet(nn.Module):
  """Normalised images [b, 32, 32, 3] -> 'features' [b, 64], 'logits' [b, 10].

  Attributes:
    blocks: number of blocks in each stage, (layers - 2) / 6.
  """
  blocks: int

  @nn.compact
  def __call__(self, x):
    x = nn.relu(_norm('bn1')(_conv(16, 1, 'conv1')(x)))
    for stage in range(3):
      for i in range(self.blocks):
        x = Block(16 * 2**stage, 2 if stage and not i else 1,
                  name=f'layer{stage + 1}.{i}')(x)
    x = jnp.mean(x, (1, 2))
    return {'features': x, 'logits': nn.Dense(10, name='linear')(x)}


def _conv(features, stride, name):
  return nn.Conv(features, (3, 3), stride, 1, use_bias=False, name=name)


def _norm(name):
  return nn.BatchNorm(use_running_average=True, epsilon=1e-5, name=name)


def load(layers, file, path, data_dir):
  """The Extractor of a ResNet with this number of layers.

  Args:
    layers: 20 or 56.
    file: name of the published file, NETWORK-<first digits of its SHA-256>.th.
    path: a weights file, or '' for data_dir/cifar10_classifiers/<file>.
    data_dir: the data directory, used if there is no path.

  Raises:
    UserError: no weights file, or one of another network.
  """
  network = f'resnet{layers}'
  where = (f'{file} is in pretrained_models/ of {_SOURCE}; give it by '
           '--config.eval.weights=FILE, or --weights=FILE of --mode=evaluate, '
           f'or put it into {_FOLDER}/ of --data_dir')
  if not path:
    if not data_dir:
      raise UserError(f'{network} needs its weights: {where}')
    path = pathlib.Path(data_dir).expanduser() / _FOLDER / file
  try:
    tree, sha256 = _torch_file.load(path)
  except UserError as error:
    raise UserError(f'{error}; {where}') from error
  if not isinstance(tree, dict) or 'state_dict' not in tree:
    raise UserError(f"{path} has no 'state_dict': it is not a checkpoint of "
                    f'{network}')
  # torch's DataParallel prefixes all names with 'module.'.
  state = {name.removeprefix('module.'): x for name, x in
           _torch_file.state_of(tree['state_dict'], path).items()}
  model = ResNet((layers - 2) // 6)
  variables = _from_torch.variables(
      model, jax.ShapeDtypeStruct((1, _SIDE, _SIDE, 3), jnp.float32), state,
      path)
  official = file.removesuffix('.th').split('-')[1]
  name = _extractor.name_of(network, sha256, official)

  def prepare(images):
    if images.shape[1:3] != (_SIDE, _SIDE):
      raise UserError(f'{name} takes images of {_SIDE} x {_SIDE}, not '
                      f'{images.shape[1]} x {images.shape[2]}')
    return _extractor.rgb(images, name)

  def apply(variables, images):
    x = (images.astype(jnp.float32) / 255. - _MEAN) / _STD
    return model.apply(variables, x)

  return _extractor.Extractor(
      name=name, distance=f'FD-{name}', sha256=sha256, dims=64, classes=10,
      names=_CLASSES,
      batch=250, variables=variables, prepare=prepare, apply=apply,
      protocol={'network': name, 'weights_sha256': sha256,
                'resize': 'none (32 x 32)',
                'normalise': '(x / 255 - mean) / std of ImageNet',
                'logits': '10', 'precision': 'float32'})
