"""Labels stand beside their images, in both layouts of CIFAR-10."""
import numpy as np
import pytest

from jgan.data import cifar10, digits, mnist
from jgan.errors import UserError


def test_mnist_has_as_many_labels_as_published(shared):
  labels = mnist.labels(str(shared), split='test')
  assert labels.dtype == np.int32
  # Counts of the digits 0 .. 9 in the published test set.
  assert np.bincount(labels).tolist() == [
      980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
  assert labels[:5].tolist() == [7, 2, 1, 0, 4]
  assert np.bincount(mnist.labels(str(shared))).sum() == 60000


def test_cifar10_has_a_thousand_test_images_of_each_class(cifar_dir, shared):
  labels = cifar10.labels(str(cifar_dir), split='test')
  assert np.bincount(labels).tolist() == [1000] * 10
  want = np.load(shared / 'cifar10' / 'labels.npz')['test_batch']
  np.testing.assert_array_equal(labels, want)
  for layout in ('cifar-10-batches-py', 'cifar-10-batches-bin'):
    np.testing.assert_array_equal(
        cifar10.labels(str(cifar_dir / layout), split='test'), want)


def test_cifar10_without_official_files_has_no_labels(tmp_path):
  with pytest.raises(UserError, match='no cifar-10-batches-py/ or .*labels'):
    cifar10.labels(str(tmp_path))


def test_arrays_are_not_sorted_by_class(cifar_dir, shared):
  """`pipeline.first` of them has all classes; of sorted folders it is said."""
  for labels in (digits.labels(''), mnist.labels(str(shared)),
                 cifar10.labels(str(cifar_dir), split='test')):
    tenth = np.bincount(labels[:len(labels) // 10], minlength=10)
    assert tenth.min() > tenth.mean() / 2


def test_digits_are_balanced():
  labels = digits.labels('', size=16)
  assert len(labels) == 1797 and labels[:3].tolist() == [0, 1, 2]
  assert np.bincount(labels).min() > 170
