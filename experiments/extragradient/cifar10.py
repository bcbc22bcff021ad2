"""Extra-gradient steps with Adam on CIFAR-10: WGAN-GP with ResNets.

Gidel et al. (2019): one update of each player in turn for two gradients, in the
place of five critics. Rows: extra_adam; past_extra_adam, which extrapolates by
the last update; optim_adam, optimistic Adam in the usual alternating steps with
one critic. Published IS with an average of G: 8.47 for ExtraAdam. The networks
are those of sngan/cifar10_wgan_gp.py with its rates; the authors searched rates
for each method, so these are not theirs. One accelerator.

python -m jgan.main --config=experiments/extragradient/cifar10.py \
  --workdir=runs/extra_adam --data_dir=DATA
"""
from experiments.sngan import cifar10, cifar10_wgan_gp
from jgan import config as configs

ROWS = {'extra_adam': {}, 'past_extra_adam': {'past': True},
        'optim_adam': {'optimistic': True}}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = play(cifar10_wgan_gp.get_config(), **ROWS[row])
  c.steps, c.ema.decay = 500_000, .9999
  c = cifar10.small(c, form)
  c.critics = 1
  return c


def play(c, past=False, optimistic=False):
  """The game of a config by extra-gradient steps.

  Args:
    c: a config, changed in place.
    past: extrapolate by the last updates.
    optimistic: the other way there: alternating steps, optimistic Adam.
  """
  c.critics = 1
  if not optimistic:
    c.method = {'name': 'extragradient', 'past': past}
  for player in ('gen', 'disc') if optimistic else ():
    section = c.optimizer[player]
    c.optimizer[player] = {
        'name': 'optax:optimistic_adam_v2', 'lr': section.lr, 'b1': section.b1,
        'b2': section.b2, 'nesterov': False, 'schedule': section.schedule}
  return c
