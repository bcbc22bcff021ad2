"""The outer iterations of alphaGAN's search: the kind of each step."""
import functools
import itertools
from typing import NamedTuple

from jgan.types import Turn


class Outer(NamedTuple):
  """The turns of an outer iteration (see alpha_search.py).

  Attributes:
    weight_steps: T in the paper, updates of D.
    star_steps: R, updates of each best response.
    arch_steps: S, updates of the architecture.
    critics: updates of D per update of G.
    gbar: whether Gbar is updated.
    warmup: number of first outer iterations that train only the weights.
    held: held-out share of the images, for best responses and architecture.
    paired: whether G's loss, or a penalty of it, uses real images too.
  """
  weight_steps: int = 20
  star_steps: int = 20
  arch_steps: int = 20
  critics: int = 5
  gbar: bool = True
  warmup: int = 0
  held: float = .5
  paired: bool = False

  def turns(self):
    """Names of the turns after the weight steps, in order."""
    return [*['stars'], *['dbar'] * self.star_steps,
            *['gbar'] * (self.star_steps if self.gbar else 0),
            *['alpha'] * self.arch_steps, 'gap']

  def steps(self, count):
    """Number of steps in a run of `count` outer iterations."""
    return (count * self.weight_steps
            + max(count - self.warmup, 0) * len(self.turns()))

  def weights(self, step):
    """Number of weight steps among the first `step` steps of a run."""
    first = min(step, self.warmup * self.weight_steps)
    k, i = divmod(step - first, self.weight_steps + len(self.turns()))
    return first + k * self.weight_steps + min(i, self.weight_steps)

  def plan(self, step):
    """The Turn of a step."""
    weights = self.weight_steps
    others, batches, before = self._others()
    k, i = divmod(step, weights)
    if k >= self.warmup:
      k, i = divmod(step - self.warmup * weights, weights + len(others))
      k += self.warmup
    if i < weights:
      done = k * weights + i
      return Turn('critic' if (done + 1) % self.critics else 'both', 1,
                  (0., 1. - self.held), done)
    i -= weights
    index = (k - self.warmup) * before[-1] + before[i]
    return Turn(others[i], batches[i], (1. - self.held, 1.), index)

  @functools.lru_cache  # noqa: B019 - tuples of a few numbers
  def _others(self):
    """Turns after the weight steps: names, batches, and batches before each."""
    names = self.turns()
    batches = [int(turn in ('dbar', 'alpha', 'gap')
                   or (self.paired and turn == 'gbar')) for turn in names]
    return names, batches, [*itertools.accumulate(batches, initial=0)]
