"""alphaGAN at small width on CIFAR-10, on a CPU: `:search`, then `:retrain`.

15 outer iterations, then 800 steps of what was found, some 15 minutes on two
cores. docs/results.md has what came out.

python -m jgan.main --config=experiments/alphagan/cpu.py:search \
  --workdir=runs/alpha_cpu --data_dir=DATA
python -m jgan.main --mode=derive --workdir=runs/alpha_cpu
python -m jgan.main --config=experiments/alphagan/cpu.py:retrain \
  --config.generator.genotype=runs/alpha_cpu/genotype.json \
  --workdir=runs/alpha_retrain --data_dir=DATA
"""
from experiments.alphagan import retrain, search
from jgan import config as configs

ROWS = {'search': search, 'retrain': retrain}


def get_config(form=None):
  """One stage; `:ROW:smoke` ends in minutes."""
  row, form = configs.row(form, ROWS)
  if row == 'search':
    c = search.base()
    c.generator.width = c.discriminator.width = 16
    c.batch, c.critics = 32, 2
    c.method.update({'weight_steps': 20, 'star_steps': 6, 'arch_steps': 6})
    # Few steps: the logits have to move faster than in 100 iterations.
    c.method.arch_lr = 3e-3
    search.timed(c, 15)
    c.eval.every = c.checkpoint.every = c.samples.every = 3 * c.log.every
  else:
    c = retrain.base('cifar10', 'alphagan_s', width=32, disc_width=32)
    c.steps, c.batch, c.gen_batch, c.critics = 800, 32, 32, 1
    c.log.every = 50
    c.eval.every = c.checkpoint.every = c.samples.every = 200
  c.platform = 'any'
  # Features of a CIFAR-10 classifier: quick, and no FID.
  c.eval.update({'metrics': ('fd',), 'network': 'resnet56', 'samples': 2000,
                 'reals': 10000})
  c.checkpoint.best = 'eval/FD-resnet56'
  return ROWS[row].small(c, form)
