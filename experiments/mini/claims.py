"""Claims of five papers at laptop size, baseline against method; `:NAME`.

claims.toml beside this file says what is claimed, why a setting can show it,
and which rows are compared; docs/claims.md what came out. All images are
CIFAR-10 at 16 x 16, all networks are small: a step takes milliseconds.

python -m jgan.main --config=experiments/mini/claims.py:sdp_plain_fast \
  --workdir=runs/sdp --data_dir=DATA
python -m jgan.main --mode=claims --workdir=runs/claims --data_dir=DATA
"""
from experiments.soft_octave import celeba
from jgan import config as configs
from jgan.methods._outer import Outer

RATES = {'slow': 2e-4, 'fast': 1e-3, 'hot': 2e-2}
FEW = 500       # images, 1 % of the training images of CIFAR-10
TENTH = 5000
STEPS = 3000    # of each game with few images

_AUGMENTS = {
    'plain': (),
    'diffaugment': ({'name': 'diffaugment'},),
    # The published 500 thousand images for p from 0 to 1 are longer than a run.
    'apa': ({'name': 'adaptive_pseudo', 'kimg': 50.},),
    'ada': ({'name': 'ada', 'kimg': 50.},),
}


def get_config(form=None):
  """One row; `:NAME:smoke` ends in seconds, on drawn images."""
  row, form = configs.row(form, ROWS)
  make, arguments = ROWS[row]
  return small(make(**arguments), form)


def sdp(rate, penalised):
  """WGAN-GP at a rate of Adam, with sample differences penalization or not."""
  c = images()
  c.steps, c.critics = 1200, 2
  c.discriminator.norm = 'layer'
  c.loss = {'name': 'wasserstein'}
  c.penalties = ({'name': 'gradient', 'weight': 10.},)
  if penalised:
    # Begins and grows at the shares of the run that the paper has.
    c.penalties += ({'name': 'sample_differences', 'weight': .01, 'k': 3,
                     'k_every': c.steps // 20, 'start': c.steps // 33},)
  rates(c, RATES[rate], b1=.5, b2=.999)
  c.eval.probes = 'gradient_norm', 'diversity'
  return c


def mmd(bound):
  """Repulsive MMD with 16 outputs: b_u fixed, or doubled when FD stalls."""
  c = images()
  c.steps = 2000
  c.discriminator.update({'outputs': 16, 'width': 32})
  rates(c, 1e-3, b1=.5, b2=.999)
  c.optimizer.gen.lr = 2e-4  # D is ahead, and spreads its outputs
  repulse(c, bound, 'eval/fd_pixels')
  c.eval.probes = ('spread',)
  return c


def mmd_points(bound):
  """The same on 25 Gaussians."""
  c = configs.base()
  c.steps, c.batch = 5000, 64
  c.data = {'name': 'mixture', 'render': 'points', 'std': .02}
  c.generator = {'name': 'mlp', 'latent': 16, 'width': 64}
  c.discriminator = {'name': 'mlp', 'width': 128, 'outputs': 16}
  rates(c, 1e-3, b1=.5, b2=.999)
  c.ema.decay = .995
  repulse(c, bound, 'eval/modes-kl')
  c.eval.probes = ('spread',)
  score(c, ('modes',), samples=2500)
  return c


def few(augment, count=FEW, method=''):
  """A game with the hinge loss and few images, scored on other images.

  method: '' | regan | ticket, of the generator.
  """
  c = images()
  c.steps = STEPS
  c.discriminator.width = 32  # enough to remember 500 images
  c.pipeline.first = count
  c.loss = {'name': 'hinge'}
  c.augment = _AUGMENTS[augment]
  rates(c, 1e-3, b1=0., b2=.99)
  c.eval.split = 'test'
  c.eval.probes = 'held_out', 'gradient_flow', 'diversity'
  if method == 'regan':
    c.optimizer.gen.pruning = {'name': 'prune_grow', 'ratio': .3,
                               'warmup': STEPS // 5, 'interval': STEPS // 10}
  if method == 'ticket':
    c.optimizer.gen.pruning = {'name': 'fixed_mask'}
    c.method = {'name': 'lottery', 'rounds': 1, 'rate': .2,
                'round_steps': STEPS}
    c.steps = 2 * STEPS
  return c


def whole():
  """A generator of plain convolutions and all images, to be compressed."""
  c = images()
  c.steps = 2000
  c.data.size = 32
  c.generator = {'name': 'dcgan', 'latent': 64, 'width': 24}
  c.loss = {'name': 'hinge'}
  rates(c, 1e-3, b1=0., b2=.99)
  # Of the fine-tuning; --mode=compress names the layers and the rank.
  c.compress.update({'steps': 500, 'lr': 2e-4})
  return c


def octave(convolution):
  """DCGAN at 32 pixels and a rate at which it collapses; plain, oct, combi."""
  c = images()
  c.steps = 4000
  c.data.size = 32
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'dcgan', 'width': 8}
  c.generator.latent = 100
  c.loss = {'name': 'nonsaturating'}
  rates(c, 1e-3, b1=.5, b2=.999)
  celeba.convolve(c, convolution, c.steps // 50)
  c.ema.decay = 0.
  score(c, ('fd_pixels', 'spectrum', 'spectrum_bands'), samples=1000)
  c.eval.probes = ('diversity',)
  return c


def searching(signal):
  """A search on the space of alphaGAN, 40 outer iterations.

  signal: gap | hinge, the same without best responses, so that G's architecture
    follows the hinge loss of the D that there is; those updates are ordinary
    ones of the weights instead; or random, which only draws.
  """
  c = images()
  c.generator = {'name': 'alphagan_super', 'latent': 32, 'width': 8}
  c.discriminator = {'name': 'cnn', 'width': 16, 'norm': 'none'}
  c.loss = {'name': 'hinge'}
  rates(c, 1e-3, b1=0., b2=.99)
  if signal == 'random':
    c.steps, c.method = 2, {'name': 'random_search', 'candidates': 1}
    return c
  best = 10 if signal == 'gap' else 0
  turns = {'weight_steps': 40 - 2 * best, 'star_steps': best, 'arch_steps': 10}
  c.method = {'name': 'alpha_search', 'arch_lr': 1e-2, **turns}
  c.steps = Outer(**turns, critics=c.critics).steps(40)
  return c


def searched():
  """The training of an architecture, whose genotype the command names."""
  c = images()
  c.steps = 1500
  c.generator = {'name': 'alphagan', 'latent': 32, 'width': 16,
                 'genotype': 'alphagan_s'}
  c.discriminator = {'name': 'cnn', 'width': 16, 'norm': 'none'}
  c.loss = {'name': 'hinge'}
  rates(c, 1e-3, b1=0., b2=.99)
  return c


def images():
  """Small networks on CIFAR-10 at 16 x 16, scored ten times."""
  c = configs.base()
  c.batch = 32
  c.data = {'name': 'cifar10', 'size': 16}
  c.generator = {'name': 'cnn', 'latent': 32, 'width': 16}
  c.discriminator = {'name': 'cnn', 'width': 16, 'norm': 'none'}
  c.ema.decay = .995
  score(c, ('fd_pixels',), samples=1000)
  return c


def rates(c, rate, **betas):
  """Adam at one rate for both players."""
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': rate, **betas})


def repulse(c, bound, score):
  """The repulsive loss; bound: its b_u, or 'adaptive'."""
  adapts = bound == 'adaptive'
  c.loss = {'name': 'mmd', 'b_u': 4. if adapts else float(bound)}
  if adapts:
    c.feedback = ({'name': 'kernel_bound', 'metric': score, 'patience': 2},)


def score(c, metrics, samples):
  """What is measured, and that little is written."""
  c.eval.update({'metrics': metrics, 'samples': samples, 'reals': 5000})
  c.samples.count = 16
  c.checkpoint.keep = 1


def small(c, form):
  """Ten scores of a run, or the `:smoke` form."""
  c.eval.every = max(1, c.steps // 10)
  c.checkpoint.every = c.samples.every = max(1, c.steps // 2)
  c.log.every = max(1, c.steps // 20)
  changes = {
      'steps': 4, 'batch': 8, 'eval.every': 2, 'eval.samples': 32,
      'eval.split': '', 'log.every': 1, 'samples.every': 2,
      'checkpoint.every': 2, 'pipeline.first': 0, 'pipeline.fraction': .5,
      'generator.width': 4, 'discriminator.width': 4, 'critics': 1,
      'compress.steps': 2}
  if c.method.name == 'lottery':
    changes['method.round_steps'] = 2
  if c.optimizer.gen.pruning.name == 'prune_grow':
    changes |= {'optimizer.gen.pruning.warmup': 1,
                'optimizer.gen.pruning.interval': 1}
  if form and c.method.name == 'alpha_search':
    turns = {'weight_steps': 2, 'star_steps': min(1, c.method.star_steps),
             'arch_steps': 1}
    c.method.update(turns)
    changes['steps'] = Outer(**turns, critics=1).steps(2)
  return configs.small(c, form, changes, 0 if c.data.name == 'mixture'
                       else c.data.size)


ROWS = {
    **{f'sdp_{name}_{rate}': (sdp, {'rate': rate, 'penalised': name == 'sdp'})
       for rate in RATES for name in ('plain', 'sdp')},
    **{f'{place}_{bound}': (make, {'bound': bound})
       for place, make in (('mmd', mmd), ('points', mmd_points))
       for bound in (4, 32, 'adaptive')},
    **{f'few_{name}': (few, {'augment': name}) for name in _AUGMENTS},
    **{f'{method}_{percent}': (few, {'augment': 'plain', 'count': count,
                                     'method': method})
       for percent, count in ((1, FEW), (10, TENTH))
       for method in ('regan', 'ticket')},
    'cpd_dense': (whole, {}),
    **{f'search_{signal}': (searching, {'signal': signal})
       for signal in ('gap', 'hinge', 'random')},
    'searched': (searched, {}),
    **{f'octave_{name}': (octave, {'convolution': name})
       for name in ('plain', 'oct', 'combi')},
    'dense_10': (few, {'augment': 'plain', 'count': TENTH}),
}
