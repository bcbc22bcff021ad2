"""The type that a run computes in, by device and by penalty."""
import types

import jax
import pytest

from jgan import config as configs
from jgan import precision


def on(monkeypatch, platform, capability=None):
  """JAX as on another platform."""
  monkeypatch.setattr(jax, 'default_backend', lambda: platform)
  monkeypatch.setattr(jax, 'local_devices', lambda: [types.SimpleNamespace(
      platform=platform, compute_capability=capability)])


@pytest.mark.parametrize('platform, capability, dtype', [
    ('cpu', None, 'float32'), ('tpu', None, 'bfloat16'),
    ('gpu', '9.0', 'bfloat16'), ('gpu', '10.0', 'bfloat16'),
    ('gpu', '8.0', 'bfloat16'), ('gpu', '7.5', 'float32'),
    ('gpu', 'gfx90a', 'float32')])
def test_auto_is_bfloat16_where_a_device_multiplies_it(
    platform, capability, dtype, monkeypatch):
  on(monkeypatch, platform, capability)
  c = configs.complete(configs.base())
  assert c.dtype == 'auto' and precision.of(c) == dtype
  c = c.unlock()
  c.dtype = 'float32'
  assert precision.of(c) == 'float32'


@pytest.mark.parametrize('penalty, dtype', [
    ('r1', 'float32'), ('gradient', 'float32'), ('path_length', 'float32'),
    ('drift', 'bfloat16'), ('sample_differences', 'bfloat16')])
def test_a_squared_gradient_stays_in_float32(penalty, dtype, monkeypatch):
  on(monkeypatch, 'tpu')
  c = configs.base()
  c.penalties = ({'name': penalty},)
  assert precision.of(configs.complete(c)) == dtype
