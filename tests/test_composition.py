"""The five lines of work in one run, R3GAN with what is around it, and what
there is for few images.
"""

import jax
import numpy as np
import pytest

from jgan.run import logbook, loop


@pytest.fixture
def everything(tiny):
  """Soft octaves, SDP, prune-and-grow, MMD with its bound, DiffAugment."""
  c = tiny
  c.steps = 3
  c.dtype, c.devices, c.batch = 'bfloat16', 8, 16
  octave = {'name': 'octave', 'alpha': .5}
  c.generator.conv = c.discriminator.conv = octave
  c.discriminator.outputs = 16
  c.loss = {'name': 'mmd'}
  c.penalties = ({'name': 'sample_differences', 'start': 1, 'k': 2,
                  'k_every': 1, 'weight': .1},)
  c.schedules = ({'name': 'octave', 'curve': 'combi'},)
  c.augment = ({'name': 'diffaugment'},)
  c.optimizer.gen.pruning = {'name': 'prune_grow', 'ratio': .3, 'warmup': 1,
                             'interval': 2}
  c.eval.update({'every': 1, 'metrics': ('fd_pixels',), 'samples': 32,
                 'reals': 64})
  c.feedback = ({'name': 'kernel_bound', 'metric': 'eval/fd_pixels',
                 'patience': 1},)
  return c


def test_all_methods_train_together_on_eight_devices_and_resume(
    everything, tmp_path, interrupted):
  """A step of warm-up and two sparse ones, also stopped in between."""
  whole = loop.run(everything, tmp_path / 'whole')
  interrupted(everything, tmp_path / 'part', step=2)
  again = loop.run(everything, tmp_path / 'part')
  assert jax.tree.all(jax.tree.map(np.array_equal, whole, again))

  for net in (whole.gen, whole.ema):
    held = jax.tree.map(lambda p, m: np.where(m, 0., p), net.params,
                        whole.gen.opt.masks)
    assert not any(np.any(x) for x in jax.tree.leaves(held))

  first, second, third = (
      r for r in logbook.read(tmp_path / 'part') if 'gen/phase' in r)
  assert [r['gen/phase'] for r in (first, second, third)] == [0., 1., 1.]
  assert .65 < second['gen/density'] < .75
  assert first['disc/sample_differences'] == 0.
  assert min(second['disc/sample_differences'],
             second['gen/sample_differences']) > 0.
  assert first['schedule/beta_high'] == pytest.approx(.2 + 1 / 3)
  assert third['schedule/beta_high'] == pytest.approx(.7)
  assert first['loss/b_u'] > 0.
  assert all(np.isfinite(v) for r in (first, second, third)
             for v in r.values())


@pytest.fixture(params=['plain', 'octave'])
def pairs(tiny, request):
  """R3GAN with DiffAugment, prune-and-grow, averages for later; in one with
  class labels, and octaves, whose second derivatives take long to compile.
  """
  c = tiny
  c.steps, c.dtype, c.devices = 3, 'bfloat16', 2
  c.data.size = 8
  network = {'name': 'r3gan', 'width': 8, 'most': 8, 'group': 8,
             'blocks': (1, 1)}
  if request.param == 'octave':
    network['conv'] = {'name': 'octave', 'alpha': .5}
    c.schedules = ({'name': 'octave', 'curve': 'combi'},)
    c.data.labels, c.classes.fakes = True, 'real'
  c.generator, c.discriminator = network, network
  c.loss = {'name': 'relativistic_pairing'}
  c.penalties = tuple({'name': name, 'plain': True, 'gamma': 1., 'final': .1,
                       'end': 2.} for name in ('r1', 'r2'))
  c.augment = ({'name': 'diffaugment'},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({
        'b1': 0., 'b2': .9, 'final_b2': .99, 'end': 2.,
        'schedule': {'name': 'cosine', 'final': .25, 'end': 2.}})
  c.optimizer.gen.pruning = {'name': 'prune_grow', 'ratio': .3, 'warmup': 1,
                             'interval': 2}
  c.ema.update({'end': 2., 'power': (.05, .1)})
  c.samples.every = 0
  return c


@pytest.mark.long
def test_pairs_train_with_what_is_around_them_and_resume(
    pairs, tmp_path, interrupted):
  whole = loop.run(pairs, tmp_path / 'whole')
  interrupted(pairs, tmp_path / 'part', step=2)
  again = loop.run(pairs, tmp_path / 'part')
  assert jax.tree.all(jax.tree.map(np.array_equal, whole, again))
  records = [r for r in logbook.read(tmp_path / 'whole') if 'gen/phase' in r]
  assert [r['gen/phase'] for r in records] == [0., 1., 1.]
  assert all(np.isfinite(v) for r in records for v in r.values())
  assert {'disc/r1', 'disc/r2'} <= {*records[0]}
  assert (tmp_path / 'whole' / 'averages' / '00000002.safetensors').is_file()


@pytest.mark.long
def test_lecam_and_chain_train_with_what_is_around_them_and_resume(
    tiny, tmp_path, interrupted):
  c = tiny
  c.steps, c.dtype, c.devices, c.batch, c.critics = 3, 'bfloat16', 4, 8, 2
  octave = {'name': 'octave', 'alpha': .5}
  c.generator.conv = c.discriminator.conv = octave
  c.discriminator.norm = 'chain'
  c.loss = {'name': 'hinge'}
  c.penalties = ({'name': 'lecam', 'start': 1, 'relu': False},
                 {'name': 'chain', 'start': 1, 'speed': .1, 'target': -.9})
  c.schedules = ({'name': 'octave', 'curve': 'combi'},)
  c.augment = ({'name': 'diffaugment'},)
  c.optimizer.gen.pruning = c.optimizer.disc.pruning = {
      'name': 'prune_grow', 'ratio': .3, 'warmup': 1, 'interval': 2}
  c.samples.every = 0
  whole = loop.run(c, tmp_path / 'whole')
  interrupted(c, tmp_path / 'part', step=2)
  again = loop.run(c, tmp_path / 'part')
  assert jax.tree.all(jax.tree.map(np.array_equal, whole, again))
  assert {*whole.extra['penalties']['lecam']} == {'real', 'fake', 'mass'}
  first, _, third = (
      r for r in logbook.read(tmp_path / 'part') if 'disc/lecam' in r)
  assert first['disc/lecam'] == 0. < third['disc/lecam']
  assert first['disc/chain/p'] == 0. < third['disc/chain/p']
  assert all(np.isfinite(v) for r in (first, third) for v in r.values())
