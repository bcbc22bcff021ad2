"""CIFAR-10 (Krizhevsky, 2009): 50,000 + 10,000 colour images of 32 x 32."""
from jgan.data import _cifar, _official, _require, _resize
from jgan.types import ImageSpec

_COUNTS = {'train': 50000, 'test': 10000}
_PUBLISHED = _official.Published(
    'cifar-10-batches-py/ or cifar-10-batches-bin/',
    'https://www.cs.toronto.edu/~kriz/cifar.html', 'cifar-10-*')

# The published MD5 sums of the files inside the two official archives.
_FILES = {
    'train': (
        ('cifar-10-batches-py', {
            'data_batch_1': 'c99cafc152244af753f735de768cd75f',
            'data_batch_2': 'd4bba439e000b95fd0a9bffe97cbabec',
            'data_batch_3': '54ebc095f3ab1f0389bbae665268c751',
            'data_batch_4': '634d18415352ddfa80567beed471001a',
            'data_batch_5': '482c414d41f54cd18b22e5b47cb7c3cb',
        }),
        ('cifar-10-batches-bin', {
            'data_batch_1.bin': '5dd7e06a14cb22eb9f671a540d1b7c25',
            'data_batch_2.bin': '5ea93a67294ea407fff1d09f752e9692',
            'data_batch_3.bin': '942cd6a4bcdd0dd3c604fbe906cb4421',
            'data_batch_4.bin': 'ae636b3ba5c66a11e91e8cb52e771fcb',
            'data_batch_5.bin': '53f37980c15c3d472c316c40844f3f0d',
        })),
    'test': (
        ('cifar-10-batches-py', {
            'test_batch': '40351d587109b95175f43aff81a1287e',
        }),
        ('cifar-10-batches-bin', {
            'test_batch.bin': '803d5f7f4d78ea53de84dbe85f74fb6d',
        })),
}


def info(*, split='train', size=32):
  """ImageSpec of the set; other sizes than 32 are resampled (Lanczos)."""
  _require.one_of('split', split, _COUNTS)
  _require.at_least('size', size, 1)
  return ImageSpec((size, size, 3), _COUNTS[split])


def classes(*, split='train', size=32):
  """The names of the classes, in the order of the labels."""
  del split, size
  return ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog',
          'horse', 'ship', 'truck')


def load(data_dir, *, split='train', size=32):
  """Reads the official files, or those prepared by tensorflow-datasets.

  data_dir: contains cifar-10-batches-py or cifar-10-batches-bin, or is one of
    them.

  Returns: [n, size, size, 3] uint8.

  Raises:
    UserError: no files, or not the official ones.
  """
  info(split=split, size=size)
  base = _official.root(data_dir, _PUBLISHED)
  images = _cifar.read(base, _FILES[split], label_bytes=1)
  if images is not None:
    return _resize.resize(images, size, _resize.LANCZOS)
  return _cifar.prepared(base, _FILES[split], _PUBLISHED, name='cifar10',
                         split=split, size=size)


def labels(data_dir, *, split='train', size=32):
  """The class of each image of `load`: [n] int32 in 0 .. 9.

  Raises:
    UserError: there are no files, or not the official ones.
  """
  info(split=split, size=size)
  base = _official.root(data_dir, _PUBLISHED)
  return _cifar.labels(base, _FILES[split], _PUBLISHED, key=b'labels',
                       label_bytes=1)
