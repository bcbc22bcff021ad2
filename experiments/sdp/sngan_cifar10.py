"""SN-GAN with SDP on CIFAR-10; published FID 16.79, without 17.45.

python -m jgan.main --config=experiments/sdp/sngan_cifar10.py \
  --workdir=runs/sngan_sdp --data_dir=DATA
"""
from experiments.sdp import cifar10


def get_config(form=None):
  """Row 'sngan_sdp' of cifar10.py; `:smoke` ends in a minute."""
  return cifar10.get_config(':'.join(filter(None, ('sngan_sdp', form))))
