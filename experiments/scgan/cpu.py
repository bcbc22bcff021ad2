"""A search by evolution at small width on CIFAR-10, on a CPU.

8 members and 3 generations, by the FD on features of a CIFAR-10 classifier and
by parameters: some minutes on two cores. `--mode=derive` writes the best member
and the front.

python -m jgan.main --config=experiments/scgan/cpu.py \
  --workdir=runs/cpu_evolution --data_dir=DATA
"""
from experiments.mmd_nas import cpu
from experiments.scgan import search_cifar10


def get_config(form=None):
  """The full search; `:smoke` ends in a minute."""
  c = search_cifar10.base('eagan')
  c.platform = 'any'
  c.steps, c.batch, c.gen_batch = 500, 32, 32
  c.generator.width, c.generator.latent = 8, 60
  c.discriminator.width = 8
  c.method.update({'population': 8, 'warmup': 200, 'every': 100,
                   'generations': 3})
  cpu.score(c)
  c.eval.samples, c.log.every = 1000, 40
  for section in (c.eval, c.checkpoint, c.samples):
    section.every = 100
  return search_cifar10.small(c, form)
