"""A page about runs as one HTML file that needs nothing else.

Templates are Jinja2's, plots are drawn by plotly.js, whose basic bundle lies
beside this file (MIT licence). The page makes no requests; the one that is
served while a run trains asks its own server for changes.
"""
import base64
import datetime
import functools
import hashlib
import pathlib
import re

import jinja2
from jinja2.utils import htmlsafe_json_dumps

import jgan
from jgan.report.page import plots

_FOLDER = pathlib.Path(__file__).parent
_FEW = 12   # plots of a section that are shown without being asked for
_LONG = 20  # letters of a word in a table that may be broken


def html(title, runs, sections, *, every=0, now=None):
  """The text of a page.

  Args:
    title: of the page.
    runs: names, in the order of their colours.
    sections: a list of section.Section; empty ones are left out.
    every: seconds after which the page asks its server for changes; 0: never,
      it is a file.
    now: the time that it says it was made at, a datetime; None: now.

  Returns:
    HTML.
  """
  scripts = _text('plotly-basic.min.js'), _text('page.js')
  # Only these scripts run, and nothing is loaded.
  policy = '; '.join([
      "default-src 'none'", "style-src 'unsafe-inline'",
      'img-src data: blob:', "connect-src 'self'" if every else '',
      'script-src ' + ' '.join(map(_hash, scripts))]).replace('; ;', ';')
  now = now or datetime.datetime.now().astimezone()
  return _environment().get_template('page.html').render(
      title=title, sections=shown(sections), policy=policy, scripts=scripts,
      style=_text('page.css'), about=about(runs, every),
      version=jgan.__version__, made=now.isoformat(' ', 'minutes'))


def shown(sections):
  """The sections that have something to show."""
  return [section for section in sections if not section.is_empty]


def about(runs, every):
  """What page.js has to know beside the sections."""
  return {'runs': [{'name': name, **look}
                   for name, look in plots.looks(runs).items()],
          'every': every}


def changes(runs, sections, known):
  """What a page that has some sections lacks, as JSON types.

  known: marks of the sections that the page has.

  Returns:
    {'runs', 'sections': [{'name', 'mark' and, unless known, 'html'}]}.
  """
  template = _environment().get_template('section.html')
  return {'runs': about(runs, 0)['runs'], 'sections': [
      {'name': section.name, 'mark': section.mark,
       **({} if section.mark in known
          else {'html': template.render(section=section)})}
      for section in shown(sections)]}


@functools.cache
def _environment():
  environment = jinja2.Environment(
      loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True,
      trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
  environment.filters['json'] = htmlsafe_json_dumps
  environment.filters['parts'] = lambda plots: [
      part for part in (plots[:_FEW], plots[_FEW:]) if part]
  environment.tests['number'] = _is_number
  environment.tests['long'] = lambda text: any(
      len(word) > _LONG for word in text.split())
  return environment


@functools.cache
def _text(name):
  return (_FOLDER / name).read_text(encoding='utf-8')


@functools.cache
def _hash(script):
  digest = hashlib.sha256(script.encode()).digest()
  return f"'sha256-{base64.b64encode(digest).decode()}'"


def _is_number(text):
  """Whether a cell is aligned as a number."""
  return bool(re.match(r'[-+]?[\d.,]+(e[-+]?\d+)?( |$|x)|-$|nan$|inf$', text))
