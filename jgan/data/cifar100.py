"""CIFAR-100 (Krizhevsky, 2009): 50,000 + 10,000 colour images of 32 x 32."""
from jgan.data import _cifar, _official, _require, _resize
from jgan.types import ImageSpec

_COUNTS = {'train': 50000, 'test': 10000}
_PUBLISHED = _official.Published(
    'cifar-100-python/ or cifar-100-binary/',
    'https://www.cs.toronto.edu/~kriz/cifar.html', 'cifar-100-*')

# For the binary files only SHA-256 checksums are published, not MD5.
_FILES = {
    'train': (
        ('cifar-100-python', {'train': '16019d7e3df5f24257cddd939b257f8d'}),
        ('cifar-100-binary', {
            'train.bin': 'f31298fc616915fa142368359df1c4ca'
                         '2ae984d6915ca468b998a5ec6aeebf29'})),
    'test': (
        ('cifar-100-python', {'test': 'f0ef6b0ae62326f3e7ffdfab6717acfc'}),
        ('cifar-100-binary', {
            'test.bin': 'd8b1e6b7b3bee4020055f0699b111f60'
                        'b1af1e262aeb93a0b659061746f8224a'})),
}

_CLASSES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl
    boy bridge bus butterfly camel can castle caterpillar cattle chair
    chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
    dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter
    palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum
    rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper
    table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""


def info(*, split='train', size=32):
  """ImageSpec of the set; other sizes than 32 are resampled (Lanczos)."""
  _require.one_of('split', split, _COUNTS)
  _require.at_least('size', size, 1)
  return ImageSpec((size, size, 3), _COUNTS[split])


def classes(*, split='train', size=32):
  """The names of the 100 fine classes, in the order of the labels."""
  del split, size
  return tuple(_CLASSES.split())


def labels(data_dir, *, split='train', size=32):
  """The fine class of each image of `load`: [n] int32 in 0 .. 99.

  Raises:
    UserError: there are no files, or not the official ones.
  """
  info(split=split, size=size)
  base = _official.root(data_dir, _PUBLISHED)
  return _cifar.labels(base, _FILES[split], _PUBLISHED, key=b'fine_labels',
                       label_bytes=2)


def load(data_dir, *, split='train', size=32):
  """Reads the official files, or those prepared by tensorflow-datasets.

  data_dir: contains cifar-100-python or cifar-100-binary, or is one of them.

  Returns: [n, size, size, 3] uint8.

  Raises:
    UserError: no files, or not the official ones.
  """
  info(split=split, size=size)
  base = _official.root(data_dir, _PUBLISHED)
  images = _cifar.read(base, _FILES[split], label_bytes=2)
  if images is not None:
    return _resize.resize(images, size, _resize.LANCZOS)
  return _cifar.prepared(base, _FILES[split], _PUBLISHED, name='cifar100',
                         split=split, size=size)
