"""The claims, what was seen of each, and how to see it again: Markdown."""
import math
import shlex
import textwrap

from jgan.report import table
from jgan.score import paired
from jgan.verbs import _claims_seen as seen
from jgan.verbs._replication import anchor

_HEAD = """# Claims at laptop size

Written by `python -m jgan.main --mode=claims --out=docs/claims.md` from
[claims.json](claims.json), which has every number that the runs measured, never
by hand. For what five papers claim: a setting in which the claimed mechanism
can show on two CPU cores, the baseline beside the method over several seeds,
and what is seen, also where the claim does not hold.

Small networks on small images say whether a mechanism works, and not what a
method is worth at full size: [replication.md](replication.md) has the papers'
own rows.

    make claims DATA=FOLDER

trains what is not trained yet, in {hours} on two quiet cores of an AMD
EPYC, and writes this page; a stop costs nothing, the same command goes on.
`--claims=NAME` takes one of them:

{commands}

## How to read it

- Seeds are paired: run i of both arms has the same seed, images and order.
- **Means** stand with their bootstrap interval (BCa, {level:.0%}).
- **Difference** is method minus baseline, with the {level:.0%} t interval of
  the paired differences, and beside it that of the bootstrap. With five numbers
  the bootstrap's is too narrow, so the t interval decides.
- **d** is the mean difference by the standard deviation of the differences.
- **p, signs** is of the exact sign-flip test, which assumes least: of five
  seeds it cannot be below 1/16, so it alone never says .05. **p, t** is of the
  paired t test, which assumes normal differences. Neither is corrected for the
  number of comparisons on this page.
- **Power** is the probability that the t test finds a true difference of the
  size that was seen; **detectable** the difference that it finds four times in
  five.
- The verdict is a rule, the same everywhere. **Holds**: the whole t interval is
  on the claimed side of 0. **Opposite**: it is on the other side. **No
  difference**: it is within a tenth of the baseline's mean. **Not resolved**:
  none of these. Where it is claimed that nothing is lost, **holds** says that a
  loss of a tenth is outside of the interval, **opposite** that all of it is
  beyond. **No test**: the baseline does not fail in the way that the method is
  there to mend.
- A run that stops because its numbers are not finite has the worst number of
  the claim's runs, and one break more. A break is a score above twice the best
  before it.

## What is seen

{summary}
"""
_WORDS = {
    seen.HOLDS: 'the claim holds here',
    seen.OPPOSITE: 'the claim does not hold here, the opposite is seen',
    seen.NONE: 'the claim does not hold here, there is no difference of a '
               'tenth',
    seen.OPEN: 'not resolved by so many seeds',
    seen.UNTESTED: 'no test, since the baseline does not fail',
}


def text(claims, record, pictures):
  """The document.

  Args:
    claims: list of Claim.
    record: {claim: as of _claims_runs.gathered}, of those that were run.
    pictures: {claim: path of its plot, from the document}.
  """
  outcomes = {claim.name: seen.outcomes(claim, record[claim.name]['arms'])
              for claim in claims if claim.name in record}
  minutes = sum(claim.minutes for claim in claims)
  parts = [_HEAD.format(
      hours=f'{minutes / 60.:.1f} hours', level=paired.LEVEL,
      commands='    ' + command(claims[0].name).replace(' \\\n', ' \\\n    '),
      summary='\n'.join(summary(claims, outcomes)))]
  for claim in claims:
    parts.append('\n'.join(section(
        claim, record.get(claim.name), outcomes.get(claim.name),
        pictures.get(claim.name))))
  return '\n'.join(parts)


def summary(claims, outcomes):
  """The table of all claims by the score that decides."""
  rows = [['claim', 'comparison', 'score', 'baseline', 'method', 'seen']]
  for claim in claims:
    link = f'[{claim.title}](#{anchor(claim.title)})'
    if claim.name not in outcomes:
      rows.append([link, '', '', '', '',
                   f'not run, about {claim.minutes:.0f} minutes'])
      continue
    for one in outcomes[claim.name]:
      if one.measure is claim.score:
        rows.append([link, one.pair.name, one.measure.says,
                     short(one.baseline.mean), short(one.method.mean),
                     one.verdict])
        link = ''
  return table.lines(rows)


def section(claim, record, outcomes, picture):
  """The lines about one claim."""
  lines = [f'## {claim.title}', '',
           *_wrapped(f'**Claimed** ({claim.source}): {claim.claimed}'), '',
           *_wrapped(f'**Setting**: {claim.setting}'), '']
  if claim.earlier:
    lines += [*_wrapped(f'**Earlier**: {claim.earlier}'), '']
  if not record:
    return [*lines, f'Not run; about {claim.minutes:.0f} minutes on two quiet '
            'cores of an EPYC:', '', *_indented(command(claim.name)), '']
  lines += ['**Seen**:', '']
  for sentence in sentences(claim, record, outcomes):
    lines += _wrapped(f'- {sentence}', '  ')
  if claim.remark:
    lines += ['', *_wrapped(claim.remark)]
  if picture:
    lines += ['', f'![{claim.title}]({picture})']
  for measure in (claim.score, *claim.mechanism):
    own = [one for one in outcomes if one.measure is measure]
    kind = '' if measure is claim.score else 'Mechanism: '
    lines += ['', *_wrapped(
        f'{kind}{measure.says} (`{measure.label}`, {measure.value}; claimed to '
        f'be {measure.better}):'), '', *_comparisons(own)]
  if claim.sizes:
    lines += ['', *_sizes(claim, record['arms'])]
  runs = sum(claim.seeds for _ in claim.arms)
  return [*lines, '', *_wrapped(
      f'{runs} runs, seeds 0 to {claim.seeds - 1}, '
      f'{record["seconds"] / 60.:.0f} minutes of training and scoring as '
      f'recorded, about {claim.minutes:.0f} on two quiet cores of an EPYC. '
      f'{record["machine"]}.'), '']


def sentences(claim, record, outcomes):
  """What is seen, in words made from the numbers."""
  words = []
  for fails in dict.fromkeys(seen.failing(claim, record['arms'], pair)
                             for pair in claim.pairs):
    if fails:
      words.append(
          f'{fails.says}, `{fails.arm}`: {short(fails.value)}. '
          f'{"Above" if fails.above else "Below"} {short(fails.bound)} counts '
          'as the failing that is to be mended: '
          f'{"shown" if fails.shown else "not shown"}.')
  for one in outcomes:
    if one.measure is claim.score:
      words.append(_sentence(one))
  for measure in claim.mechanism:
    own = [one for one in outcomes if one.measure is measure]
    words.append(f'{measure.says}: ' + '; '.join(
        f'{one.pair.name} {_moved(one)}, {_mechanism(one)}'
        for one in own) + '.')
  return words


def _sentence(one):
  c = one.comparison
  return (f'{one.pair.name}: {one.measure.says} from {_moved(one)}, by '
          f'{short(c.difference.mean)} [{short(c.low)}, {short(c.high)}], '
          f'p {"" if c.p_t < .001 else "= "}{_p(c.p_t)}: '
          f'**{_WORDS[one.verdict]}**.')


def _mechanism(one):
  return {seen.HOLDS: 'as argued', seen.OPPOSITE: 'against the argument',
          seen.NONE: 'the same within a tenth',
          seen.OPEN: 'not resolved'}[one.verdict]


def _moved(one):
  return f'{short(one.baseline.mean)} to {short(one.method.mean)}'


def command(name):
  """The command that runs a claim."""
  return shlex.join(['python', '-m', 'jgan.main', '--mode=claims',
                     f'--claims={name}', '--workdir=runs/claims',
                     '--data_dir=DATA']) + (
                         ' \\\n  --json=docs/claims.json --out=docs/claims.md')


def _comparisons(outcomes):
  rows = [['comparison', 'baseline', 'method', 'difference', 'bootstrap', 'd',
           'p, signs', 'p, t', 'power', 'detectable', 'verdict']]
  for one in outcomes:
    c = one.comparison
    rows.append([
        one.pair.name, _interval(one.baseline), _interval(one.method),
        f'{short(c.difference.mean)} [{short(c.low)}, {short(c.high)}]',
        f'[{short(c.difference.low)}, {short(c.difference.high)}]',
        short(c.effect), _p(c.p_signs), _p(c.p_t), f'{c.power:.2f}',
        short(c.detectable), one.verdict])
  return table.lines(rows)


def _sizes(claim, arms):
  rows = [['arm', 'parameters', 'MACs of an image', 'ms for 64 images',
           claim.score.says]]
  for name, runs in arms.items():
    each = runs['sizes']
    values = [seen.number(runs[str(seed)], claim.score.label,
                          claim.score.value, claim.score.better)
              for seed in range(claim.seeds)]
    rows.append([name, f'{each["params"]:,}', f'{each["macs"]:,}',
                 f'{each["ms"]:.3g}', _interval(paired.mean(values))])
  return table.lines(rows)


def _interval(mean):
  return f'{short(mean.mean)} [{short(mean.low)}, {short(mean.high)}]'


def short(x):
  """A number with three digits, without an exponent where that is short."""
  if not math.isfinite(x):
    return 'inf' if x > 0 else '-inf' if x < 0 else '-'
  if x and not 1e-3 <= abs(x) < 1e5:
    return f'{x:.2e}'
  digits = max(0, 2 - math.floor(math.log10(abs(x)))) if x else 0
  text = f'{x:,.{digits}f}'
  return text.rstrip('0').rstrip('.') if '.' in text else text


def _p(p):
  return '< .001' if p < .001 else f'{p:.3f}'.lstrip('0') if p < 1 else '1'


def _wrapped(text, indent=''):
  return textwrap.wrap(text, 80, break_long_words=False, break_on_hyphens=False,
                       subsequent_indent=indent)


def _indented(lines):
  return [f'    {line}' for line in lines.split('\n')]
