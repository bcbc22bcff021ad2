"""Folders of image files: good ones of every mode, and all kinds of bad."""
import functools
import zipfile

import numpy as np
import pytest
from PIL import Image

from jgan import batches
from jgan.data import image_folder
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
  monkeypatch.setattr(image_folder.log, 'warning',
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


def test_linked_folders_are_followed(tmp_path):
  save(tmp_path / 'real' / 'a.png', picture())
  (tmp_path / 'set').mkdir()
  (tmp_path / 'set' / 'link').symlink_to(tmp_path / 'real')
  assert len(image_folder.load(str(tmp_path / 'set'), size=24)) == 1


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


def test_a_file_the_disk_will_not_give_is_not_skipped(tmp_path, load):
  (tmp_path / 'a.png').symlink_to(tmp_path / 'gone')
  with pytest.raises(UserError, match=r'cannot read .*a.png: No such file'):
    load(skip_bad=True)


def test_real_photographs_are_read(shared, tmp_path):
  archive = shared / 'oxford_flowers_64' / 'flowers64.zip'
  with zipfile.ZipFile(archive) as z:
    names = [n for n in z.namelist() if n.endswith('.jpg')][:20]
    z.extractall(tmp_path, names)
  images = batches.as_array(image_folder.load(str(tmp_path), size=32))
  assert images.shape == (20, 32, 32, 3)
  assert images.std(axis=(1, 2, 3)).min() > 5
