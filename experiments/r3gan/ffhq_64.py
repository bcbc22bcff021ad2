"""R3GAN on FFHQ at 64 x 64, of a folder of images.

Huang et al. (2024); published: FID 1.95 (50k fakes against all 70,000). How
many images that took is not in the published code, whose commands never stop:
100 M here. --data_dir is the folder of the images, in any size; a dataset.zip
of StyleGAN's is read by --config.data.name=image_zip. One accelerator.

python -m jgan.main --config=experiments/r3gan/ffhq_64.py \
  --workdir=runs/r3gan_64 --data_dir=FOLDER
"""
from experiments.r3gan import cifar10


def get_config(form=None):
  """The full run; `:smoke` ends in a minute on two CPU cores."""
  c = cifar10.base({'name': 'image_folder', 'size': 64}, batch=256, gamma=2.,
                   p=.3, half_life=.5e6, images=100e6)
  return cifar10.small(c, form, 64)
