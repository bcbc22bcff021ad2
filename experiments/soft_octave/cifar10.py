"""Soft octave GANs on CIFAR-10; `:ROW` is GAME_CONVOLUTION, as in celeba.py.

Beside its games there are sngan and autogan: the experiments of those names,
with octave convolutions in both players. 50 epochs of 781 batches, but for
these two, which train as long as they do there. Not in the paper, so there is
no score to reach. One accelerator.

python -m jgan.main --config=experiments/soft_octave/cifar10.py:sngan_oct \
  --workdir=runs/sngan_oct --data_dir=DATA
"""
from experiments.alphagan import retrain
from experiments.sngan import cifar10
from experiments.soft_octave import celeba
from jgan import config as configs

EPOCH = 781  # full batches of 64

ROWS = celeba.rows([*celeba.GAMES, 'sngan', 'autogan'])


def get_config(form=None):
  """One row, dcgan_plain without one; `:ROW:smoke` ends in a minute."""
  row, form = configs.row(form, ROWS)
  game, convolution = ROWS[row]
  if game in celeba.GAMES:
    c = celeba.base(convolution, batches=EPOCH, size=32, **celeba.GAMES[game])
    c.data = {'name': 'cifar10'}
  else:
    c = {'sngan': cifar10.get_config,
         'autogan': lambda: retrain.get_config('autogan_cifar10')}[game]()
    celeba.convolve(c, convolution, EPOCH // c.critics, disc='octave_spectral')
    celeba.score(c, 2000)
  return celeba.small(c, form)
