"""The outer iterations of alphaGAN's search: which turn each step of it is."""
from typing import NamedTuple

from jgan.types import Turn


class Outer(NamedTuple):
  """The turns of an outer iteration.

  Attributes:
    weight_steps: T, updates of D.
    star_steps: R, updates of either best response.
    arch_steps: S, updates of the architecture.
    critics: updates of D before one of G.
    gbar: Gbar is updated.
    warmup: first outer iterations that only train weights.
    held: share of the images for best responses and architecture.
    paired: G's loss, or a penalty of it, looks at real images too.
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
    """The names of all turns but the weights', in order."""
    return [*['stars'], *['dbar'] * self.star_steps,
            *['gbar'] * (self.star_steps if self.gbar else 0),
            *['alpha'] * self.arch_steps, 'gap']

  def steps(self, count):
    """How many steps a run of `count` outer iterations has."""
    return (count * self.weight_steps
            + max(count - self.warmup, 0) * len(self.turns()))

  def weights(self, step):
    """How many of a run's first `step` steps train weights."""
    first = min(step, self.warmup * self.weight_steps)
    k, i = divmod(step - first, self.weight_steps + len(self.turns()))
    return first + k * self.weight_steps + min(i, self.weight_steps)

  def plan(self, step):
    """The Turn that a step is."""
    weights, rest = self.weight_steps, self.turns()
    k, i = divmod(step, weights)
    if k >= self.warmup:
      k, i = divmod(step - self.warmup * weights, weights + len(rest))
      k += self.warmup
    if i < weights:
      done = k * weights + i
      return Turn('critic' if (done + 1) % self.critics else 'both', 1,
                  (0., 1. - self.held), done)
    name = rest[i - weights]
    used = [turn in ('dbar', 'alpha', 'gap')
            or (self.paired and turn == 'gbar') for turn in rest]
    index = (k - self.warmup) * sum(used) + sum(used[:i - weights])
    return Turn(name, int(used[i - weights]), (1. - self.held, 1.), index)
