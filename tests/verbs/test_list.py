"""--mode=list tells from the files what there is."""
import json
import pathlib

import pytest

from jgan import contracts, experiment, lookup, main
from jgan.errors import UserError
from jgan.losses import mmd

ROOT = pathlib.Path(__file__).resolve().parents[2]


def listed(capsys, *arguments):
  code = main.main(['jgan', '--mode=list', *arguments])
  out, err = capsys.readouterr()
  assert code == 0, err
  return out


def test_everything_is_one_json_object(capsys):
  contents = json.loads(listed(capsys, '--json'))
  for kind in contracts.CONTRACTS:
    assert [part['name'] for part in contents[kind]] == lookup.names(kind)
    assert all(part['help'] for part in contents[kind])
  for kind in contracts.MEMBERS:
    assert {part['name'] for part in contents[kind]} == {*lookup.members(kind)}
  experiments = contents['experiments']
  assert len(experiments) == len(experiment.files())
  for entry in experiments:
    assert {*entry} == {'path', 'rows', 'help'}
    assert (ROOT / entry['path']).is_file() and entry['help']
  retrain, = (x for x in experiments if x['path'].endswith('retrain.py'))
  assert {'cifar10_s', 'stl10_l'} <= {*retrain['rows']}


def test_every_row_that_an_experiment_has_is_listed(capsys):
  for entry in json.loads(listed(capsys, '--what=experiments', '--json'))[
      'experiments']:
    with pytest.raises(UserError) as error:
      experiment.load(f'{entry["path"]}:nonesuch')
    _, _, known = str(error.value).partition('known: ')
    assert known.split(', ') == (entry['rows'] or ['smoke']), entry['path']


def test_one_kind_is_listed_alone(capsys):
  losses = json.loads(listed(capsys, '--what=losses', '--json'))
  assert [*losses] == ['losses']
  assert listed(capsys, '--what=loss') == listed(capsys, '--what=losses')
  text = listed(capsys, '--what=experiments')
  assert 'experiments/digits/default.py' in text and 'cifar10_s_32' in text


def test_one_part_shows_its_arguments_and_docstring(capsys):
  text = listed(capsys, '--what=loss.mmd')
  assert mmd.__doc__.splitlines()[0] in text
  assert 'b_u = 4.0' in text
  part = json.loads(listed(capsys, '--what=losses.mmd', '--json'))
  assert part['arguments']['b_u'] == 4.
  assert part['name'] == 'mmd' and part['kind'] == 'losses'


def test_the_text_of_a_function_that_both_players_share_is_shown_once(capsys):
  text = listed(capsys, '--what=penalties.sample_differences')
  assert 'discriminator, generator: Play -> scalar' in text
  assert text.count("the paper's lambda") == 1 and 'partial' not in text


def test_the_arguments_of_a_model_are_those_of_its_players(capsys):
  part = json.loads(listed(capsys, '--what=generator.dcgan', '--json'))
  assert part['arguments']['generator']['norm'] == 'batch'
  assert 'latent' not in part['arguments']['discriminator']


@pytest.mark.parametrize('what, words', [
    ('loses', "did you mean 'losses'"), ('loss.mdm', "did you mean 'mmd'"),
    ('lss.mmd', 'names no kind')])
def test_a_name_that_is_none_is_refused(what, words, capsys):
  assert main.main(['jgan', '--mode=list', f'--what={what}']) == 2
  assert words in capsys.readouterr().err
