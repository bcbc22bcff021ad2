"""The claims of claims.toml: what is compared, and what is measured.

The file stands beside the experiment whose rows it compares, and says what its
fields mean.
"""
import tomllib
from typing import NamedTuple

from jgan import experiment, lookup
from jgan.errors import UserError

FILE = 'experiments/mini/claims.toml'
VALUES = ('final', 'best', 'late', 'worst_late', 'breaks')


class Measure(NamedTuple):
  """A number of each run.

  Attributes:
    label: of a score or probe, as in metrics.jsonl without 'eval/'; 'A - B',
      the difference of two; or params, macs or ms, of the generator.
    value: which number of its course: final | best | late (the mean of the
      second half of the steps) | worst_late | breaks.
    better: lower | higher, as it is claimed.
    says: what it is, in words.
    absent: what it is in an arm that does not measure it; None: none is so.
  """
  label: str
  value: str
  better: str
  says: str
  absent: float | None = None


class Pair(NamedTuple):
  """A method beside its baseline, arms both.

  Attributes:
    name: of the comparison.
    baseline, method: names of arms.
    equal: whether it is claimed that the method loses nothing by the score,
      rather than that it is better.
  """
  name: str
  baseline: str
  method: str
  equal: bool = False


class Arm(NamedTuple):
  """Runs that differ in the seed alone.

  Attributes:
    name: of its folder.
    needs: the arm whose runs its commands begin with; '' for none.
    commands: lists of arguments of jgan.main, in order, in which {run} is the
      folder of a run, {seed} its seed and {needs} the folder of that seed of
      `needs`.
  """
  name: str
  needs: str
  commands: list


class Claim(NamedTuple):
  """What a paper claims, and the setting that tries it.

  Attributes:
    name, title: short and in words.
    source: paper and section.
    claimed: what it says.
    setting: what is trained, and why the mechanism can show in it.
    seeds: how many, from 0 on.
    minutes: that it takes on two quiet cores.
    score: Measure that decides.
    mechanism: list of Measure.
    fails: {'arm', 'label', 'value', 'above' or 'below', 'says'}: the failing
      without which there is nothing to mend, asked of pairs whose baseline is
      `arm`, or without 'arm' of all pairs; {} for none.
    pairs: list of Pair.
    arms: list of Arm, in the order in which they are trained.
    earlier: what an earlier comparison showed, '' for none.
    remark: what is to be known of what was seen, '' for nothing.
    sizes: whether parameters, MACs and latency of the arms are shown.
  """
  name: str
  title: str
  source: str
  claimed: str
  setting: str
  seeds: int
  minutes: float
  score: Measure
  mechanism: list
  fails: dict
  pairs: list
  arms: list
  earlier: str
  remark: str
  sizes: bool


def load(file=FILE):
  """All claims of a file, in its order.

  Raises:
    UserError: it cannot be read, or lacks or has a field that it should not.
  """
  path = experiment.file_of(file)
  try:
    content = tomllib.loads(path.read_text())
  except (OSError, ValueError) as error:
    raise UserError(f'cannot read {path}: {error}') from error
  try:
    train = content.pop('train')
    claims = [_claim(train, **claim) for claim in content.pop('claim')]
  except (KeyError, TypeError) as error:
    raise UserError(f'{path} is damaged: {error!r}') from error
  if content:
    raise UserError(f'{path} has fields that are not read: '
                    f'{", ".join(content)}')
  return claims


def chosen(claims, names):
  """The claims of these names; all, if there are none.

  Raises:
    UserError: no such claim.
  """
  known = {claim.name: claim for claim in claims}
  for name in names:
    if name not in known:
      raise UserError(f"--claims has '{name}': {lookup.nearest(name, known)}")
  return [known[name] for name in names] if names else claims


def _claim(train, *, name, title, source, claimed, setting, minutes, score,
           pair, seeds=5, mechanism=(), fails=None, arm=(),
           earlier='', remark='', sizes=False):
  pairs = [Pair(**each) for each in pair]
  own = {each['name']: each for each in arm}
  names = dict.fromkeys(own)
  for each in pairs:
    names |= dict.fromkeys((each.baseline, each.method))
  arms = {}
  for each in names:
    needs = own.get(each, {}).get('needs', '')
    for missing in filter(None, (needs, each)):
      if missing not in arms:
        arms[missing] = _arm(train, **own.get(missing, {'name': missing}))
  if fails and fails.get('arm', pairs[0].baseline) not in arms:
    raise KeyError(fails['arm'])
  return Claim(
      name=name, title=title, source=source, claimed=_flat(claimed),
      setting=_flat(setting), seeds=seeds, minutes=minutes,
      score=_measure(**score), mechanism=[_measure(**m) for m in mechanism],
      fails=fails or {}, pairs=pairs, arms=[*arms.values()],
      earlier=_flat(earlier), remark=_flat(remark), sizes=sizes)


def _arm(train, *, name, needs='', commands=None):
  """An arm; without commands of its own it is a row of the experiment."""
  return Arm(name, needs, commands or [
      [argument.replace('{row}', name) for argument in train]])


def _measure(*, label, value, better, says, absent=None):
  for key, word, known in (('value', value, VALUES),
                           ('better', better, ('lower', 'higher'))):
    if word not in known:
      raise KeyError(f'{key} = {word}: {lookup.nearest(word, known)}')
  return Measure(label, value, better, says, absent)


def _flat(text):
  return ' '.join(text.split())
