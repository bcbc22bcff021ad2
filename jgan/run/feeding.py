"""The inputs of the dispatches of a run: images on the devices, or streamed."""
import contextlib
import itertools

from jgan import batches, progress, signals
from jgan.errors import UserError
from jgan.rows import Rows
from jgan.run import chunks, parallel, processes, several


@contextlib.contextmanager
def fed(config, plan, source, where, start, k, stop=None, resident=None,
        labels=None):
  """Yields the inputs of the dispatches: (images or None, an iterator).

  labels: [n] int32 of the images, if they have some; they go where the images
    go.
  stop: a signals.Watch that may give up the loading, by signals.Asked.
  resident: whether to place the images on the devices; None: if they fit.

  The iterator yields a chunk (see chunks.py) and its batches. A data set that
  fits is placed on the devices as Rows, of each device its shards if
  there are several, and a batch is indices into them; a larger one is streamed,
  without images on the devices, and a batch is its images. In both cases the
  images of step s depend only on (seed, s) and the shards.

  Raises:
    UserError: there are fewer images than shards.
  """
  shards, total = config.pipeline.shards, len(source)
  if total < shards:
    raise UserError(f'config.pipeline.shards={shards} and {total} images: at '
                    'least one in each would be right')
  images = batches.arrangement(config.pipeline.fraction_seed, total, shards)
  # Images that a device holds, if any.
  share = len(images) // parallel.shares(config, where)

  def indices_of(seed, step):
    chosen = batches.turn_indices(seed, plan(step), batch=config.batch,
                                  total=total, shards=shards)
    chosen = chosen[:, parallel.rows(chosen.shape[1])]
    return chosen % share if resident else images[chosen]

  def indices(step):
    return parallel.own(lambda seed: indices_of(seed, step), config, where)

  group = processes.group()
  if resident is None:
    resident = group.said(_resident(config, source, where))
  with contextlib.ExitStack() as stack:
    if resident:
      here = images if share == len(images) else images[
          parallel.rows(len(images))]
      with group.together(), progress.during('decoding the images'):
        decoded = (stop or signals.Watch()).wait(
            batches.as_array,
            source if shards == 1 else batches.chosen(source, here))
      place = parallel.place_apart if share < len(images) else parallel.place
      data = Rows(
          place(decoded.reshape(len(decoded), -1), where), decoded.shape[1:],
          None if labels is None else place(labels[here], where))
      del decoded  # the devices have copies, and this frame lasts
      rows = map(indices, itertools.count(start))
    else:
      data = None
      rows = stack.enter_context(contextlib.closing(batches.stream(
          source, indices, start, labels=labels)))
    yield data, ((chunk, parallel.feed(
        several.stacked(itertools.islice(rows, chunk[1])), where))
                 for chunk in chunks.of_run(config, plan, start, k))


def _resident(config, source, where):
  """Whether to place the images on the devices, as long as the step fits too.

  Those of a device may take a quarter of its memory, or of 16 GiB where its
  size is unknown.
  """
  placement = config.pipeline.placement
  if placement == 'auto':
    return batches.resident(source, (parallel.limit(where) or 2**34) // 4,
                            where.mesh.devices.flat[0].platform,
                            parallel.shares(config, where))
  return placement == 'device'
