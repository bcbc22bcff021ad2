"""Moving pictures: frames as .gif, .webp or .mp4, atomically."""
import itertools
import pathlib
import warnings

import numpy as np
from PIL import Image

from jgan.errors import UserError
from jgan.files import replacing
from jgan.report import grid

SUFFIXES = '.gif', '.webp', '.mp4'
INSTALL = 'pip install "imageio[ffmpeg]"'
_TILE = 256  # smaller images are enlarged to about this many pixels


def save(path, images, fps, *, tile=_TILE):
  """Writes images one after the other; .gif and .webp repeat for ever.

  A .gif has 256 colours in each frame, and times in hundredths of a second.

  Args:
    path: its suffix is the format.
    images: iterable of [h, w, c] uint8 or in [-1, 1], c of 1 or 3.
    fps: frames per second.
    tile: as in grid.grid: small images are enlarged.

  Raises:
    UserError: another suffix, fps that the format cannot have, no frames, or
      a package is missing.
    OSError: the file cannot be written.
  """
  path = pathlib.Path(path)
  if path.suffix not in SUFFIXES:
    raise UserError(f"{path} ends in '{path.suffix}': one of "
                    f'{", ".join(SUFFIXES)} would be right')
  if not 1. <= fps <= 100.:
    raise UserError(f'--fps={fps:g}: from 1 to 100 frames per second would be '
                    'right')
  frames = (grid.grid(np.asarray(image)[None], tile=tile, gap=0)
            for image in images)
  write = _mp4 if path.suffix == '.mp4' else _pillow
  with replacing(path) as part:
    write(part, frames, fps)


def _pillow(path, frames, fps):
  frames = (Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x)
            for x in frames)
  first = next(frames, None)
  if first is None:
    raise UserError('no frames: one or more would be right')
  options = ({'optimize': False} if path.suffix == '.gif' else
             {'quality': 90, 'method': 4})
  first.save(path, save_all=True, append_images=frames,
             duration=round(1000 / fps), loop=0, **options)


def _mp4(path, frames, fps):
  try:
    import imageio.v2 as imageio
    import imageio_ffmpeg  # noqa: F401 - imageio writes .mp4 by it
  except ImportError as error:
    raise UserError(f'.mp4 needs imageio and imageio-ffmpeg ({error}): '
                    f'{INSTALL} installs them, the extra "video" of jgan; .gif '
                    'and .webp need neither') from error
  first = next(frames, None)
  if first is None:
    raise UserError('no frames: one or more would be right')
  with warnings.catch_warnings():
    # Of JAX, about any new process; this one uses no JAX.
    warnings.filterwarnings('ignore', r'os\.fork\(\)', RuntimeWarning)
    with imageio.get_writer(path, format='FFMPEG', mode='I', fps=fps,
                            codec='libx264', quality=8, macro_block_size=2,
                            ffmpeg_log_level='error') as writer:
      for frame in itertools.chain([first], frames):
        writer.append_data(_even(frame))


def _even(frame):
  """[H, W, 3] of even sides, as the codec needs: the last pixel is repeated."""
  h, w, c = frame.shape
  frame = np.pad(frame, ((0, h % 2), (0, w % 2), (0, 0)), mode='edge')
  return frame.repeat(3, axis=2) if c == 1 else frame
