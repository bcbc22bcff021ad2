"""The far end of a pipe: a process that holds one game and does as asked."""
import json
import resource
import sys
import time

from jgan import heap


class Timed:
  """What both sides' games share.

  Attributes:
    cycle: [(step number, share of steps like it)] (bench/rows.py).
  """

  def turn(self, count):
    """Seconds of a step: the mean of `count`, and over the cycle."""
    seconds = 0.
    for number, share in self.cycle:
      began = time.perf_counter()
      for _ in range(count):
        self.step(number)
      self.wait()
      seconds += share * (time.perf_counter() - began) / count
    return seconds


def serve(make):
  """Makes a game and calls its methods until there are no more requests.

  The game's arguments are a JSON object on the command line. Each line that
  comes in is a JSON list, a method and its arguments; each that goes out is
  [what it returned, the most memory the process ever had, in MiB]. The first
  goes out unasked as soon as the game stands, with None. Both sides' heaps are
  as in the command `jgan`.
  """
  heap.retain()
  game, result = make(**json.loads(sys.argv[1])), None
  while True:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    sys.stdout.write(json.dumps([result, peak]) + '\n')
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
      return
    method, *arguments = json.loads(line)
    result = getattr(game, method)(*arguments)
