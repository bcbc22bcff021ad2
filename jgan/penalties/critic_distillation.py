"""Distillation of a discriminator from a trained one, as of lottery tickets.

'GANs Can Play Lottery Tickets Too' (Chen et al., 2021) trains a sparse
discriminator beside a dense one, D_T, that was trained before. Both are seen as
probabilities of real, p = sigmoid(D(x)), and D minimises

  weight * E KL(p_T || p), over the real and the generated images of its update

beside its own loss. As in the published code, D_T is the same in the whole run,
and has no part in the generator's update. Both are here in training mode; the
published D_T is in evaluation mode, which for spectral normalisation is one
power iteration less.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError

TEACHER = 'discriminator'


def discriminator(play, *, teacher='', weight=.5):
  """Play -> scalar >= 0, the mean over this shard's real and fake images.

  Args:
    teacher: in a config the file of an exported discriminator; here what build
      makes of it, a key -> (images, labels) -> logits.
    weight: .5 is the published mean, which also counts the two probabilities,
      p and 1 - p.

  Raises:
    UserError: a weight below 0, or D has several outputs for an image.
  """
  if weight < 0.:
    raise UserError(f'critic_distillation: weight={weight:g}; at least 0 would '
                    'be right')
  told = lambda view: () if view.labels is None else (view.labels,)
  return weight * sum(
      divergence(teacher(play.rng)(view.image, *told(view)), view.logits)
      for view in (play.real, play.fake)) / 2.


def divergence(taught, logits):
  """E KL(sigmoid(taught) || sigmoid(logits)): [b] twice -> scalar >= 0.

  Raises:
    UserError: the logits are of other shapes.
  """
  if taught.shape != logits.shape or logits.size > len(logits):
    raise UserError(f'critic_distillation: the teacher has outputs '
                    f'{taught.shape} and this discriminator {logits.shape}; '
                    'one of each image would be right')
  p = jax.nn.sigmoid(taught)
  gap = lambda sign: (jax.nn.log_sigmoid(sign * taught)
                      - jax.nn.log_sigmoid(sign * logits))
  return jnp.mean(p * gap(1.) + (1. - p) * gap(-1.))
