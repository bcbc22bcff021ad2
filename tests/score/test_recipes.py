"""Every experiment is scored, and its best checkpoint kept."""
import pytest

from jgan import cli
from jgan.score import labels
from jgan.verbs import list as listing

LOCATIONS = [
    ':'.join(filter(None, (entry['path'], row)))
    for entry in listing.parts('experiments') for row in entry['rows'] or ['']]


@pytest.mark.parametrize('family', sorted({
    location.split('/')[1] for location in LOCATIONS}))
def test_every_recipe_keeps_its_best_by_a_score_that_it_has(family):
  for location in LOCATIONS:
    if location.split('/')[1] == family:
      config = cli.load(location)
      assert 0 < config.eval.every <= config.steps, location
      best = config.checkpoint.best.removeprefix('eval/')
      if best:  # a pipeline of the user's may keep none
        assert labels.better(best) != 'neither', location


@pytest.mark.parametrize('location, samples, reals', [
    ('experiments/sngan/cifar10.py', 50_000, 0),
    ('experiments/sngan/cifar10_cnn.py', 50_000, 0),
    ('experiments/sngan/stl10.py', 5000, 10_000),
    ('experiments/sngan/tiny_imagenet.py', 10_000, 10_000),
    ('experiments/dcgan/celeba.py', 10_000, 10_000),
    ('experiments/dcgan/celeba_deconv.py', 10_000, 10_000),
    ('experiments/dcgan/cifar10.py', 10_000, 10_000),
    ('experiments/dcgan/cifar10_wgan_gp.py', 10_000, 10_000)])
def test_plain_recipes_have_the_protocol_of_their_source(location, samples,
                                                         reals):
  config = cli.load(location)
  assert (config.eval.samples, config.eval.reals) == (samples, reals)
  assert 'fd' in config.eval.metrics and config.eval.network == 'inception'
  assert config.checkpoint.best == 'eval/FID'


def test_figure_1_of_alphagan_scales_both_players():
  rows = [x for x in LOCATIONS if 'retrain.py:' in x and x[-1].isdigit()
          and x.rpartition('_')[2].isdigit()]
  assert len(rows) == 18
  for location in rows:
    config, width = cli.load(location), int(location.rpartition('_')[2])
    assert (config.generator.width, config.discriminator.width) == (width,
                                                                    width)


def test_figure_4_of_sdp_has_scores_before_the_divergence():
  for row in ('wgan_gp_no_norm', 'wgan_gp_no_norm_sdp', 'wgan_gp_fast_sdp'):
    config = cli.load(f'experiments/sdp/cifar10.py:{row}')
    epoch = 50_000 / (config.batch * config.critics)
    assert config.eval.every <= 6 * epoch  # it diverges from epoch 30 on
