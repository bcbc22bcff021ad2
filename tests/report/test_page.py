"""The page as a file: whole, safe whatever runs are called, nothing empty."""
import base64
import hashlib
import html.parser
import json
import re

import pytest

from jgan.report.page import plots, render
from jgan.report.page.section import Film, Folded, Grid, Picture, Section
from jgan.report.table import Table

EVIL = '<script>alert(1)</script>"\'&%{x}'
PIXEL = 'data:image/webp;base64,AAAA'


class Read(html.parser.HTMLParser):
  """What a browser would see of a page."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.scripts, self.words = [], [], []
    self.inside = ''
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    self.tags.append((tag, dict(attrs)))
    if tag == 'script':
      self.scripts.append('')

    self.inside = tag

  def handle_endtag(self, tag):
    self.inside = ''

  def handle_data(self, data):
    if self.inside == 'script':
      self.scripts[-1] += data
    else:
      self.words.append(data)

  def of(self, tag):
    return [attrs for name, attrs in self.tags if name == tag]


def sections(name='a'):
  look = plots.looks([name, 'b'])
  curve = plots.curves('loss', 'gen/loss', {name: {1: 2., 2: 3.}}, look,
                       smooth=True)
  frame = Picture(PIXEL, f'of {name}', name, name, True)
  return [
      Section('scores', 'Scores', grids=(Grid(Table(
          [['run', 'FID'], [name, '1.5 +- 0.2']], (f'A note on {name}.',))),)),
      Section('nothing', 'Nothing', 'An introduction.'),
      Section('curves', 'Curves', plots=(curve,)),
      Section('samples', 'Samples', pictures=(frame,), films=(Film(
          {name: [[1, frame], [2, frame]]}),)),
      Section('config', 'Config', folded=(Folded(name, f'{{"{name}"}}'),)),
  ]


@pytest.fixture
def page():
  return Read(render.html('title', ['a', 'b'], sections()))


def test_a_page_needs_no_other_file(page):
  addresses = [attrs[key] for _, attrs in page.tags for key in ('src', 'href')
               if key in attrs]
  assert addresses
  assert all(re.match('data:|#', address) for address in addresses)
  assert not page.of('link')[1:] and not page.of('iframe')
  assert all('src' not in attrs for attrs in page.of('script'))
  text = render.html('title', ['a'], sections())
  assert len(text.encode()) < 2e6
  assert not re.search(r'url\((?!data)|@import', re.search(
      '<style>(.*?)</style>', text, re.DOTALL)[1])


def test_only_the_scripts_of_jgan_may_run_and_nothing_is_loaded(page):
  policy, = (attrs['content'] for attrs in page.of('meta')
             if attrs.get('http-equiv') == 'Content-Security-Policy')
  rules = dict(rule.strip().split(' ', 1) for rule in policy.split(';')
               if rule.strip())
  assert rules['default-src'] == "'none'" and 'connect-src' not in rules
  code = [script for attrs, script in zip(page.of('script'), page.scripts)
          if 'type' not in attrs]
  assert len(code) == 2 and 'Plotly' in code[0]
  assert rules['script-src'].split() == [
      f"'sha256-{base64.b64encode(hashlib.sha256(x.encode()).digest()).decode()}"
      "'" for x in code]
  served = Read(render.html('title', ['a'], sections(), every=5))
  policy = ' '.join(str(attrs) for attrs in served.of('meta'))
  assert "connect-src 'self'" in policy


def test_the_name_of_a_run_is_text_wherever_it_stands():
  page = Read(render.html(EVIL, [EVIL, 'b'], sections(EVIL)))
  assert len(page.of('script')) == 2 + len(json_of(page))
  assert not any('alert' in key for _, attrs in page.tags for key in attrs)
  about, *rest = reversed(json_of(page))
  assert about['runs'][0]['name'] == EVIL
  figure, = (part[0] for part in rest if isinstance(part, list) and part)
  trace, = figure['data']
  assert trace['meta'] == {'run': EVIL}
  # plotly.js would read tags in names.
  assert '<' not in trace['name'] and '&lt;script&gt;' in trace['name']
  assert EVIL in ''.join(page.words)


def json_of(page):
  return [json.loads(script) for attrs, script in zip(
      page.of('script'), page.scripts) if 'type' in attrs]


def test_what_is_empty_has_no_heading(page):
  assert [attrs['id'] for attrs in page.of('section')] == [
      'scores', 'curves', 'samples', 'config']
  assert [attrs['href'] for attrs in page.of('a')] == [
      '#scores', '#curves', '#samples', '#config']
  assert 'An introduction.' not in ''.join(page.words)


def test_images_and_controls_say_what_they_are(page):
  assert page.of('img') and all(attrs['alt'] for attrs in page.of('img'))
  labelled = {attrs['for'] for attrs in page.of('label')}
  assert {attrs['id'] for attrs in page.of('input')} == labelled
  assert all(attrs.get('aria-label') for attrs in page.of('button'))
  assert all(attrs['aria-label'] for tag, attrs in page.tags
             if attrs.get('class') == 'canvas')
  assert page.of('html') == [{'lang': 'en'}]


def test_a_table_hides_the_rows_or_the_columns_of_a_run():
  table = Table([['key', 'a', 'b'], ['steps', '1', '2']])
  text = render.html('t', ['a', 'b'], [
      Section('x', 'X', grids=(Grid(table, by='column'),))])
  cells = [attrs.get('data-run') for attrs in Read(text).of('td')]
  assert cells == ['a', 'b']
  rows = Read(render.html('t', ['a'], sections())).of('tr')
  assert [attrs.get('data-run') for attrs in rows] == [None, 'a']


def test_only_sections_that_a_page_lacks_are_sent():
  first = render.changes(['a'], sections(), set())
  assert [part['name'] for part in first['sections']] == [
      'scores', 'curves', 'samples', 'config']
  assert all('<section' in part['html'] for part in first['sections'])
  known = {part['mark'] for part in first['sections']}
  new = sections()
  new[0] = new[0]._replace(text='changed')
  again = render.changes(['a'], new, known)['sections']
  assert ['html' in part for part in again] == [True, False, False, False]
  assert again[1:] == [{k: part[k] for k in ('name', 'mark')}
                       for part in first['sections'][1:]]
