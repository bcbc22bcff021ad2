"""Docstrings and links of jgan as Sphinx needs them, for the site.

Docstrings are plain text with `code` in single backticks and Google's
sections (Args, Returns, Raises). Napoleon reads the sections; before it, what
would be markup is escaped, and indented lines outside of sections, which are
equations and listings, become literal blocks.
"""
import re

SECTION = re.compile(r'(Args|Attributes|Returns|Raises|Yields):$')
PLAIN = ('Returns:', 'Yields:')  # sections of text, without names of entries


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
      level = entries + 2 * (indent > entries and section not in PLAIN)
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


# Files above docs/ -> the pages that include them; folders have none.
PAGES = {'CONTRIBUTING.md': 'site/contributing.md',
         'CHANGELOG.md': 'site/changelog.md'}
LINK = re.compile(r'\[([^\]]*)\]\((?:\.\./)+(experiments|jgan|tests)[^)]*\)')


def redirected(text, depth):
  """A page whose links to files above docs/ lead to their copies in the site.

  Links to source become plain text, since the site has no source.

  depth: of the page below docs/, 0 for docs/README.md.
  """
  for name, copy in PAGES.items():
    text = text.replace(f']({"../" * (depth + 1)}{name}',
                        f']({"../" * depth}{copy}')
  return LINK.sub(r'\1', text)


def read(app, page, source):
  """Sphinx's event for a page that it reads."""
  del app
  source[0] = redirected(source[0], page.count('/'))
