"""ResNet-56 trained on CIFAR-10, with a test accuracy of 93.39 %."""
from jgan.features import _cifar_resnet

FILE = 'resnet56-4bfd9763.th'


def load(path='', *, data_dir=''):
  """The Extractor of 'features' [n, 64] and 'logits' [n, 10].

  Args:
    path: the weights, FILE of github.com/akamaster/pytorch_resnet_cifar10; ''
      for data_dir/cifar10_classifiers/FILE.

  Raises:
    UserError: no weights file, or one of another network.
  """
  return _cifar_resnet.load(56, FILE, path, data_dir)
