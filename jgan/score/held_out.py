"""Images of a data set on which a run does not train."""
from jgan import batches, build, lookup
from jgan.errors import UserError
from jgan.sections import keywords, subset


def images(config, data_dir, of=build.source):
  """The held-out images of a config's data set: a source.

  They are of config.eval.split, if that is another split than the one that is
  trained on; else those that `pipeline` leaves out, if it does; else the split
  'test' of a data set whose split 'train' is trained on.

  config: completed.
  of: (config, data_dir) -> what of each training image is asked for: the image,
    or by labelling.of_training its label.

  Raises:
    UserError: none of these; names the data sets that have splits.
  """
  def whole(split):
    c = config.copy_and_resolve_references().unlock()
    c.pipeline.update({'first': 0, 'fraction': 1.})
    if split:
      c.data.split = split
    return of(c, data_dir)

  own, asked, pipeline = (config.data.get('split', ''), config.eval.split,
                          config.pipeline)
  if own and asked and not _overlap(own, asked):
    return whole(asked)
  if pipeline.first or pipeline.fraction < 1.:
    return batches.left_out(whole(own), **subset(config))
  if 'train' in own and not _overlap(own, 'test'):
    return whole('test')
  splits = [name for name in lookup.names('data')
            if 'split' in keywords(lookup.find('data', name).load)]
  trained = f"the split '{own}' of {config.data.name}" if own else (
      f'all of {config.data.name}, which has no splits')
  raise UserError(f'no images are held out: the run trains on {trained}. '
                  'config.pipeline.fraction below 1 would leave images out, '
                  f'and these data sets have splits: {", ".join(splits)}')


def _overlap(one, other):
  """Whether two splits, as 'train+unlabeled', have images in common."""
  one, other = {*one.split('+')}, {*other.split('+')}
  return bool(one & other) or 'all' in one | other
