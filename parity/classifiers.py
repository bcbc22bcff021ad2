"""Counts what the CIFAR classifiers get right of the 10,000 test images.

python -m parity.classifiers [DATA_DIR], by default $JGAN_DATA: a folder with
cifar-10-batches-py/ (or -bin/) and cifar10_classifiers/. About a minute.
"""
import os
import sys

from jgan.data import cifar10
from jgan.features import _extractor, resnet20, resnet56

RIGHT = {resnet20: 9173, resnet56: 9339}  # 8.27 % and 6.61 % of error


def main(data_dir):
  """Returns whether both counts are the published ones."""
  images = cifar10.load(data_dir, split='test')
  labels = cifar10.labels(data_dir, split='test')
  same = True
  for module, want in RIGHT.items():
    net = module.load(data_dir=data_dir)
    logits = _extractor.compiled(net)(images, ('logits',))['logits']
    count = int((logits.argmax(1) == labels).sum())
    same &= count == want
    print(f'{net.name}: {count} of {len(labels)} right, {want} published')
  return same


if __name__ == '__main__':
  args = [*sys.argv[1:], os.environ.get('JGAN_DATA', '')]
  sys.exit(0 if main(args[0]) else 1)
