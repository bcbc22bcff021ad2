"""ResNet-20 trained on CIFAR-10, with a test accuracy of 91.73 %."""
from jgan.features import _cifar_resnet

FILE = 'resnet20-12fca82f.th'


def load(path='', *, data_dir=''):
  """The Extractor of 'features' [n, 64] and 'logits' [n, 10].

  Args:
    path: the weights, FILE of github.com/akamaster/pytorch_resnet_cifar10; ''
      for data_dir/cifar10_classifiers/FILE.

  Raises:
    UserError: no weights file, or one of another network.
  """
  return _cifar_resnet.load(20, FILE, path, data_dir)
