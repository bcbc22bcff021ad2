"""DINOv2 of functions of PyTorch, on the inputs; needs torch, not jax.

python parity/reference_dinov2.py FOLDER

It follows the definitions of the released code (facebookresearch/dinov2), with
PyTorch's own attention, normalisation, GELU and bicubic interpolation.
"""
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional

HEADS = {'dinov2_tiny': 2, 'dinov2_s14': 6}


def features(state, heads, images):
  """Class tokens [b, d] of images [b, 224, 224, 3] uint8, in float64."""
  state = {name: torch.from_numpy(x).double() for name, x in state.items()}
  width = state['cls_token'].shape[-1]
  mean = torch.tensor([.485, .456, .406], dtype=torch.float64)
  std = torch.tensor([.229, .224, .225], dtype=torch.float64)
  x = ((torch.from_numpy(images).double() / 255 - mean) / std).movedim(-1, 1)

  def pair(name):
    return state[f'{name}.weight'], state[f'{name}.bias']

  def norm(x, name):
    return functional.layer_norm(x, (width,), *pair(name), eps=1e-6)

  x = functional.conv2d(x, *pair('patch_embed.proj'), stride=14)
  x = x.flatten(2).transpose(1, 2)
  trained = state['pos_embed'][:, 1:].reshape(1, 37, 37, width).movedim(-1, 1)
  resized = functional.interpolate(trained, mode='bicubic', antialias=False,
                                   scale_factor=(16.1 / 37, 16.1 / 37))
  positions = torch.cat([state['pos_embed'][:, :1],
                         resized.flatten(2).transpose(1, 2)], 1)
  x = torch.cat([state['cls_token'].expand(len(x), -1, -1), x], 1) + positions
  for i in range(sum(name.endswith('.attn.qkv.bias') for name in state)):
    block = f'blocks.{i}'
    y = norm(x, f'{block}.norm1').transpose(0, 1)
    y, _ = functional.multi_head_attention_forward(
        y, y, y, width, heads, *pair(f'{block}.attn.qkv'), None, None, False,
        0., *pair(f'{block}.attn.proj'), training=False, need_weights=False)
    x = x + state[f'{block}.ls1.gamma'] * y.transpose(0, 1)
    y = functional.linear(norm(x, f'{block}.norm2'), *pair(f'{block}.mlp.fc1'))
    y = functional.linear(functional.gelu(y), *pair(f'{block}.mlp.fc2'))
    x = x + state[f'{block}.ls2.gamma'] * y
  return norm(x, 'norm')[:, 0].numpy()


def main(folder):
  """Writes the weights as torch does, and reference_dinov2.npz."""
  folder = pathlib.Path(folder)
  images = np.load(folder / 'images.npz')['square']
  out = {}
  for name, heads in HEADS.items():
    state = dict(np.load(folder / f'{name}.npz'))
    torch.save({key: torch.from_numpy(x) for key, x in state.items()},
               folder / f'{name}.pth')
    out[name] = features(state, heads, images)
  np.savez(folder / 'reference_dinov2.npz', **out)


if __name__ == '__main__':
  main(sys.argv[1])
