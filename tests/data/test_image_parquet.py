"""Photos in Parquet files, as Hugging Face's library `datasets` writes them."""
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jgan import batches
from jgan.data import image_folder, image_parquet
from jgan.errors import UserError
from tests.data.test_image_zip import png


def table(seeds, labels=True, **columns):
  rows = {'image': [{'bytes': png(i), 'path': f'{i}.png'} for i in seeds]}
  if labels:
    rows['label'] = [i % 3 for i in seeds]
  return pa.table({**rows, **columns})


@pytest.fixture
def split(tmp_path):
  """A folder with two files of training images, and one of tests."""
  (tmp_path / 'data').mkdir()
  for name, seeds in (('train-00000-of-00002', range(5)),
                      ('train-00001-of-00002', range(5, 8)),
                      ('test-00000-of-00001', range(90, 92))):
    pq.write_table(table(seeds), tmp_path / 'data' / f'{name}.parquet',
                   row_group_size=2)
  return tmp_path


def test_rows_are_images_in_any_order_of_access(split, tmp_path):
  files = tmp_path / 'files'
  files.mkdir()
  for i in range(8):
    (files / f'{i}.png').write_bytes(png(i))
  want = batches.as_array(image_folder.load(str(files), size=16))
  source = image_parquet.load(str(split), size=16)
  np.testing.assert_array_equal(batches.as_array(source), want)
  for i in (7, 0, 4, 5, 1):
    np.testing.assert_array_equal(source[i], want[i])
  assert len(source._groups._held) <= 4
  assert source.raw(6) == png(6)
  assert source.labels().tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
  assert source.labels().dtype == np.int32


def test_splits_are_chosen_by_the_names_of_files_or_folders(split):
  assert len(image_parquet.load(str(split), split='test', size=16)) == 2
  with pytest.raises(UserError, match="no 'validation' .* of test, train"):
    image_parquet.load(str(split), split='validation', size=16)
  one = split / 'data' / 'train-00001-of-00002.parquet'
  assert len(image_parquet.load(str(one), size=16)) == 3
  (split / 'default' / 'train').mkdir(parents=True)
  one.rename(split / 'default' / 'train' / '0000.parquet')
  assert len(image_parquet.load(str(split), size=16)) == 8
  pq.write_table(table(range(3)), split / 'latest.parquet')
  alone = split / 'alone'
  alone.mkdir()
  (split / 'latest.parquet').rename(alone / 'latest.parquet')  # not a test set
  assert len(image_parquet.load(str(alone), size=16)) == 3


def test_a_fingerprint_knows_files_and_not_where_they_lie(split):
  first = batches.fingerprint(image_parquet.load(str(split), size=16))
  (split / 'data').rename(split / 'other')
  assert batches.fingerprint(
      image_parquet.load(str(split / 'other'), size=16)) != first
  (split / 'other').rename(split / 'data')
  assert batches.fingerprint(image_parquet.load(str(split), size=16)) == first


def test_other_columns_are_named_where_there_is_no_image(tmp_path):
  path = tmp_path / 'a.parquet'
  pq.write_table(pa.table({'img': table([1])['image'], 'x': [1]}), path)
  with pytest.raises(UserError, match="no column of images 'image'; it has "
                     'img: --config.data.column=NAME'):
    image_parquet.load(str(path), size=16)
  assert len(image_parquet.load(str(path), column='img', size=16)) == 1
  pq.write_table(pa.table({'image': [png(1), png(2)]}), path)  # bare bytes
  source = image_parquet.load(str(path), size=16)
  assert len(source) == 2 and source.labels() is None


def test_bad_rows_are_named_or_left_out_with_their_labels(tmp_path):
  path = tmp_path / 'a.parquet'
  rows = [{'bytes': png(0), 'path': None}, {'bytes': b'broken', 'path': None},
          {'bytes': None, 'path': '/x/c.png'}, {'bytes': png(3), 'path': None}]
  pq.write_table(pa.table({'image': rows, 'label': [5, 6, 7, 8]}), path)
  with pytest.raises(UserError, match='a.parquet: row 1 is not a whole image'):
    image_parquet.load(str(path), size=16)
  source = image_parquet.load(str(path), size=16, skip_bad=True)
  assert source.labels().tolist() == [5, 8] and len(source) == 2
  assert [name.split()[1] for name in source.names()] == ['0', '3']
  kind = pa.struct({'bytes': pa.binary(), 'path': pa.string()})
  pq.write_table(pa.table({'image': pa.array(rows[2:3], kind)}), path)
  with pytest.raises(UserError, match='row 0 .*it has no bytes'):
    image_parquet.load(str(path), size=16)


def test_labels_that_are_no_classes_are_refused(tmp_path):
  path = tmp_path / 'a.parquet'
  for label in (-1, None, 'cat'):
    pq.write_table(pa.table({'image': table([1])['image'],
                             'label': [label]}), path)
    with pytest.raises(UserError, match=f'has the label {label!r}'):
      image_parquet.labels(str(path), size=16)


@pytest.mark.parametrize('content', [b'', b'PAR1', b'PAR1' + bytes(99)])
def test_a_damaged_file_is_one_line(content, tmp_path):
  (tmp_path / 'a.parquet').write_bytes(content)
  with pytest.raises(UserError, match=r'a.parquet is not a whole Parquet file'):
    image_parquet.load(str(tmp_path), size=16)


def test_a_file_that_is_cut_or_changed_is_one_line(tmp_path):
  path = tmp_path / 'a.parquet'
  pq.write_table(table(range(4)), path, row_group_size=2)
  data = path.read_bytes()
  path.write_bytes(data[:-20])
  with pytest.raises(UserError, match='not a whole Parquet file'):
    image_parquet.load(str(path), size=16)
  path.write_bytes(data[:4] + bytes(300) + data[304:])
  with pytest.raises(UserError, match=r'a.parquet'):
    batches.as_array(image_parquet.load(str(path), size=16))


def test_row_groups_that_would_fill_the_memory_are_refused(
    tmp_path, monkeypatch):
  path = tmp_path / 'a.parquet'
  pq.write_table(table(range(4)), path)
  monkeypatch.setattr(image_parquet, '_MOST', 1000)
  with pytest.raises(UserError, match='row groups with .* with fewer rows'):
    image_parquet.load(str(path), size=16)


def test_a_file_without_rows_is_one_line(tmp_path):
  pq.write_table(table(range(2)).slice(0, 0), tmp_path / 'none.parquet')
  with pytest.raises(UserError, match='has no images: one or more would be ri'):
    image_parquet.load(str(tmp_path), size=16)
