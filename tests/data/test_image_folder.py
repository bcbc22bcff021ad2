"""Folders of image files: good ones of every mode, and all kinds of bad."""
import functools
import io
import os
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from jgan import batches
from jgan.data import _decode, _usable, image_folder
from jgan.errors import UserError


def picture(side=24, width=None, seed=0):
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, (side, width or side, 3), np.uint8)


def save(path, array, **options):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(array).save(path, **options)
  return path


@pytest.fixture
def load(tmp_path):
  return functools.partial(image_folder.load, str(tmp_path))


@pytest.fixture
def warnings(monkeypatch):
  said = []
  monkeypatch.setattr(_usable.log, 'warning',
                      lambda text, *values: said.append(text % values))
  return said


def test_all_formats_at_any_depth_in_the_order_of_their_names(tmp_path, load):
  arrays = {'b/c/1.png': picture(seed=1), 'b/2.WebP': picture(seed=2),
            'a.JPG': picture(seed=3), 'b/3.jpeg': picture(seed=4)}
  for name, array in arrays.items():
    lossless = {'lossless': True} if name.endswith('WebP') else {}
    save(tmp_path / name, array, **lossless)
  (tmp_path / 'notes.txt').write_text('not an image, and not looked at')
  save(tmp_path / '.hidden' / 'd.png', picture())
  save(tmp_path / '._a.png', picture())
  source = load(size=24)
  assert [str(p.relative_to(tmp_path)) for p in source.paths] == [
      'a.JPG', 'b/2.WebP', 'b/3.jpeg', 'b/c/1.png']
  images = batches.as_array(source)
  assert images.shape == source.shape == (4, 24, 24, 3)
  assert images.dtype == np.uint8
  np.testing.assert_array_equal(images[1], arrays['b/2.WebP'])
  np.testing.assert_array_equal(images[3], arrays['b/c/1.png'])
  assert len(load(size=24, folder='b')) == 3


def test_a_fingerprint_knows_files_and_not_where_their_folder_lies(
    tmp_path, load, monkeypatch):
  for name in ('a.png', 'b/c.png'):
    save(tmp_path / 'set' / name, picture())
  find = lambda **place: batches.fingerprint(load(size=24, **place))
  first = find(folder='set')
  monkeypatch.chdir(tmp_path / 'set')
  assert batches.fingerprint(image_folder.load('.', size=24)) == first
  (tmp_path / 'set').rename(tmp_path / 'moved')
  assert find(folder='moved') == first
  (tmp_path / 'moved' / 'a.png').rename(tmp_path / 'moved' / 'd.png')
  assert find(folder='moved') != first


def test_linked_folders_are_followed(tmp_path):
  save(tmp_path / 'real' / 'a.png', picture())
  (tmp_path / 'set').mkdir()
  (tmp_path / 'set' / 'link').symlink_to(tmp_path / 'real')
  assert len(image_folder.load(str(tmp_path / 'set'), size=24)) == 1
  assert image_folder.holds(tmp_path / 'set')


def test_the_central_square_is_resized_with_antialiasing(tmp_path, load):
  wide = np.zeros((64, 100, 3), np.uint8)
  wide[:, 18:-18] = np.indices((64, 64)).sum(0)[..., None] % 2 * 255
  save(tmp_path / 'a.png', wide)
  image = load(size=16)[0]
  assert image.shape == (16, 16, 3)
  # A checkerboard of single pixels averages to grey; nearest would alias.
  assert np.abs(image[2:-2, 2:-2].astype(int) - 128).max() <= 2


def test_grey_and_colour_are_converted(tmp_path, load):
  array = picture()
  save(tmp_path / 'a.png', array)
  save(tmp_path / 'b.png', array[..., 0])
  grey = load(size=24, channels=1)
  assert grey.shape == (2, 24, 24, 1)
  luma = array @ [.299, .587, .114]
  assert np.abs(grey[0][..., 0] - luma).max() < 1
  np.testing.assert_array_equal(grey[1][..., 0], array[..., 0])
  colour = load(size=24)[1]
  np.testing.assert_array_equal(colour, array[..., :1].repeat(3, -1))


def test_odd_modes_are_shown_as_a_page_would(tmp_path, load):
  flat = Image.new('RGB', (16, 16), (200, 30, 40))
  flat.quantize(4).save(tmp_path / 'a_palette.png')
  Image.new('RGBA', (16, 16), (10, 20, 30, 0)).save(tmp_path / 'b_clear.png')
  Image.new('LA', (16, 16), (100, 255)).save(tmp_path / 'c_la.png')
  deep = np.full((16, 16), 40000, np.uint16)
  Image.fromarray(deep).save(tmp_path / 'd_deep.png')
  Image.new('CMYK', (16, 16), (0, 255, 255, 0)).save(tmp_path / 'e_cmyk.jpg',
                                                     quality=100)
  Image.new('1', (16, 16), 1).save(tmp_path / 'f_bits.png')
  flat.save(tmp_path / 'g_key.png', transparency=(200, 30, 40))
  got = batches.as_array(load(size=16))[:, 8, 8]
  want = [(200, 30, 40), (255,) * 3, (100,) * 3, (40000 >> 8,) * 3,
          (255, 0, 0), (255,) * 3, (255,) * 3]
  assert np.abs(got.astype(int) - want).max() <= 2


def test_images_stand_upright(tmp_path, load):
  array = np.zeros((32, 32, 3), np.uint8)
  array[:16] = 255  # white above
  exif = Image.Exif()
  exif[0x0112] = 3  # the camera was upside down
  save(tmp_path / 'a.png', array, exif=exif)
  image = load(size=32)[0]
  assert image[:16].max() == 0 and image[16:].min() == 255


def spoil(folder):
  """Four bad files of different kinds beside two good ones."""
  save(folder / 'a.png', picture(seed=1))
  save(folder / 'z.png', picture(seed=2))
  (folder / 'corrupt.png').write_bytes(
      b'\x89PNG\r\n\x1a\n' + np.random.default_rng(0).bytes(99))
  (folder / 'empty.webp').write_bytes(b'')
  (folder / 'text.jpg').write_text('no image at all')
  save(folder / 'tiny.png', picture(8, 30))


@pytest.mark.parametrize('name', ['corrupt.png', 'empty.webp', 'text.jpg',
                                  'tiny.png'])
def test_a_bad_file_is_named_before_anything_else_happens(
    name, tmp_path, load):
  spoil(tmp_path)
  for path in tmp_path.iterdir():
    if path.name not in ('a.png', name):
      path.unlink()
  with pytest.raises(UserError) as e:
    load(size=24)
  text = str(e.value)
  assert str(tmp_path / name) in text and '1 of 2 image files' in text
  assert text.count(name) == 1 and '\n' not in text


def test_a_small_file_is_named_with_both_sizes(tmp_path, load):
  save(tmp_path / 'a.png', picture(8, 30))
  with pytest.raises(UserError, match=r'a.png is 30 x 8, smaller than 24'):
    load(size=24)
  assert load(size=24, upscale=True)[0].shape == (24, 24, 3)


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'webp'])
def test_a_truncated_file_is_named_when_it_is_reached(suffix, tmp_path, load):
  path = save(tmp_path / f'a.{suffix}', picture(200))
  path.write_bytes(path.read_bytes()[:-2000])
  with pytest.raises(UserError, match=f'a.{suffix} is not a whole image'):
    load(size=24)[0]
  with pytest.raises(UserError, match=f'a.{suffix} is not a whole image'):
    batches.as_array(load(size=24))


def test_bad_files_are_skipped_and_counted_on_request(
    tmp_path, load, warnings):
  spoil(tmp_path)
  cut = save(tmp_path / 'cut.jpg', picture(200))
  cut.write_bytes(cut.read_bytes()[:-2000])
  source = load(size=24, skip_bad=True)
  assert [p.name for p in source.paths] == ['a.png', 'z.png']
  np.testing.assert_array_equal(batches.as_array(source),
                                [picture(seed=1), picture(seed=2)])
  assert len(warnings) == 1
  assert '5 of 7 image files' in warnings[0]
  assert 'corrupt.png' in warnings[0] and warnings[0].endswith('; ...')


def test_a_clean_folder_says_nothing(tmp_path, load, warnings):
  save(tmp_path / 'a.png', picture())
  assert len(load(size=24, skip_bad=True)) == 1
  assert not warnings


def test_a_folder_without_one_good_file_is_refused(tmp_path, load):
  with pytest.raises(UserError, match='no image file in'):
    load()
  (tmp_path / 'a.png').write_text('no')
  with pytest.raises(UserError, match=r'1 of 1 image files .* cannot be used'):
    load(skip_bad=True)
  with pytest.raises(UserError, match=r'no folder .*nowhere'):
    load(folder='nowhere')


def test_a_file_the_disk_will_not_give_is_not_skipped(
    tmp_path, load, monkeypatch):
  save(tmp_path / 'a.png', picture())

  def refuse(*_, **__):
    raise PermissionError(13, 'Permission denied')

  monkeypatch.setattr(_decode.Image, 'open', refuse)
  with pytest.raises(UserError, match=r'cannot read .*a.png: Permission'):
    load(skip_bad=True)


@pytest.mark.parametrize('kind', ['link to nothing', 'link to itself', 'pipe'])
def test_what_is_no_file_is_bad_and_never_waited_for(
    kind, tmp_path, load, warnings):
  save(tmp_path / 'a.png', picture())
  odd = tmp_path / 'odd.png'
  if kind == 'pipe':
    os.mkfifo(odd)
  else:
    odd.symlink_to('gone' if kind == 'link to nothing' else 'odd.png')
  with pytest.raises(UserError, match=r'odd.png is .*1 of 2 image files'):
    load(size=24)
  assert [p.name for p in load(size=24, skip_bad=True).paths] == ['a.png']
  assert len(warnings) == 1 and 'odd.png' in warnings[0]


def test_each_folder_is_listed_once_whatever_links_lead_to_it(tmp_path, load):
  for i in range(4):
    save(tmp_path / 'b' / f'{i}.png', picture(seed=i))
  for link, target in (('b/own', '.'), ('b/again', '.'), ('b/up', '..'),
                       ('z', 'b')):
    (tmp_path / link).symlink_to(target)
  names = [str(p.relative_to(tmp_path)) for p in load(size=24).paths]
  assert names == [f'b/{i}.png' for i in range(4)]


def test_bmp_gif_tiff_and_jfif_are_read(tmp_path, load, warnings):
  array = picture()
  for suffix in ('bmp', 'tif', 'TIFF', 'gif', 'jfif'):
    save(tmp_path / f'a.{suffix}', array,
         format='JPEG' if suffix == 'jfif' else None)
  source = load(size=24)
  assert len(source) == 5 and not warnings
  by_name = {p.suffix: source[i] for i, p in enumerate(source.paths)}
  for suffix in ('.bmp', '.tif', '.TIFF'):
    np.testing.assert_array_equal(by_name[suffix], array)
  for suffix in ('.gif', '.jfif'):
    assert np.abs(by_name[suffix].astype(float) - array).mean() < 50


def test_images_of_other_formats_are_left_out_aloud(tmp_path, load, caplog):
  save(tmp_path / 'a.png', picture())
  for name in ('b.heic', 'c.HEIC', 'd.avif'):
    (tmp_path / name).touch()
  assert len(load(size=24)) == 1
  assert '1 .avif, 2 .heic' in caplog.text
  (tmp_path / 'a.png').unlink()
  with pytest.raises(UserError, match=r'no image file .*1 .avif, 2 .heic'):
    load()


def test_only_the_promised_formats_are_opened(tmp_path, load, monkeypatch):
  """Pillow would give an EPS, whatever its name, to Ghostscript."""
  started = []
  monkeypatch.setattr('PIL.EpsImagePlugin.Ghostscript',
                      lambda *_, **__: started.append(1))
  (tmp_path / 'a.png').write_bytes(
      b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n'
      b'%%EndComments\nshowpage\n%%EOF\n')
  Image.new('RGB', (32, 32)).save(tmp_path / 'b.png', format='PPM')
  with pytest.raises(UserError, match='2 of 2 image files .*not a whole image'):
    load(size=24, skip_bad=True)
  assert not started


def test_sixteen_bits_that_hold_twelve_are_said_and_scaled(
    tmp_path, load, warnings):
  deep = np.random.default_rng(0).integers(0, 4096, (24, 24)).astype(np.uint16)
  save(tmp_path / 'a.png', deep)
  save(tmp_path / 'b.tif', deep)
  assert load(size=24)[0].max() < 16
  assert len(warnings) == 1 and 'use 12 bits, not 16' in warnings[0]
  assert '--config.data.depth=12' in warnings[0]
  for image in batches.as_array(load(size=24, depth=12, channels=1)):
    np.testing.assert_array_equal(image[..., 0], deep >> 4)
  save(tmp_path / 'c.png', deep << 4)
  load(size=24)
  assert len(warnings) == 1  # of these files the range is used
  load(size=24, depth=12)
  assert 'use 16 bits, not 12: their images are cut off' in warnings[1]


def test_values_that_are_no_bytes_are_refused(tmp_path, load, warnings):
  save(tmp_path / 'a.tif', np.full((24, 24), 200.5, np.float32))
  with pytest.raises(UserError, match=r'a.tif cannot be used: .*mode F'):
    load(size=24)
  assert not warnings  # of bits that it does not have


@pytest.mark.parametrize('alpha, want', [
    ('white', 255), ('black', 0), ('ignore', 40)])
def test_transparent_pixels_are_laid_on_what_the_config_says(
    alpha, want, tmp_path, load):
  Image.new('RGBA', (24, 24), (40, 40, 40, 0)).save(tmp_path / 'a.png')
  assert (load(size=24, alpha=alpha)[0] == want).all()
  with pytest.raises(UserError, match="no 'red' for data.alpha"):
    load(alpha='red')


def test_a_large_jpeg_is_decoded_in_part(tmp_path, load, monkeypatch):
  array = np.zeros((400, 640, 3), np.uint8)
  array[:, 320:] = 200
  save(tmp_path / 'a.jpg', array, quality=95)
  whole = load(size=24)[0].astype(int)
  decoded = []
  square = image_folder._resize.square
  monkeypatch.setattr(image_folder._resize, 'square', lambda image, *a, **k: (
      decoded.append(image.size), square(image, *a, **k))[1])
  monkeypatch.setattr(_decode, '_LARGE', 400 * 640 - 1)
  part = load(size=24)[0].astype(int)
  assert decoded == [(80, 50)]
  assert np.abs(part - whole).max() < 12
  monkeypatch.setattr(_decode, '_MOST', 80 * 50 - 1)
  with pytest.raises(UserError, match=r'a.jpg cannot be used: it has 80 x 50'):
    load(size=24)[0]


@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
@pytest.mark.parametrize('side, words', [
    (13_000, '13,000 x 13,000 pixels'), (40_000, 'decompression bomb')])
def test_a_small_file_of_a_huge_image_is_refused_in_one_line(
    side, words, tmp_path, load):
  """A bitmap's header and nothing else."""
  header = io.BytesIO()
  Image.new('1', (8, 8)).save(header, 'BMP')
  data = bytearray(header.getvalue())
  data[18:26] = struct.pack('<ii', side, side)
  (tmp_path / 'a.bmp').write_bytes(data)
  with pytest.raises(UserError, match=words) as e:
    load(size=24)
  assert '\n' not in str(e.value)


def test_folders_that_may_be_several_sets_are_said(tmp_path, load, warnings):
  for name in ('100-shot-obama', 'AnimalFace-cat/img'):
    for i in range(3):
      save(tmp_path / name / f'{i}.png', picture(seed=i))
  assert len(load(size=24)) == 6
  assert len(warnings) == 1
  assert '100-shot-obama: 3, AnimalFace-cat: 3' in warnings[0]
  assert '--config.data.folder=NAME' in warnings[0]
  assert len(load(size=24, folder='.')) == 6
  assert len(load(size=24, folder='AnimalFace-cat')) == 3
  assert len(warnings) == 1


def test_folders_of_numbers_are_parts_of_one_set(tmp_path, load, warnings):
  for name in ('00000', '01000'):
    save(tmp_path / name / 'a.png', picture())
  assert len(load(size=24)) == 2 and not warnings


@pytest.mark.parametrize('stream', [False, True])
def test_a_file_that_becomes_bad_is_replaced_where_bad_ones_are_skipped(
    stream, tmp_path, load, caplog):
  arrays = [picture(seed=i) for i in range(3)]
  for i, array in enumerate(arrays):
    save(tmp_path / f'{i}.png', array)
  strict, lenient = load(size=24), load(size=24, skip_bad=True)
  (tmp_path / '1.png').write_bytes(b'gone')
  with pytest.raises(UserError, match='1.png is not a whole image'):
    strict[1]
  if stream:
    feed = batches.stream(lenient, lambda step: np.arange(3)[None], 0)
    images = next(feed)[0]
    feed.close()
  else:
    images = batches.as_array(lenient)
  np.testing.assert_array_equal(images, [arrays[0], arrays[2], arrays[2]])
  lenient[1]
  assert caplog.text.count('the next image stands in for it') == 1


def test_an_archive_in_the_folder_is_to_be_unpacked(tmp_path, load):
  (tmp_path / 'faces.zip').touch()
  with pytest.raises(UserError, match=r'unpack faces.zip: unzip .*faces.zip'):
    load()


def test_real_photographs_are_read(shared, tmp_path):
  archive = shared / 'oxford_flowers_64' / 'flowers64.zip'
  with zipfile.ZipFile(archive) as z:
    names = [n for n in z.namelist() if n.endswith('.jpg')][:20]
    z.extractall(tmp_path, names)
  images = batches.as_array(image_folder.load(str(tmp_path), size=32))
  assert images.shape == (20, 32, 32, 3)
  assert images.std(axis=(1, 2, 3)).min() > 5
