"""Symptoms, from records that were written down: sick ones and healthy ones."""
import pathlib
import re

import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jgan import config as configs
from jgan import lookup
from jgan.doctor._history import History

RNG = np.random.default_rng(0)
SETTINGS = {'optimizer.disc.lr': .01, 'optimizer.gen.lr': 1e-3, 'critics': 1,
            'batch': 64, 'loss.name': 'minimax', 'dtype': 'bfloat16'}


def history(every=100, bits=24, indifferent=2., **series):
  """Records every `every` steps; '__' stands for '/'."""
  return History(
      [{'step': every * (i + 1), name.replace('__', '/'): float(x)}
       for name, values in series.items() for i, x in enumerate(values)],
      settings=SETTINGS, bits=bits, indifferent=lambda: indifferent)


def examined(symptom, **series):
  return lookup.find('doctor', symptom).examine(history(**series))


def around(level, count, noise=.1):
  """Values within a tenth or two, as healthy runs have them."""
  return level * (1. + noise * RNG.standard_normal(count))


@pytest.mark.parametrize('symptom', lookup.names('doctor'))
def test_a_run_without_records_has_no_symptom(symptom):
  assert examined(symptom) is None


HEALTHY = {
    'doctor__diversity': [.02, .4, *around(1., 60)],
    'doctor__nearest': [.01, .5, *around(1.2, 60)],
    'disc__loss': around(1.1, 60, .3), 'disc__real': around(2., 60, .5),
    'disc__fake': around(-2., 60, .5), 'gen__grad_norm': around(1., 60, .5)**2,
    'disc__grad_norm': around(10., 60, .5)**2,
    'probe__held_out__overfitting': around(.2, 60),
    'probe__held_out__overfitting_error': around(.05, 60),
}


@pytest.mark.parametrize('symptom', lookup.names('doctor'))
def test_a_healthy_run_has_no_symptom_at_any_step(symptom):
  records = history(**HEALTHY)
  examine = lookup.find('doctor', symptom).examine
  assert not any(examine(records.until(step))
                 for step in range(100, 6200, 100))


def test_generated_images_that_become_alike_are_a_collapse():
  """After two looks: the level was .95 for two looks in a row."""
  falling = [.1, .9, .95, .95, 1.5, .9, .3, .25]
  finding = examined('collapse', doctor__diversity=falling)
  assert finding.evidence.endswith(
      'are 0.3 times as far apart as real ones, and were 0.95 at step 400')
  assert '--config.optimizer.gen.lr (now 0.001)' in finding.advice
  assert examined('collapse', doctor__diversity=falling[:-1]) is None


def test_a_steady_diversity_need_not_fall_as_far():
  steady = [.02, .5, *around(.9, 20, .02)]
  finding = examined('collapse', doctor__diversity=[*steady, .65, .6])
  assert 'are 0.65 times' in finding.evidence
  unsteady = [.02, .5, *around(.8, 20, .2)]
  assert examined('collapse', doctor__diversity=[*unsteady, .55, .5]) is None


def test_few_kinds_of_images_are_a_collapse_however_different_they_are():
  finding = examined('collapse', doctor__diversity=[1.] * 8,
                     doctor__nearest=[1.2] * 6 + [.1, .1])
  assert 'nearest neighbour 0.1 times as far' in finding.evidence


def test_images_that_were_never_different_are_a_collapse_only_after_a_while():
  assert examined('collapse', doctor__diversity=[.01] * 7) is None
  assert 'since step 100' in examined(
      'collapse', doctor__diversity=[.01] * 8).evidence
  # An early G that makes little of anything may still turn to something else.
  assert examined('collapse', doctor__diversity=[.25] * 6 + [.1] * 2) is None


def test_a_d_without_loss_is_saturated():
  loss = [1.5] * 15 + [.02] * 20
  finding = examined('discriminator_saturated', disc__loss=loss,
                     disc__real=[30.] * 35, disc__fake=[-40.] * 35)
  assert "D's loss is 0.02, and 2 if it tells nothing apart" in finding.evidence
  assert '30 for real images and -40 for generated' in finding.evidence
  assert '(now 0.01)' in finding.advice
  assert examined('discriminator_saturated', disc__loss=loss[:-6]) is None
  for even in (None, 0.):  # several outputs, Wasserstein
    assert examined('discriminator_saturated', disc__loss=loss,
                    indifferent=even) is None


def test_a_gradient_of_g_a_thousand_times_smaller_has_gone():
  norms = [100.] * 10 + [2.] * 20 + [1e-3] * 10
  finding = examined('gradient_gone', gen__grad_norm=norms)
  assert 'is 0.001, and was 2 at step 1,100' in finding.evidence
  assert 'loss.name=nonsaturating' in finding.advice
  assert examined('gradient_gone', gen__grad_norm=norms[:-7]) is None


def test_outputs_that_bfloat16_rounds_to_even_numbers_are_out_of_range():
  outputs = {'disc__real': [300.] * 10, 'disc__fake': [-10.] * 10}
  finding = examined('out_of_range', bits=8, **outputs)
  assert ('real images is 300, and bfloat16 rounds to multiples of 2 from 256 '
          'on') in finding.evidence
  assert examined('out_of_range', bits=24, **outputs) is None


def test_a_gradient_that_grows_a_hundredfold_is_divergence():
  norms = [5.] * 20 + [4e3] * 5
  assert "G's gradient is 4e+03, and was 5" in examined(
      'out_of_range', gen__grad_norm=norms).evidence
  assert examined('out_of_range', gen__grad_norm=[.01] * 20 + [9.] * 5) is None


def test_held_out_images_half_way_to_fakes_are_overfitting():
  probe = {'probe__held_out__real': [2.] * 2,
           'probe__held_out__fake': [-2.] * 2,
           'probe__held_out__held_out': [-.4] * 2,
           'probe__held_out__overfitting': [.6] * 2}
  error = 'probe__held_out__overfitting_error'
  finding = examined('overfitting', **probe, **{error: [.04] * 2})
  assert '2 for training images, -0.4 for held-out ones and -2' in (
      finding.evidence)
  assert examined('overfitting', **probe, **{error: [.06] * 2}) is None


def test_a_history_until_a_step_is_that_of_a_shorter_run():
  both = history(disc__loss=[1., 2., 3., 4.])
  assert both.until(200).median('disc/loss', 2) == 1.5
  assert both.until(200).median('disc/loss', 2, back=1) is None
  assert both.median('disc/loss', 2, back=1) == 2.5
  steps, values = both.series('disc/loss', 1)
  assert [*steps] == [400] and [*values] == [4.]


def test_every_flag_of_an_advice_is_a_key_of_the_config():
  keys = {*flatten_dict(configs.plain(configs.complete(configs.base())),
                        sep='.')}
  keys |= {'discriminator.norm'}
  folder = pathlib.Path(lookup.__file__).parent / 'doctor'
  text = ''.join(f.read_text() for f in folder.glob('*.py'))
  named = {*re.findall(r'--config\.([a-z_.]+[a-z_])', text),
           *re.findall(r"history\.of\('([^'{]+)'\)", text),
           *re.findall(r'history\.of\("([^"{]+)"\)', text)}
  assert named - {'optimizer'} <= keys, named - keys  # of either player
