"""Training steps in PyTorch, beside those of bench.device_rows on a GPU.

The process needs no jax:

  python -m bench.device_torch '{"config": ..., "seconds": 60, ...}'

It times the step of bench/pytorch, eager and by torch.compile, both with
channels last, in each precision, and writes a line of JSON for each, until its
seconds are over. bfloat16 is that of torch.autocast.
"""
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
import traceback

from bench.device_report import Absent
from jgan import failures

PRECISIONS = 'tf32', 'bfloat16', 'float32'
_WARM = 3  # steps before the clock starts
_APART = 10  # steps that are issued before the host waits, as in jgan


def rows(config, left, *, cycle, least, accelerated, speeds):
  """Values of rows, as they come.

  Args:
    config: of jgan, completed, as JSON has it.
    left: seconds.
    cycle: steps that stand for all.
    least: seconds that are timed.
    accelerated: on the GPU.
    speeds: {precision: images per second of jgan}.

  Raises:
    Absent: PyTorch is not installed, or has no such model here.
  """
  if not importlib.util.find_spec('torch'):
    raise Absent('PyTorch is not installed')
  model = config['generator']['name']
  if not importlib.util.find_spec(f'bench.pytorch.{model}'):
    raise Absent(f'bench/pytorch has no {model}')
  began, found = time.monotonic(), False
  process = subprocess.Popen(
      [sys.executable, '-m', 'bench.device_torch', json.dumps({
          'config': config, 'cycle': cycle, 'least': least, 'seconds': left,
          'accelerated': accelerated})],
      stdout=subprocess.PIPE, text=True)
  with process:
    for line in process.stdout:
      values, found = json.loads(line), True
      jgan = speeds.get(values['precision'])
      if jgan and 'images_per_s' in values:
        values['ratio'] = jgan / values['images_per_s']
      yield values
  if time.monotonic() - began >= left:
    raise Absent(f'its {left:.0f} s were over')
  if process.returncode or not found:
    raise RuntimeError('bench.device_torch ended with exit status '
                       f'{process.returncode}; its error is above')


def measure(*, config, cycle, least, seconds, accelerated):
  """Yields the values of each row: this process has a PyTorch.

  seconds: after which the process ends, whatever it does.
  """
  timer = threading.Timer(seconds, os._exit, (0,))
  timer.daemon = True
  timer.start()
  for compiled in (False, True):
    for precision in PRECISIONS:
      about = {'precision': precision,
               'side': 'torch.compile' if compiled else 'eager'}
      try:
        yield about | _timed(config, precision, accelerated, compiled,
                             max(cycle, _APART), least)
      except Exception as error:
        traceback.print_exc()
        yield about | {'status': 'failed', 'why': failures.brief(error)}
        break  # the other precisions would fail alike


def _timed(config, precision, accelerated, compiled, apart, least):
  """Values of one row.

  apart: steps between two times at which the host waits.
  """
  import torch

  from bench.pytorch import main
  fast = precision != 'float32'
  torch.backends.cuda.matmul.allow_tf32 = fast
  torch.backends.cudnn.allow_tf32 = fast
  began = time.perf_counter()
  game = main.make(config=config, cycle=[], threads=torch.get_num_threads(),
                   accelerated=accelerated, compiled=compiled)
  with torch.autocast('cuda' if accelerated else 'cpu', torch.bfloat16,
                      enabled=precision == 'bfloat16'):
    for number in range(_WARM):
      game.step(number)
    game.wait()
    ready, steps = time.perf_counter(), 0
    while not steps or time.perf_counter() - ready < least:
      for number in range(apart):
        game.step(number)
      game.wait()
      steps += apart
  rate = steps / (time.perf_counter() - ready)
  return {'images_per_s': rate * config['batch'], 'ms_per_step': 1000 / rate,
          'compile_s': ready - began, 'torch': torch.__version__}


if __name__ == '__main__':
  for found in measure(**json.loads(sys.argv[1])):
    sys.stdout.write(json.dumps(found) + '\n')
    sys.stdout.flush()
