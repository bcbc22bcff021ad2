"""PyTorch's side of bench.torch, a process of its own; it needs no jax.

python -m bench.pytorch.main '{"config": ..., "threads": 2, ...}'
"""
import importlib

import torch

from bench import worker


def make(*, config, cycle, threads, accelerated, compiled):
  """The game of a config's method: bench/pytorch/METHOD.py.

  Args:
    config: of jgan, as JSON has it; what the games read of it is what they do.
    cycle: bench/rows.py.
    threads: how many PyTorch may use.
    accelerated: on the GPU.
    compiled: by torch.compile.
  """
  torch.set_num_threads(threads)
  torch.set_flush_denormal(True)  # as XLA does
  torch.manual_seed(0)
  if accelerated:
    torch.set_default_device('cuda')
  method = importlib.import_module(f"bench.pytorch.{config['method']['name']}")
  game = method.Game(config, cycle)
  if compiled:
    game.gen.compile()
    game.disc.compile()
  return game


if __name__ == '__main__':
  worker.serve(make)
