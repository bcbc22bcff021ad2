"""Generators as ONNX programs, run by onnxruntime.

Where the extra 'onnx' is not installed, only what is said then is tested.
"""
import importlib.util
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup, onnx
from jgan.errors import UserError
from jgan.types import Method, Network

INSTALLED = all(importlib.util.find_spec(name)
                for name in ('jax2onnx', 'onnxruntime'))
needs_onnx = pytest.mark.skipif(
    not INSTALLED, reason=f'no jax2onnx: {onnx.INSTALL}')
SIZES = (8, 16, 32, 64)


def generator(name, **fields):
  """The narrowest generator of a family, its smallest size, and weights.

  Noise has a strength, which is zero at initialisation.
  """
  module = lookup.find('models', name).Generator
  fields.setdefault('width', 4)
  for size in (1,) if name == 'mlp' else SIZES:
    model = module(size=size, colors=2 if size == 1 else 3, **fields)
    z = jnp.zeros((2, model.latent))
    try:
      variables = dict(jax.jit(
          lambda key, z, m=model: m.init(key, z, True))(jax.random.key(0), z))
    except UserError:
      continue
    variables.pop('features', None)
    params = jax.tree_util.tree_map_with_path(
        lambda path, x: x + .3 if 'noise' in jax.tree_util.keystr(path) else x,
        variables.pop('params'))
    sample = lambda net, z, m=model: m.apply(
        {'params': net.params, **net.stats}, z, False)
    return sample, visible(sample, Network(params, variables), z), model.latent
  raise AssertionError(f'{name} takes none of {SIZES}')


def method(sample, latent):
  return Method(None, None, sample, latent)


def visible(sample, net, z):
  """The network with parameters so large that its images differ clearly."""
  compiled = jax.jit(sample)
  z = np.random.default_rng(0).normal(size=z.shape).astype(np.float32)
  while compiled(net, z).std() < .01:
    net = net.replace(params=jax.tree.map(lambda x: 2. * x, net.params))
  return net


def test_what_is_missing_is_named_with_the_command(monkeypatch, tmp_path):
  monkeypatch.setitem(sys.modules, 'jax2onnx', None)
  with pytest.raises(UserError, match='needs jax2onnx.*pip install "jax2onnx'):
    onnx.save(method(None, 2), None, tmp_path / 'g.onnx')
  assert not (tmp_path / 'g.onnx').exists()


def test_a_program_that_makes_other_images_is_refused(monkeypatch, tmp_path):
  """And one of another shape; the converter here is a wrong one."""
  class Session:
    def __init__(self, path, options, providers):
      del path, options, providers

    def run(self, names, feed):
      del names
      return [np.zeros((len(feed['z']), 1, 1, 2), np.float32)]

  shape = SimpleNamespace(dim=[SimpleNamespace(dim_param='')])
  model = SimpleNamespace(
      metadata_props=[], SerializeToString=lambda: b'model',
      graph=SimpleNamespace(output=[SimpleNamespace(type=SimpleNamespace(
          tensor_type=SimpleNamespace(shape=shape)))]))
  monkeypatch.setitem(sys.modules, 'jax2onnx', SimpleNamespace(
      to_onnx=lambda *_, **__: model, __version__='0'))
  monkeypatch.setitem(sys.modules, 'onnxruntime', SimpleNamespace(
      InferenceSession=Session, SessionOptions=SimpleNamespace))
  for w, says in ((np.ones((3, 2), np.float32), 'differ by up to'),
                  (np.ones((3, 4), np.float32), 'differ by up to inf')):
    sample = lambda net, z: (z @ net.params['w']).reshape(
        -1, 1, net.params['w'].shape[1] // 2, 2)
    with pytest.raises(UserError, match=says):
      onnx.save(method(sample, 3), Network({'w': w}, {}), tmp_path / 'g.onnx')


def equal(name, path, **fields):
  """The file's images are JAX's to 1e-5, for batches of any size."""
  import onnxruntime
  sample, net, latent = generator(name, **fields)
  onnx.save(method(sample, latent), net, path, {'layout': 'NHWC'})
  session = onnxruntime.InferenceSession(str(path))
  assert session.get_modelmeta().custom_metadata_map == {'layout': 'NHWC'}
  assert [x.name for x in session.get_inputs()] == ['z']
  assert session.get_inputs()[0].shape == ['b', latent]
  assert session.get_outputs()[0].shape[0] == 'b'
  for b in (1, 5):
    z = np.random.default_rng(b).normal(size=(b, latent)).astype(np.float32)
    images, = session.run(None, {'z': z})
    want = np.asarray(jax.jit(sample)(net, z))
    assert want.std() > 5e-3
    np.testing.assert_allclose(images, want, atol=1e-5)


@needs_onnx
def test_onnxruntime_makes_the_same_images(tmp_path):
  equal('dcgan', tmp_path / 'g.onnx')


@needs_onnx
@pytest.mark.long
@pytest.mark.parametrize('name', lookup.names('models'))
def test_onnxruntime_makes_the_same_images_of_every_family(name, tmp_path):
  equal(name, tmp_path / 'g.onnx', **({} if name != 'mlp' else {'width': 8}))


@needs_onnx
@pytest.mark.long
@pytest.mark.parametrize('name, fields', [
    ('dcgan', {'conv': 'octave'}), ('stylegan2', {'stored_noise': True}),
    ('fastgan', {'stored_noise': True})])
def test_onnxruntime_makes_the_same_images_of_variants(name, fields, tmp_path):
  if 'conv' in fields:
    fields = {'conv': lookup.member('layers.conv', fields['conv'])}
  equal(name, tmp_path / 'g.onnx', **fields)
