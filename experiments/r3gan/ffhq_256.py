"""R3GAN on FFHQ at 256 x 256, of a folder of images.

Huang et al. (2024); published: FID 2.75 (50k fakes against all 70,000), beside
3.78 of StyleGAN2. All else as in ffhq_64.py; maps up to 16 x 16 are computed in
float32. One accelerator.

python -m jgan.main --config=experiments/r3gan/ffhq_256.py \
  --workdir=runs/r3gan_256 --data_dir=FOLDER
"""
from experiments.r3gan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute or two on two CPU cores."""
  c = cifar10.base({'name': 'image_folder', 'size': 256}, batch=256, gamma=150.,
                   p=.3, half_life=.5e6, images=100e6, exact=3)
  return cifar10.small(c, form, 256)
