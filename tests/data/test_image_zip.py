"""Photos in a zip file: the same as unpacked, and all kinds of bad archives."""
import io
import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from jgan import batches
from jgan.data import image_folder, image_zip
from jgan.errors import UserError


def png(seed=0, side=24, **options):
  rng = np.random.default_rng(seed)
  data = io.BytesIO()
  Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(
      data, 'PNG', **options)
  return data.getvalue()


def packed(path, files, method=zipfile.ZIP_DEFLATED):
  with zipfile.ZipFile(path, 'w', method) as archive:
    for name, data in files.items():
      archive.writestr(name, data)
  return str(path)


FILES = {'b/2.png': png(2), 'a.png': png(1), 'b-c/3.PNG': png(3),
         'notes.txt': b'none', '.hidden/d.png': b'none', 'b/.e.png': b'none',
         '__MACOSX/._a.png': b'none'}


@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED,
                                    zipfile.ZIP_LZMA])
def test_an_archive_is_the_set_that_unpacking_it_gives(tmp_path, method):
  """In the same order and of the same fingerprint: a run goes on with it."""
  packed(tmp_path / 'p.zip', FILES, method)
  with zipfile.ZipFile(tmp_path / 'p.zip') as archive:
    archive.extractall(tmp_path / 'unpacked')
  folder = image_folder.load(str(tmp_path / 'unpacked'), size=16)
  for place in tmp_path / 'p.zip', tmp_path:
    source = image_zip.load(str(place), size=16)
    np.testing.assert_array_equal(batches.as_array(source),
                                  batches.as_array(folder))
    assert batches.fingerprint(source) == batches.fingerprint(folder)
    assert source.names() == folder.names()
  assert len(image_zip.load(str(tmp_path), folder='b', size=16)) == 1
  assert sorted(os.listdir(tmp_path)) == ['p.zip', 'unpacked']


def test_labels_are_those_of_stylegans_dataset_json(tmp_path):
  names = ['00000/img00000000.png', '00000/img00000001.png']
  made = lambda labels: packed(tmp_path / 'dataset.zip', {
      **{name: png(i) for i, name in enumerate(names)},
      'dataset.json': json.dumps({'labels': labels})})
  # In another order than the images, which are sorted.
  path = made([[names[1], 6], [names[0], 9]])
  labels = image_zip.labels(path, size=16)
  assert labels.tolist() == [9, 6] and labels.dtype == np.int32
  assert image_zip.labels(made(None), size=16) is None
  for broken, words in (([[names[0], 1]], 'no label of'),
                        ([[name, [.5]] for name in names], r'label \[0.5\]'),
                        ({'a': 1}, 'is damaged')):
    with pytest.raises(UserError, match=words):
      image_zip.labels(made(broken), size=16)
  assert image_zip.labels(packed(tmp_path / 'dataset.zip', FILES), size=16
                          ) is None


def test_labels_of_bad_images_are_left_out_with_them(tmp_path):
  path = packed(tmp_path / 'a.zip', {
      'a.png': png(1), 'b.png': b'broken', 'c.png': png(3),
      'dataset.json': json.dumps({'labels': [['a.png', 1], ['b.png', 2],
                                             ['c.png', 3]]})})
  assert image_zip.labels(path, size=16, skip_bad=True).tolist() == [1, 3]


@pytest.mark.parametrize('name', ['/etc/a.png', '../a.png', 'b/../../a.png',
                                  'C:/a.png', '..\\a.png'])
def test_paths_that_lead_out_of_the_archive_are_refused(tmp_path, name):
  path = packed(tmp_path / 'a.zip', {name: png()})
  with pytest.raises(UserError, match='leads out of it'):
    image_zip.load(path, size=16)


def test_what_is_not_a_whole_zip_file_is_refused(tmp_path):
  whole = packed(tmp_path / 'a.zip', FILES)
  data = bytearray((tmp_path / 'a.zip').read_bytes())
  for broken in (b'', b'PK\x03\x04', data[:len(data) // 2]):
    (tmp_path / 'b.zip').write_bytes(broken)
    with pytest.raises(UserError, match='b.zip is not a whole zip file'):
      image_zip.load(str(tmp_path / 'b.zip'), size=16)
  with pytest.raises(UserError, match=r'a.zip, b.zip: --config.data.file=NAME'):
    image_zip.load(str(tmp_path), size=16)
  assert len(image_zip.load(str(tmp_path), file='a.zip', size=16)) == 3
  with pytest.raises(UserError, match='no file .*c.zip'):
    image_zip.load(str(tmp_path), file='c.zip', size=16)
  with pytest.raises(UserError, match='no image file in folder x of'):
    image_zip.load(whole, folder='x', size=16)
  packed(tmp_path / 'c.zip', {'a.heic': b'', 'b.txt': b''})
  with pytest.raises(UserError, match=r'no image file in .*1 .heic are not'):
    image_zip.load(str(tmp_path / 'c.zip'), size=16)


def test_a_bit_that_flipped_in_an_image_is_noticed(tmp_path):
  """By the archive's sum: pixels of a file without a sum would be wrong."""
  data = io.BytesIO()
  Image.new('RGB', (24, 24)).save(data, 'BMP')
  path = packed(tmp_path / 'a.zip', {'a.bmp': data.getvalue(),
                                     'b.png': png(1)}, zipfile.ZIP_STORED)
  file = tmp_path / 'a.zip'
  changed = bytearray(file.read_bytes())
  changed[200] ^= 1
  file.write_bytes(changed)
  with pytest.raises(UserError, match='a.bmp is not a whole image: Bad CRC'):
    batches.as_array(image_zip.load(path, size=16))
  assert len(image_zip.load(path, size=16, skip_bad=True)) == 1


def test_an_encrypted_archive_is_refused(tmp_path):
  path = packed(tmp_path / 'a.zip', {'a.png': png()}, zipfile.ZIP_STORED)
  data = bytearray((tmp_path / 'a.zip').read_bytes())
  data[data.index(b'PK\x01\x02') + 8] |= 1  # flags, in the central directory
  (tmp_path / 'a.zip').write_bytes(data)
  with pytest.raises(UserError, match=r'is encrypted \(a.png\): unpack it'):
    image_zip.load(path, size=16)


def test_an_image_that_would_unpack_to_gigabytes_is_not_unpacked(tmp_path):
  path = packed(tmp_path / 'a.zip', {'a.png': png(), 'b.png': png(1)})
  data = bytearray((tmp_path / 'a.zip').read_bytes())
  entry = data.index(b'PK\x01\x02')
  data[entry + 24:entry + 28] = (2**31).to_bytes(4, 'little')
  (tmp_path / 'a.zip').write_bytes(data)
  with pytest.raises(UserError, match='a.png cannot be used: it would unpack '
                     'to 2,147,483,648 bytes'):
    image_zip.load(path, size=16)
  assert len(image_zip.load(path, size=16, skip_bad=True)) == 1


def test_small_and_odd_photos_are_said_as_of_a_folder(tmp_path):
  path = packed(tmp_path / 'a.zip', {'a.png': png(side=8), 'b.png': png()})
  with pytest.raises(UserError, match=r'a.zip/a.png is 8 x 8, smaller than 16 '
                     r'\(1 of 2'):
    image_zip.load(path, size=16)
  assert len(image_zip.load(path, size=16, upscale=True)) == 2
  exif = Image.Exif()
  exif[0x0112] = 3  # the camera was upside down
  top = np.zeros((32, 32, 3), np.uint8)
  top[:16] = 255
  data = io.BytesIO()
  Image.fromarray(top).save(data, 'PNG', exif=exif)
  image = image_zip.load(packed(tmp_path / 'b.zip', {
      'a.png': data.getvalue()}), size=32)[0]
  assert image[:16].max() == 0 and image[16:].min() == 255
