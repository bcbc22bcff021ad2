"""What training costs: against the papers' numbers and plain arithmetic."""
from collections import Counter

import jax
import jax.numpy as jnp
import pytest

from jgan import build, cli
from jgan import config as configs
from jgan.ops import flops
from jgan.optim import masked
from jgan.run import cost, timing
from jgan.types import Turn

SNGAN = 3_362_258_944  # 2 x specs/re_gan.md 12.1; 12.3 has 3.36226 GF


def test_work_counts_every_pass_of_a_gradient():
  def loss(params, x):
    y = jax.lax.conv_general_dilated(
        x, params['a'], (2, 2), 'SAME',
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
    return jnp.sum(jnp.tanh(y.reshape(len(x), -1)) @ params['b'])

  params = {'a': jnp.ones((3, 3, 2, 5)), 'b': jnp.ones((80, 7))}
  x = jnp.ones((4, 8, 8, 2))
  conv, dense = 4 * 16 * 9 * 2 * 5, 4 * 80 * 7
  total = lambda f: sum(macs for _, macs, _ in flops.work(f, params, x))
  assert total(loss) == conv + dense
  assert total(jax.value_and_grad(loss)) == 2 * conv + 3 * dense
  # The input's gradient is one more; what is not asked for is not counted.
  assert total(jax.grad(loss, (0, 1))) == 3 * conv + 2 * dense
  assert total(lambda p, x: (loss(p, x), jnp.sum(x))[1]) == 0


def test_the_gradients_of_a_transposed_convolution_skip_inserted_zeros():
  def loss(kernel, x):
    return jnp.sum(jnp.tanh(jax.lax.conv_general_dilated(
        x, kernel, (1, 1), ((2, 2), (2, 2)), lhs_dilation=(2, 2),
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'))))

  kernel, x = jnp.ones((4, 4, 2, 5)), jnp.ones((3, 8, 8, 2))
  total = lambda f: sum(macs for _, macs, _ in flops.work(f, kernel, x))
  assert total(loss) == x.size * 16 * 5
  assert total(jax.grad(loss, (0, 1))) == pytest.approx(3 * total(loss), rel=.2)


@pytest.fixture
def linear():
  """A game of plain numbers: cost.Cost without tracing anything."""
  def make(plan=None, **changes):
    c = configs.base()
    c.update_from_flattened_dict(changes)
    c = configs.complete(c)
    found = object.__new__(cost.Cost)
    found._kinds = ([plan(step).name for step in range(c.steps)] if plan
                    else ['step'])
    found._masked = True
    found._spans = build.spans(c)
    found.published = SNGAN
    found.images = {'step': 320}
    found.steps = {'step': Counter(gen=100, disc=50, rest=1)}
    return found
  return make


def test_thirty_million_images_of_sngan_cost_what_the_paper_says(linear):
  # Table 4: 30 M images, 1.01e17; Re-SNGAN 31.5 M, 1.03e17, a density of .973.
  found = linear(steps=98_438).total(93_750)
  assert found['real_images'] == 30_000_000
  assert found['published'] == pytest.approx(1.0087e17, rel=1e-4)
  # g = 100 of 1000 epochs after 200: 400 epochs of .9.
  c = linear(steps=1000 * 156, **{'optimizer.gen.pruning': {
      'name': 'prune_grow', 'warmup': 200, 'interval': 100, 'unit': 156}})
  found = c.total(1000 * 156)
  assert found['published_sparse'] / found['published'] == pytest.approx(.96)
  assert found['flops_sparse'] == pytest.approx(
      156_000 * (96 + 50 + 1))


def test_phases_add_up_to_the_total(linear):
  c = linear(steps=40, **{
      'optimizer.gen.pruning': {'name': 'prune_grow', 'ratio': .3, 'warmup': 4,
                                'interval': 6, 'first_extra': 1},
      'optimizer.disc.pruning': {'name': 'rigl', 'density': .5, 'warmup': 9}})
  found = c.phases(20)  # 4 warm-up, 7 sparse, 6 dense, 3 sparse
  assert {k: v['real_images'] // 320 for k, v in found.items()} == {
      'warmup': 4, 'sparse': 10, 'dense': 6}
  # D is dense for 9 steps, of which 5 are in G's first sparse phase.
  assert found['sparse']['flops_sparse'] == pytest.approx(
      10 * (70 + 1) + 5 * 50 + 5 * 25)
  assert found['dense']['flops_sparse'] == pytest.approx(6 * (100 + 25 + 1))
  assert found['dense']['flops'] == 6 * 151
  total = c.total(20)
  assert total['real_images'] == 20 * 320
  for key in ('flops', 'flops_sparse', 'published', 'published_sparse'):
    assert total[key] == pytest.approx(sum(x[key] for x in found.values()))
  assert set(c.total(0).values()) == {0}


def test_steps_of_several_kinds_are_counted_by_their_plan(linear):
  c = linear(lambda s: Turn('ab'[s % 3 == 2], 1, (0., 1.), s), steps=9)
  c.images = {'a': 8, 'b': 0}
  c.steps = {'a': Counter(gen=1),
             'b': Counter(disc=10)}
  assert c.total(8)['real_images'] == 6 * 8
  assert c.total(8)['flops'] == 6 * 1 + 2 * 10


def test_what_masks_hide_from_the_host_is_left_out(linear):
  c = linear(**{'optimizer.gen.pruning': {'name': 'fixed_mask'},
                'method': {'name': 'lottery'}})
  assert [*c.total(5)] == ['real_images', 'flops', 'published']


def test_rounds_of_tickets_cost_what_they_keep(tiny):
  tiny.steps = 12
  tiny.optimizer.gen.pruning = {'name': 'fixed_mask'}
  tiny.method = {'name': 'lottery', 'rounds': 2, 'rate': .3, 'round_steps': 4}
  found = cost.Cost(configs.complete(tiny))
  phases = found.phases(10)  # 4 dense, 4 of .7, 2 of .49
  assert {k: v['real_images'] // 8 for k, v in phases.items()} == {
      'dense': 4, 'sparse': 6}
  each = phases['dense']['published'] / 4
  assert phases['dense']['published_sparse'] == 4 * each
  assert phases['sparse']['published_sparse'] == pytest.approx(
      (4 * .7 + 2 * .49) * each, rel=1e-2)
  spent = found.steps['step']
  assert phases['sparse']['flops_sparse'] == pytest.approx(
      6 * (spent['disc'] + spent['rest']) + (4 * .7 + 2 * .49) * spent['gen'],
      rel=1e-2)


def of(player, config, b):
  """FLOPs of one pass of b images through a network of the config."""
  spec = build.spec(config)
  models = build.models(config, spec.shape)
  state = build.abstract(config, build.method(config))
  net = getattr(state, player)
  x = jax.ShapeDtypeStruct((b, models.gen.latent) if player == 'gen' else
                           (b, *spec.shape), jnp.float32)
  rows = flops.layers(getattr(models, player), {'params': net.params,
                                                **net.stats}, x)
  return 2 * b * flops.total(rows).macs, 2 * b * rows[0].macs


def test_a_step_costs_its_passes(tiny):
  """Both players' forward and backward passes, counted by hand."""
  tiny.critics, tiny.gen_batch = 2, 16
  c = configs.complete(tiny)
  found = cost.Cost(c)
  gen, first = of('gen', c, 1)
  # 2 x 8 fakes for D; in G's update 16, with gradients of all but z.
  assert found.steps['step']['gen'] == (16 + 3 * 16) * gen - 16 * first
  disc, first = of('disc', c, 1)
  # 2 x 16 images thrice, without gradients of images; 16 in G's update, with
  # gradients of images and not of weights.
  # Borders of the last map, of 2 x 2, count in two passes and not in the third.
  assert found.steps['step']['disc'] == pytest.approx(
      3 * 32 * disc - 32 * first + 2 * 16 * disc, rel=.01)
  assert found.images == {'step': 16}
  assert found.published == gen  # no transposed convolution
  assert [*found.total(3)] == ['real_images', 'flops', 'published']


def test_a_lazy_penalty_costs_its_part(tiny):
  def step(*penalties):
    tiny.penalties = penalties
    return cost.Cost(configs.complete(tiny)).steps['step']

  without = step()
  always = step({'name': 'r1'})
  lazy = step({'name': 'r1', 'every': 4})
  assert always['disc'] > 1.3 * without['disc']
  assert lazy['disc'] == without['disc'] + (
      always['disc'] - without['disc']) / 4
  assert lazy['gen'] == always['gen'] == without['gen']


def test_of_an_experiment_the_generator_costs_what_the_spec_says():
  config = configs.complete(cli.load('experiments/sngan/cifar10.py'))
  assert cost.of_image(config)['gen'] == SNGAN


def old_path(width, side):
  """Of the RGB layer of the stage before, which the table's 1e9 leave out."""
  return 2e-9 * 3 * width * side**2


@pytest.mark.parametrize('row, counts', [
    # Table 1: 12.97 and, with 461 of 512 channels, 10.53; 27.47 and 22.18,
    # which is that of 460.
    ('progan.py:re_cifar10', {'gen': 12.9719 + old_path(512, 16),
                              'narrow': 10.5287 + old_path(461, 16)}),
    ('progan.py:tiny', {'gen': 27.4706 + old_path(512, 32)}),
    # Table 3, in 1e16: 4.7 M images 1.9, 4.2 M 1.8 and 5.7 M 2.3.
    ('autogan.py:a', {'both': 4.07418}),
    ('autogan.py:b', {'both': 4.20839})])
def test_tables_count_one_image_as_published(row, counts):
  config = configs.complete(cli.load(f'experiments/re_gan/{row}'))
  found = {k: v / 1e9 for k, v in cost.of_image(config).items()}
  assert ('narrow' in found) == (config.optimizer.gen.pruning.name != 'none')
  for name, want in counts.items():
    assert found[name] == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize('row, images, flops', [
    ('a', 4.7, 1.9), ('b', 5.2, 2.2), ('c', 5.7, 2.3), ('re_a', 4.1, 1.7),
    ('re_b', 4.2, 1.8), ('re_c', 5., 2.)])
def test_rows_of_table_3_show_the_real_images_it_reports(row, images, flops):
  """The phases begin within them; FLOPs in 1e16 (b: 2.3 in the table)."""
  c = configs.complete(cli.load(f'experiments/re_gan/autogan.py:{row}'))
  seen = c.steps * c.critics * c.batch
  assert seen == pytest.approx(images * 1e6, rel=1e-4)
  both = 4_208_394_496 if row.endswith('b') else 4_074_176_768
  assert seen * both / 1e16 == pytest.approx(flops, abs=.05)
  phases = [span.phase for span in build.spans(c).gen]
  assert (masked.SPARSE in phases) == row.startswith('re')


def test_the_clock_goes_on_from_the_checkpoint(tmp_path, monkeypatch):
  now = [100.]
  monkeypatch.setattr(timing.time, 'perf_counter', lambda: now[0])
  first = timing.Timing(tmp_path)
  for step, passed, scoring in ((2, 10., 4.), (4, 5., 0.), (6, 7., 1.)):
    now[0] += passed
    first.scored(scoring)
    first.write(step)
  with (tmp_path / 'timing.jsonl').open('a') as file:
    file.write('{"step": 7, "train')  # cut off by a kill
  second = timing.Timing(tmp_path, 4)
  now[0] += 20.
  second.write(6)
  assert timing.read(tmp_path) == [
      {'step': 2, 'training': 6., 'scoring': 4.},
      {'step': 4, 'training': 11., 'scoring': 4.},
      {'step': 6, 'training': 31., 'scoring': 4.}]
  fresh = timing.Timing(tmp_path)  # begun anew
  assert fresh.now() == {'training': 0., 'scoring': 0.}
  assert timing.read(tmp_path) == []
