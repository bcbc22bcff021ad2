"""The check of a GPU: speed beside its peaks and PyTorch, and a short run.

  python -m bench.device --minutes 6 --out FILE.json

In the order of the rows: the peaks of matrix products and of copies; losses of
three steps beside a CPU's; training steps of SNGAN-32, and the same in PyTorch
where it is installed; SNGAN-32 trained on CIFAR-10 for three minutes at most,
with a grid of samples (FILE.png) and its FD-resnet56, for which half of the
minutes is kept; steps of MMD-NAS (large); Inception; many seeds of a small
network in one program; steps of StyleGAN2-256 and R3GAN. All of it, compiling
included, ends within the minutes: rows that do not fit are skipped. FILE.json
and the table FILE.md are written anew with every row.

`make device-folder DATA=DIR` prepares what it needs (bench/device_folder.py).
"""
import argparse
import functools
import os
import pathlib
import sys
import threading
import time

BEGAN = time.monotonic()
NETWORKS = ('peaks', 'check', 'sngan-32', 'cifar10', 'mmd_nas-large',
            'inception', 'seeds', 'stylegan2-256', 'r3gan-32')
# Seconds of the run beside training.
_COMPILING, _SCORING = 25., 30.
_END = 3.  # seconds before the deadline at which it stops at the latest


def plan(options, folder):
  """The rows in their order; imports jax and jgan."""
  import jax
  import numpy as np

  from bench import device_folder, device_rows, device_seeds, device_torch
  from bench import rows as bench_rows
  from bench.device_report import Row
  from jgan import config as configs
  sizes = device_rows.Sizes(options.smallest)
  images = device_folder.images(folder)
  rng = np.random.default_rng(0)
  noise = lambda n, side: rng.integers(0, 256, (n, side, side, 3), np.uint8)
  small = noise(256, 32) if images is None else images
  peak = {}

  def trains(name, config, source, seconds, cycle=1):
    speeds, config = {}, config(sizes)

    def measure(left, precision):
      del left
      for values in device_rows.train(config, source, precision, sizes, peak,
                                      cycle=cycle):
        speeds[precision] = values['images_per_s']
        yield values

    def beside(left):
      return device_torch.rows(
          bench_rows.plain(configs.complete(config)), min(left, 75.),
          cycle=cycle, least=sizes.seconds,
          accelerated=jax.default_backend() == 'gpu', speeds=speeds)

    return [*(Row(f'{name}, {precision}', seconds,
                  functools.partial(measure, precision=precision))
              for precision in device_rows.PRECISIONS),
            Row(f'{name} in PyTorch', 30., beside)]

  rows = [
      Row('peaks', 15., lambda left: device_rows.peaks(sizes, peak)),
      Row('check', 20., lambda left: device_rows.check(
          device_folder.losses(folder))),
      *trains('sngan-32', device_rows.sngan, small, 30.),
      Row('cifar10', _COMPILING + _SCORING, lambda left: device_rows.run(
          images, left - _SCORING, sizes, folder,
          pathlib.Path(options.out).with_suffix('.png')),
          kept=min(_COMPILING + sizes.training + _SCORING,
                   30. * options.minutes)),
      *trains('mmd_nas-large', device_rows.mmd_nas, small, 60.),
      *(Row(f'inception, {precision}', 20., functools.partial(
          lambda left, precision: device_rows.extract(precision, sizes, peak),
          precision=precision)) for precision in ('float32', 'tf32')),
      Row('seeds', 60., lambda left: device_seeds.rows(options.smallest)),
      *trains('stylegan2-256', device_rows.stylegan2_256,
              noise(64, 8 if sizes.smallest else 256), 60., device_rows.CYCLE),
      *trains('r3gan-32', device_rows.r3gan, small, 45.),
  ]
  return [row for row in rows if row.name.startswith(tuple(options.rows))]


def about(options, unpacked):
  """{name: value} of the machine and of what is measured."""
  import jax
  device = jax.devices()[0]
  return {
      'device': f'{device.device_kind} ({device.platform})',
      'jax': jax.__version__, 'python': sys.version.split()[0],
      'minutes': options.minutes,
      'images/s': 'real images that D is shown',
      'FLOPs': "of convolutions and products, by jgan's counter",
      'of peak': 'of the matrix product in the same precision',
      **({'carried': ' '.join(unpacked)} if unpacked else {}),
      **({'sizes': 'smallest, no figure of them counts'}
         if options.smallest else {})}


def main(options):
  """Measures what fits into the minutes."""
  deadline = BEGAN + 60. * options.minutes - _END
  from bench import device_folder
  unpacked = device_folder.unpack(options.folder)
  # Half of the memory is left to PyTorch, a process of its own.
  os.environ.setdefault('XLA_PYTHON_CLIENT_MEM_FRACTION', '.5')
  from bench.device_report import Report, follow
  report = Report(options.out, about(options, unpacked))

  def stop():
    report.add('stopped', why='the minutes are over')
    os._exit(0)

  timer = threading.Timer(max(deadline - time.monotonic(), 0.), stop)
  timer.daemon = True
  timer.start()
  follow(plan(options, options.folder), report, deadline)
  timer.cancel()


def parse(arguments):
  """The command line."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--minutes', type=float, default=6.,
                      help='for all of it; default 6')
  parser.add_argument('--out', required=True, help='FILE.json')
  parser.add_argument('--rows', nargs='+', choices=NETWORKS, default=NETWORKS,
                      help='only these, in the order above; default all')
  parser.add_argument('--folder', default='runs/device',
                      help='made by `make device-folder`; default runs/device')
  parser.add_argument('--smallest', action='store_true',
                      help='tiny networks: to see that it runs')
  return parser.parse_args(arguments)


if __name__ == '__main__':
  main(parse(sys.argv[1:]))
