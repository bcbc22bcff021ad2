"""AutoGAN's discriminator (Gong et al., 2019), which is SN-GAN's."""
from bench.pytorch.sngan import Discriminator

__all__ = ['Discriminator']
