"""alphaGAN: search by the duality gap; `:ROW` is a row of the paper's tables.

Tian et al. (2020), CIFAR-10 unless said. A super-network of 256 channels, 100
outer iterations, training on one half of the images and best responses on the
other. `s` takes 20 steps of each kind (3 GPU hours on a P40; its architecture
re-trained: FID 12.86, IS 8.72), `l` 390 (22 hours; 11.38, 8.51). Rows: s, l,
and with either _search_d, _gbar_arch, _gbar_both (table 3), _gumbel, _warmup
(table 4); s_32, s_64, s_128 (channels, table 5); s_stl10 (table 6);
s_no_deconv (table 8), s_learnable_up (table 9); l_arch_10 to l_arch_390
(architecture steps, figure 10); s_code (as the published code has it, not the
paper: b2 .9, two more steps of each kind, G's rate rising to 1e-3, that of best
responses halved after 30 iterations, real images standardised by the means and
deviations of CIFAR-10, which G's tanh cannot reach); random (100 epochs of one
half of the images on random paths, then the best inception score of 200
architectures; 40 hours; 15.43, 8.46). `--mode=derive --workdir=WORKDIR` writes
the genotype, of random by some hours of scoring. One accelerator.

python -m jgan.main --config=experiments/alphagan/search.py:s \
  --workdir=runs/alpha_s --data_dir=DATA
"""
from jgan import config as configs
from jgan.methods._outer import Outer

S = {'weight_steps': 20, 'star_steps': 20, 'arch_steps': 20}
L = {'weight_steps': 390, 'star_steps': 390, 'arch_steps': 20}
SUPER_D = {'name': 'alphagan_super', 'width': 128}

# What each row changes: method keys, and other sections by their names.
ROWS = {
    's': S, 'l': L,
    **{f'{size}_{name}': {**turns, **changes}
       for size, turns in (('s', S), ('l', L)) for name, changes in {
           'search_d': {'discriminator': SUPER_D},
           'gbar_arch': {'gbar': 'arch'}, 'gbar_both': {'gbar': 'both'},
           'gumbel': {'generator': {'relax': 'gumbel'}},
           'warmup': {'warmup': 50}}.items()},
    **{f's_{width}': {**S, 'generator': {'width': width},
                      'discriminator': {'width': min(width, 128)}}
       for width in (32, 64, 128)},
    's_stl10': {**S, 'data': {'name': 'stl10'}, 'generator': {'width': 64},
                'discriminator': {'width': 64}},
    's_no_deconv': {**S, 'generator': {'up': ('nearest', 'bilinear')}},
    's_learnable_up': {**S, 'generator': {
        'up': ('deconv', 'nearest_conv', 'bilinear_conv')}},
    **{f'l_arch_{steps}': {**L, 'arch_steps': steps}
       for steps in (10, 50, 100, 200, 390)},
    's_code': {**S, 'off_by_two': True, 'star_halving': 30, 'optimizer': {
        'gen': {'b2': .9, 'schedule': {'name': 'cosine', 'final': 5.}},
        'disc': {'b2': .9}}, 'pipeline': {
            'mean': (.4914, .4822, .4465), 'std': (.2470, .2435, .2616)}},
    'random': {},
}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in minutes on two CPU cores."""
  row, form = configs.row(form, ROWS)
  c = base()
  changes = dict(ROWS[row])
  for section in ('data', 'pipeline', 'generator', 'discriminator',
                  'optimizer'):
    found = changes.pop(section, {})
    if 'name' in found:
      c[section] = found
    else:
      c[section].update(found)
  if row == 'random':
    drawn(c)
  else:
    c.method.update(changes)
    timed(c, 100)
  return small(c, form)


def base():
  """What all rows share."""
  c = configs.base()
  c.data = {'name': 'cifar10'}
  c.platform = 'accelerator'
  c.batch, c.critics = 64, 5
  c.generator = {'name': 'alphagan_super', 'latent': 128, 'width': 256}
  c.discriminator = {'name': 'autogan', 'width': 128}
  c.loss = {'name': 'hinge'}
  c.method = {'name': 'alpha_search'}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 2e-4, 'b1': 0., 'b2': .999})
  c.ema.decay = .999
  c.eval.update({'metrics': ('fd', 'inception_score'), 'network': 'inception',
                 'samples': 50000})
  c.checkpoint.best = 'eval/FID'
  return c


def drawn(c):
  """Random search, as the published script has it: 39,100 updates of D."""
  c.method = {'name': 'random_search', 'candidates': 200}
  c.pipeline.fraction = .5  # of the images; scores compare with all of them
  c.eval.subset = False
  # An epoch of 25,000 images are 391 batches, the last one of 40.
  c.steps = 100 * 391 // c.critics
  c.log.every = 391 // c.critics
  c.eval.every = c.checkpoint.every = c.samples.every = 4 * c.log.every
  c.checkpoint.best = 'eval/inception_score-inception'


def timed(c, count):
  """Sets the number of steps, and the intervals, by outer iterations."""
  more = 2 if c.method.get('off_by_two') else 0
  outer = Outer(**{k: c.method[k] + more for k in S}, critics=c.critics,
                gbar=c.method.get('gbar') != 'none',
                warmup=c.method.get('warmup', 0))
  c.steps = outer.steps(count)
  c.log.every = outer._replace(warmup=0).steps(1)
  c.eval.every = c.checkpoint.every = c.samples.every = 4 * c.log.every
  return c


def small(c, form):
  """The `:smoke` form: two outer iterations of narrow networks."""
  if form == 'smoke' and c.method.name == 'alpha_search':
    c.method.update({'weight_steps': 2, 'star_steps': 1, 'arch_steps': 1})
    if 'warmup' in c.method:
      c.method.warmup = 1
    c.critics = 2
    timed(c, 2)
  elif form == 'smoke':
    c.steps, c.critics, c.log.every, c.method.candidates = 4, 2, 2, 2
  return configs.small(c, form, {
      'batch': 4, 'generator.width': 4, 'generator.latent': 16,
      'discriminator.width': 4, 'samples.count': 4, 'eval.every': c.log.every,
      'samples.every': c.log.every, 'checkpoint.every': c.log.every,
      'pipeline.mean': c.pipeline.mean[:1], 'pipeline.std': c.pipeline.std[:1],
      'checkpoint.best': 'eval/fd_pixels', 'eval.metrics': ('fd_pixels',),
      'eval.network': '', 'eval.samples': 64, 'eval.reals': 256}, size=32)
