"""SN-GAN with SDP on Tiny-ImageNet; published FID 52.48, without 51.47.

python -m jgan.main --config=experiments/sdp/sngan_tiny_imagenet.py \
  --workdir=runs/sngan_tiny_sdp --data_dir=DATA
"""
from experiments.sdp import tiny_imagenet


def get_config(form=None):
  """Row 'sngan_sdp' of tiny_imagenet.py; `:smoke` ends in a minute."""
  return tiny_imagenet.get_config(':'.join(filter(None, ('sngan_sdp', form))))
