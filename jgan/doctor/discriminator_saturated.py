"""D tells all images apart with certainty: it stands still, and a loss that
saturates for G too has no gradient left for it."""
from jgan.doctor._history import Finding


def examine(history, *, share=.02, records=10):
  """History -> Finding or None, for losses that are 0 for a perfect D.

  Args:
    share: of the loss of a D that gives all images the output 0. Below it the
      hinge loss has images inside its margins one time in 50, and log sigmoid
      a mean logit of 4.3: D's gradient is down to as much. D's loss of usual
      runs is above a tenth.
    records: whose median is compared; twice as many have to be.
  """
  indifferent = history.indifferent()
  if not indifferent or indifferent <= 0.:
    return None
  now, before = (history.median('disc/loss', records, back=back)
                 for back in (0, records))
  if now is None or before is None or max(now, before) >= share * indifferent:
    return None
  if now < 0.:  # a loss that has no smallest value after all
    return None
  return Finding(
      f"D's loss is {now:.3g}, and {indifferent:.3g} if it tells nothing apart "
      f'(its outputs are {_last(history, "disc/real")} for real images and '
      f'{_last(history, "disc/fake")} for generated ones)',
      f'lower {history.of("optimizer.disc.lr")} or {history.of("critics")}; '
      "--config.penalties=\"({'name':'r1'},)\" or "
      '--config.discriminator.norm bound D; with few images '
      "--config.augment=\"({'name':'diffaugment'},)\"")


def _last(history, name):
  _, values = history.series(name, 1)
  return f'{values[-1]:.3g}' if len(values) else 'not recorded'
