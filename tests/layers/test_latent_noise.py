"""Noise by a key of the latent."""
import jax
import numpy as np

from jgan.layers import latent_noise


def test_latents_have_keys_of_their_own_whatever_their_batch():
  z = np.random.default_rng(0).normal(size=(10_000, 8)).astype(np.float32)
  keys = jax.random.key_data(latent_noise.keys(z))
  assert len(np.unique(keys, axis=0)) == len(z)
  np.testing.assert_array_equal(
      jax.random.key_data(latent_noise.keys(z[7:9])), keys[7:9])


def test_a_latent_that_differs_in_one_bit_or_in_its_order_has_another_key():
  z = np.ones((3, 4), np.float32)
  z[1, 2] = np.nextafter(z[1, 2], 2, dtype=np.float32)
  z[2, 1:3] = 2., 3.
  swapped = z[2:, [0, 2, 1, 3]]
  keys = jax.random.key_data(latent_noise.keys(np.concatenate([z, swapped])))
  assert len(np.unique(keys, axis=0)) == 4


def test_it_is_standard_normal_and_unlike_between_images_and_layers():
  z = np.random.default_rng(1).normal(size=(64, 8)).astype(np.float32)
  one, two = (latent_noise.draw(latent_noise.keys(z), layer, (8, 8, 1))
              for layer in (0, 1))
  assert one.shape == (64, 8, 8, 1)
  # Of 4,096 numbers, five deviations.
  assert abs(one.mean()) < 5 / 64 and abs(one.std() - 1.) < 5 / 90
  rows = np.concatenate([one, two]).reshape(128, -1)
  assert np.abs(np.corrcoef(rows) - np.eye(128)).max() < .75
