"""Docstrings and links of jgan as Sphinx needs them, for the site.

Docstrings are plain text with `code` in single backticks and Google's
sections (Args, Returns, Raises). Napoleon reads the sections; before it, what
would be markup is escaped, and indented lines outside of sections, which are
equations and listings, become literal blocks.
"""
import pathlib
import posixpath
import re

SECTION = re.compile(r'(Args|Attributes|Returns|Raises|Yields):$')
# Sections of text, in which a colon does not end the name of an entry: fields.
FIELDS = {'Returns:': ':returns:', 'Yields:': ':yields:'}


def setup(app):
  """Makes Sphinx call `process` before Napoleon, whose priority is 500."""
  app.connect('autodoc-process-docstring', process, priority=400)
  app.connect('source-read', read)
  return {'parallel_read_safe': True, 'parallel_write_safe': True}


def process(app, kind, name, thing, options, lines):
  """Replaces the lines of a docstring in place."""
  del app, kind, name, thing, options
  lines[:] = restructured(lines)


def restructured(lines):
  """Lines of a docstring -> lines of reStructuredText."""
  written, section, entries, literal = [], '', 0, False
  for line in lines:
    indent = len(line) - len(line.lstrip())
    if not line.strip():
      written.append('')
      continue
    if not indent:
      section, entries = line if SECTION.match(line) else '', 0
      if section in FIELDS:
        written.append(FIELDS[section])
        continue
    if indent and not section:
      written += [line] if literal else ['', '::', '', line]
      literal = True
      continue
    if literal:
      written.append('')
    literal = False
    if indent:
      # Entries have the indent of the first one, what follows them one more.
      entries = entries or indent
      level = entries + 2 * (indent > entries and section not in FIELDS)
      written.append(' ' * level + escaped(line.lstrip()))
    else:
      written.append(line if section else escaped(line))
  return written


def escaped(line):
  """A line of plain text with `code` -> the same in reStructuredText."""
  parts = re.split(r'`([^`]+)`', line)
  for i, part in enumerate(parts):
    parts[i] = f'``{part}``' if i % 2 else re.sub(r'([\\*_|`])', r'\\\1', part)
  return ''.join(parts)


# Files that are no pages of the site, from docs/ -> pages that include them.
# Those above docs/ are out of Sphinx's reach, and a page `search` is its own.
PAGES = {'../CONTRIBUTING.md': 'site/contributing.md',
         '../CHANGELOG.md': 'site/changelog.md',
         'search.md': 'site/searching.md'}
LINK = re.compile(r'\[([^\]]*)\]\(([^)#:]+)(#[^)]*)?\)')


def redirected(text, folder):
  """A page with its links to such files, and to source, as the site has them.

  Links to source become plain text, since the site has no source.

  folder: of the page, from docs/.
  """
  def redirect(match):
    title, target, anchor = match[1], match[2], match[3] or ''
    path = posixpath.normpath(posixpath.join(folder, target))
    if path in PAGES:
      return f'[{title}]({posixpath.relpath(PAGES[path], folder)}{anchor})'
    return title if path.startswith('../') else match[0]

  return LINK.sub(redirect, text)


def read(app, page, source):
  """Sphinx's event for a page that it reads.

  A page that only includes a file gets the file's text here, with its links as
  they are from the page.
  """
  folder = posixpath.dirname(page) or '.'
  files = {copy: file for file, copy in PAGES.items()}
  if file := files.get(f'{page}.md'):
    text = (pathlib.Path(app.srcdir) / file).read_text()
    source[0] = moved(text, posixpath.dirname(file), folder)
  source[0] = redirected(source[0], folder)


def moved(text, old, new):
  """A page with its links as they are from another folder; both from docs/."""
  def move(match):
    path = posixpath.normpath(posixpath.join(old, match[2]))
    return f'[{match[1]}]({posixpath.relpath(path, new)}{match[3] or ""})'

  return LINK.sub(move, text)
