"""MMD GAN with the repulsive loss, its own paper's networks; `:ROW`.

Wang et al. (2019): the convolutional networks of SN-GAN, D with 16 outputs,
sigma 1, b_l .25, b_u 4, batch 64, 100k steps, one update of D each, constant
rates of D and G of 5e-4 and 2e-4 on CIFAR-10, 2e-4 both on STL-10. Rows
(published FID, IS): cifar10 (16.21, 8.29), stl10 (37.63, 9.34; 36.67, 9.36 as
alphaGAN's table 2 cites it), and with _attractive the loss of MMD GAN.

Their code multiplies each of D's 8 spectrally normalised layers by 64^(1/8).
D is homogeneous but for its biases, so that is here a kernel for outputs 64
times as small: sigma 1/64, bounds divided by 64^2. They estimate the norm of
the convolution itself, jgan that of its kernel as a matrix. One accelerator.

python -m jgan.main --config=experiments/mmd_gan/repulsive.py:cifar10 \
  --workdir=runs/mmd_gan --data_dir=DATA
"""
from experiments.sngan import cifar10
from jgan import config as configs

SCALE = 64.  # of D's outputs, by the factors of all its layers
REPULSIVE = {'cross': 0., 'b_l': .25 / SCALE**2, 'b_u': 4. / SCALE**2}
ATTRACTIVE = {'cross': 2., 'b_l': 0., 'b_u': 0.}  # it has no bounds
ROWS = {f'{data}{end}': (data, loss) for data in ('cifar10', 'stl10')
        for end, loss in (('', REPULSIVE), ('_attractive', ATTRACTIVE))}


def get_config(form=None):
  """One row; `:ROW:smoke` ends in a minute on two CPU cores."""
  row, form = configs.row(form, ROWS)
  data, loss = ROWS[row]
  c = cifar10.base()
  c.batch, c.gen_batch, c.critics = 64, 0, 1
  c.pipeline.dequantize = False
  c.data = {'name': data}
  c.generator = {'name': 'sn_cnn', 'latent': 128}
  c.discriminator = {'name': 'sn_cnn', 'outputs': 16}
  c.loss = {'name': 'mmd', **loss, 'scales': (1. / SCALE,),
            'xy_diagonal': False}
  for player, lr in (('gen', 2e-4), ('disc', 5e-4 if data == 'cifar10'
                                     else 2e-4)):
    c.optimizer[player].update({'lr': lr, 'b1': .5, 'b2': .999,
                                'schedule': {'name': 'constant'}})
  cifar10.score(c, samples=50_000)
  return cifar10.small(c, form, 48 if data == 'stl10' else 32)
