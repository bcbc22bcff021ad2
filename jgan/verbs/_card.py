"""A model card: Markdown with the front matter that the Hugging Face Hub reads.

README.md and samples.png beside an exported generator. What it says follows
from the config, the records of the run and the file; what it cannot know, such
as a licence, it leaves to whoever publishes it.
"""
import json
import pathlib

import jax

import jgan
from jgan import classes, lookup
from jgan.errors import UserError
from jgan.report import grid
from jgan.score import labels
from jgan.workdir import write_text

_NAMES = 'README.md', 'samples.png'
_MARK = 'library_name: jgan'
_IMAGES = 64
_LOAD = {
    '.safetensors': """import jgan

g = jgan.load('{name}')
images = g.sample(0, n=16)  # of a seed: [16, {h}, {w}, {c}] {dtype}
images = g.sample(z)        # of latents z [n, {latent}]
""",
    '.jaxexport': """import jax
import jax.export

g = jax.export.deserialize(open('{name}', 'rb').read())
z = jax.random.normal(jax.random.key(0), (16, {latent}))
images = g.call(z)  # [16, {h}, {w}, {c}] float32 in [-1, 1]
""",
    '.onnx': """import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession('{name}')
z = np.random.default_rng(0).normal(size=(16, {latent})).astype(np.float32)
images, = session.run(None, {{'z': z}})  # [16, {h}, {w}, {c}] in [-1, 1]
"""}
_LOAD['.npz'] = _LOAD['.safetensors']
# The same with classes: (what stands there, what is right).
_TOLD = {
    '.safetensors': (('images = g.sample(z)        # of latents z [n, '
                      '{latent}]', 'images = g.sample(0, n=4, classes={one!r})'
                      '  # of one class'),),
    '.jaxexport': (('images = g.call(z)', 'labels = jax.numpy.arange(16) % '
                    '{classes}\nimages = g.call(z, labels)'),),
    '.onnx': (("{{'z': z}}", "{{'z': z, 'labels': labels}}"),
              ('images, =', 'labels = np.arange(16, dtype=np.int32) % '
               '{classes}\nimages, ='))}
_TOLD['.npz'] = _TOLD['.safetensors']


def refuse_present(out, *, overwrite=False):
  """Refuses to write over a README.md or samples.png beside `out`.

  A README.md that is no card of jgan is never replaced.

  Raises:
    UserError: it is there.
  """
  for name in _NAMES:
    file = pathlib.Path(out).with_name(name)
    if file.exists() and not overwrite:
      raise UserError(f'--card writes {file}, which is there already: an --out '
                      'in a folder of its own would be right, or --overwrite')
  card = pathlib.Path(out).with_name(_NAMES[0])
  if card.exists() and _MARK not in _beginning(card):
    raise UserError(f'--card writes {card}, and the one that is there is no '
                    'card of jgan: an --out in another folder would be right')


def _beginning(file):
  try:
    return file.read_bytes()[:4096].decode(errors='replace')
  except OSError as error:
    raise UserError(f'cannot read {file}: {error.strerror}') from error


def write(g, path):
  """Writes the card of an exported generator: -> the paths written.

  Args:
    g: Trained.
    path: of the exported file.
  """
  card, picture = (path.with_name(name) for name in _NAMES)
  try:
    rows, columns = (classes.by_row(len(g.classes), _IMAGES) if g.classes
                     else ([], 0))
    images = (g.sample(0, n=columns, classes=rows[::columns]) if g.classes
              else g.sample(0, n=_IMAGES))
    drawn = images.ndim == 4 and images.shape[3] in (1, 3)
    if drawn:
      grid.save_png(picture, grid.grid(images, columns=columns))
    write_text(card, text(g, path, picture.name if drawn else ''))
  except OSError as error:
    raise UserError(f'{path} is written, but not its card: {error}') from error
  return [card, picture] if drawn else [card]


def text(g, path, picture=''):
  """The card: Markdown.

  Args:
    g: Trained.
    path: of the exported file.
    picture: file name of the sample grid; '' for none.
  """
  c, (h, w, colors) = g.config, g.image
  name = f'{c.generator.name} on {c.data.name}, {h} x {w}'
  return '\n'.join([
      *_front(g, name), f'# {name}', '', *_what(g), '',
      *([f'![{_IMAGES} images of seed 0]({picture})', ''] if picture else []),
      '## Load', '', '```python', _load(g, path.suffix).format(
          name=path.name, h=h, w=w, c=colors, latent=g.latent,
          dtype=g.sample(0, n=1).dtype, classes=len(g.classes),
          one=[*g.classes, ''][0]) + '```', '',
      *([_npz_and_safetensors()] if path.suffix in ('.npz', '.safetensors')
        else []), '',
      '## Data and training', '', *_training(g), '',
      '## Scores', '', *_scores(g), '', '## Limits', '', *_limits(g), ''])


def _front(g, name):
  """The front matter: YAML, each value written as JSON."""
  results = [{'type': label, 'name': f'{label}, protocol '
              f'{score["protocol"].get("protocol")} {score["identity"]}',
              'value': value}
             for score in g.scores for label, value in score['values'].items()]
  tags = ['gan', 'image-generation', 'jax', 'flax', g.config.generator.name,
          g.config.method.name]
  lines = ['---', _MARK, 'pipeline_tag: unconditional-image-generation',
           f'tags: {json.dumps(tags)}']
  if results:
    index = [{'name': name, 'results': [{
        'task': {'type': 'unconditional-image-generation'},
        'dataset': {'name': g.config.data.name, 'type': g.config.data.name},
        'metrics': results}]}]
    lines.append(f'model-index: {json.dumps(index)}')
  return [*lines, '---', '']


def _what(g):
  c, (h, w, colors) = g.config, g.image
  size = sum(x.size for x in jax.tree.leaves(g.params))
  kind = {'average': 'the average of the generator over training',
          'online': 'the generator as it was trained, not averaged',
          'unknown': 'a generator'}[g.weights]
  doc = (lookup.find('models', c.generator.name).__doc__ or '').split('\n\n')[0]
  at = '' if g.step is None else f' after {g.step:,} of {c.steps:,} steps'
  a = 'A class-conditional' if g.classes else 'An unconditional'
  return [f'{a} generator of {h} x {w} images with {colors} '
          f'channel{"s" if colors > 1 else ""}, trained with jgan '
          f'{jgan.__version__} as a generative adversarial network. These '
          f'weights are {kind}{at}: {size:,} parameters.', '',
          f'Architecture: {" ".join(doc.split())}', '',
          f'It maps z [n, {g.latent}] of independent N(0, 1) to images '
          f'[n, {h}, {w}, {colors}] (NHWC) in [-1, 1].', *(
              ['', 'Beside z it takes labels [n]: ' + ', '.join(
                  f'{i} {name}' for i, name in enumerate(g.classes)) + '.']
              if g.classes else [])]


def _load(g, suffix):
  """The lines that load a file, with fields."""
  lines = _LOAD[suffix]
  for old, new in _TOLD[suffix] if g.classes else ():
    lines = lines.replace(old, new)
  return lines


def _npz_and_safetensors():
  return ('The arrays have `/`-joined names, `params/...` first; what the file '
          'is (config, layout, range, scores) is in its metadata.')


def _training(g):
  c = g.config
  source = {k: v for k, v in c.data.items() if k != 'name' and v != ''}
  parts = lambda sections: ', '.join(x.name for x in sections) or 'none'
  rows = {
      'data': f'{c.data.name} {json.dumps(source, default=str)}',
      'method': c.method.name, 'loss': c.loss.name,
      'penalties': parts(c.penalties), 'augmentations': parts(c.augment),
      'generator': c.generator.name, 'discriminator': c.discriminator.name,
      'generator steps': f'{c.steps:,}', 'batch': c.batch,
      'discriminator steps per generator step': c.critics,
      'optimizer': f'{c.optimizer.gen.name}, {c.optimizer.gen.lr:g} and '
                   f'{c.optimizer.disc.lr:g} (discriminator)',
      'average': f'decay {c.ema.decay:g}' if c.ema.decay else 'none',
      'seed': c.seed}
  return ['| | |', '|---|---|', *(f'| {k} | {v} |' for k, v in rows.items())]


def _scores(g):
  if not g.scores:
    return ['None were computed for these weights. `python -m jgan.main '
            '--mode=evaluate` computes them.']
  lines = ['| score | value | better | protocol | images | reals | identity |',
           '|---|---|---|---|---|---|---|']
  for score in g.scores:
    stamp = score['protocol']
    for label, value in sorted(score['values'].items()):
      lines.append(
          f'| {label} | {value:.6g} | {_better(label)} | '
          f'{stamp.get("protocol")} | {stamp.get("fakes", "?")} | '
          f'{stamp.get("reals", "?")} of {stamp.get("reference", "?")} | '
          f'`{score["identity"]}` |')
  return [*lines, '', 'Scores of another identity were made under another '
          'protocol (network, resize, number of images, ...): do not compare '
          'them. Only a Frechet distance of the features of the 2015 Inception '
          'network is called FID.']


def _better(label):
  try:
    return labels.better(label)
  except UserError:
    return '?'


def _limits(g):
  h, w, _ = g.image
  lines = [f'- Images are {h} x {w}; other sizes need another network.',
           '- What it generates follows its data, with the gaps and biases of '
           'them; images may resemble training images.']
  if not g.classes:
    lines.append('- There are no labels: what is in an image cannot be chosen, '
                 'but by choosing z.')
  if g.step is not None and g.step < g.config.steps:
    lines.append(f'- Training was not finished: {g.step:,} of '
                 f'{g.config.steps:,} steps.')
  if not any(label.startswith('memorisation') for score in g.scores
             for label in score['values']):
    lines.append('- Memorisation of training images was not measured.')
  return [*lines, '- The licence of the data and of these weights is not '
          'stated here.']
