"""Every method tells both players the labels, and its steps can be traced."""
import jax
import jax.numpy as jnp
import pytest

from jgan import build, labelling
from jgan import config as configs
from jgan.methods import evolution

METHODS = {
    'adversarial_search': {'amend': .1},
    'alpha_search': {'weight_steps': 2, 'star_steps': 1, 'arch_steps': 1,
                     'gbar': 'both'},
    'random_search': {},
    'evolution': {'population': 2, 'warmup': 1, 'every': 1, 'generations': 1},
    'lottery': {'rounds': 1, 'round_steps': 2},
    'progressive': {},
    'adversarial': {}}


@pytest.fixture
def told(game):
  """Makes the config of a method whose images have labels."""
  def made(name, fakes):
    c = game(**{'classes.fakes': fakes, 'data.labels': True})
    c.method = {'name': name, **METHODS[name]}
    c.loss = {'name': 'hinge'}
    for player in ('generator', 'discriminator'):
      if name == 'progressive':
        c[player] = {'name': 'progan', 'width': 4}
      elif name in ('lottery', 'adversarial'):
        c[player] = {'name': 'dcgan', 'width': 4, 'conv': 'octave'}
        c.data.size = 16
      else:
        c[player].relax = 'softmax'
    if name == 'lottery':
      c.optimizer.gen.pruning = {'name': 'fixed_mask'}
    if name == 'adversarial':
      c.penalties = ({'name': 'sample_differences', 'start': 0},)
      c.augment = ({'name': 'adaptive_pseudo'},)
      c.gen_batch = 0
    if name == 'evolution':
      c.checkpoint.best, c.eval.every = 'eval/fd_pixels', 1
      c.eval.metrics = ('fd_pixels',)
    return labelling.settled(configs.complete(c), '')
  return made


@pytest.mark.parametrize('name', METHODS)
def test_both_players_are_told_the_labels(name, told):
  c = told(name, 'uniform' if name in ('evolution', 'progressive') else 'real')
  method = build.method(c)
  assert method.classes == 10
  state = build.abstract(c, method)
  assert 'label' in state.gen.params and 'label' in state.disc.params
  plan = build.plan(c, method)
  turns = {plan(i).name: plan(i) for i in range(c.steps if method.plan else 1)}
  for kind, turn in turns.items():
    step = method.step[kind] if method.plan else method.step
    after, _ = jax.eval_shape(step, state, build.batch_of(c, turn),
                              jax.random.key(0))
    assert jax.tree.structure(after) == jax.tree.structure(state)
  images = jax.eval_shape(method.sample, state.ema,
                          jnp.zeros((3, method.latent)), jnp.arange(3))
  assert images.shape == (3, *build.spec(c).shape)


def test_sizes_of_individuals_count_what_labels_add(told):
  c = told('evolution', 'uniform')
  networks = [build.module(c, 'generator', 'adversarial_nas'),
              build.module(configs.complete(configs.base()), 'generator',
                           'adversarial_nas')]
  models = [network(8, 1, width=4, latent=6, **told)
            for network, told in zip(networks, ({'classes': 10}, {}))]
  one = [{'up0': 'nearest', 'up1': 'bilinear', 'c0': 'conv_3x3', 'c1': 'skip',
          'c2': 'conv_1x1', 'c3': 'skip', 'c4': 'none'}] * 3
  many, few = (evolution.Sizes(model, network, 'adversarial_nas').of(one)
               for model, network in zip(models, networks))
  # An embedding of 6 numbers for each class, and as many inputs of the stems.
  stems = few['params'] - evolution.Sizes(
      networks[1](8, 1, width=4, latent=3), networks[1], 'adversarial_nas'
      ).of(one)['params']
  assert many['params'] - few['params'] == 10 * 6 + 2 * stems
