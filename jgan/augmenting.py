"""Augmentations in the updates of both players, and what they remember."""
import jax


def distort(rng, images, augment, state):
  """Augments images for the discriminator, in the order of `augment`.

  images: [b, h, w, c], or a tuple of arrays, which are augmented separately.
  augment: {name: Augment}.
  """
  if isinstance(images, tuple):
    return tuple(distort(jax.random.fold_in(rng, i), x, augment, state)
                 for i, x in enumerate(images))
  for i, (name, each) in enumerate(augment.items()):
    if each.apply:
      images = each.apply(jax.random.fold_in(rng, i), images,
                          memory(state, name))
  return images


def memory(state, name):
  """The memory of an augmentation."""
  return state.extra.get('augment', {}).get(name, {})


def update(state, augment, slot, change):
  """The state with new memories of the augmentations that define `slot`.

  slot: a field of Augment.
  change: (Augment, its memory) -> its new memory.
  """
  changed = {name: change(each, memory(state, name))
             for name, each in (augment or {}).items() if getattr(each, slot)}
  if not changed:
    return state
  memories = {**state.extra['augment'], **changed}
  return state.replace(extra={**state.extra, 'augment': memories})
