"""Small files as torch writes them, for tests/features/test_torch_file.py.

.venv-parity/bin/python parity/torch_files.py, needs torch; the tests hold
the same tensors written out in numpy.
"""
import collections
import pathlib

import torch

FOLDER = pathlib.Path('tests/features/golden')


def main():
  """Writes tensors_zip.pt and tensors_legacy.pt."""
  numbers = torch.arange(24)
  whole = numbers.float().reshape(4, 6)
  tree = {
      'state_dict': collections.OrderedDict(
          whole=whole,
          transposed=whole.T,
          row=whole[2],
          every_other=whole[1:, ::2],
          scalar=torch.tensor(3.5),
          empty=torch.zeros(0, 3),
          parameter=torch.nn.Parameter(torch.tensor([1., -1.])),
          **{f'as_{kind}': numbers.to(getattr(torch, kind)) for kind in (
              'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16',
              'int8', 'uint8', 'bool')}),
      'shape': whole.shape, 'epoch': 7, 'accuracy': .5, 'names': ['a', ('b',)],
      'nothing': None,
  }
  torch.save(tree, FOLDER / 'tensors_zip.pt')
  torch.save(tree, FOLDER / 'tensors_legacy.pt',
             _use_new_zipfile_serialization=False)


if __name__ == '__main__':
  main()
