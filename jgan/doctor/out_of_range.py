"""Numbers grow towards what their type cannot represent: NaN is near."""
from jgan.doctor._history import Finding


def examine(history, *, growth=100., least=1e3, records=5):
  """History -> Finding or None.

  Args:
    growth: of the norm of a player's gradient from one median to the one four
      times as many records before, that is not training but divergence.
    least: below this norm it is no symptom: it may have begun near 0.
    records: whose median is compared.
  """
  # From here on two neighbouring numbers differ by 2, more than any margin.
  limit = 2. ** history.bits
  for side, images in (('real', 'real'), ('fake', 'generated')):
    now = history.median(f'disc/{side}', 2 * records)
    if now is not None and abs(now) >= limit:
      return Finding(
          f"D's mean output for {images} images is {now:.3g}, and "
          f'{history.settings.get("dtype", "its type")} rounds to multiples of '
          f'2 from {limit:.3g} on',
          'a penalty bounds the outputs: --config.penalties='
          "\"({'name':'drift'},)\" or r1; --config.dtype=float32 rounds less; "
          f'lower {history.of("optimizer.disc.lr")}')
  for player in ('disc', 'gen'):
    name = f'{player}/grad_norm'
    now = history.median(name, records)
    before = history.median(name, records, back=4 * records)
    if before and now > max(growth * before, least):
      return Finding(
          f"the norm of {'D' if player == 'disc' else 'G'}'s gradient is "
          f'{now:.3g}, and was {before:.3g} {4 * records} records before',
          f'lower {history.of(f"optimizer.{player}.lr")}, or clip the gradient '
          f'by --config.optimizer.{player}.clip_norm=1')
  return None
