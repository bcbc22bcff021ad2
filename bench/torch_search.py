"""The PyTorch side of bench.search, a process of its own; needs no jax.

python -m bench.torch_search '{"search": "alphagan", "threads": 2, ...}'
"""
import importlib

import torch

from bench import worker


def make(*, search, threads, **arguments):
  """The game that bench/torch_<search>.py has; arguments: as it takes them."""
  torch.set_num_threads(threads)
  torch.manual_seed(0)
  return importlib.import_module(f'bench.torch_{search}').Search(**arguments)


if __name__ == '__main__':
  worker.serve(make)
