"""Sphinx's configuration: `make docs` builds the site into build/docs.

The pages are the Markdown files that GitHub shows too, read by MyST. The
reference is made from the docstrings by AutoAPI, which reads the source
without importing it: the environment of the site needs neither JAX nor jgan.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'docs'))

project = 'jgan'
author = 'The jgan authors'
copyright = author
version = re.search(r"__version__ = '(.*)'",
                    (ROOT / 'jgan' / '__init__.py').read_text())[1]

extensions = ['myst_parser', 'sphinx.ext.mathjax', 'sphinx.ext.autodoc',
              'sphinx.ext.napoleon', 'autoapi.extension', 'docstrings']
# README.md is the index on GitHub, here it is index.rst; search.md has another
# name (docstrings.py).
exclude_patterns = ['README.md', 'search.md']
napoleon_use_ivar = True  # else attributes are described twice

myst_enable_extensions = ['dollarmath', 'amsmath']
myst_heading_anchors = 3

autoapi_dirs = [str(ROOT / 'jgan')]
autoapi_root = 'reference'
autoapi_add_toctree_entry = False
autoapi_options = ['members']
autoapi_python_use_implicit_namespaces = True
autoapi_keep_files = False
# Names that are assigned together, as A, B = range(2), are not followed.
suppress_warnings = ['autoapi.python_import_resolution']

html_theme = 'furo'
html_title = 'jgan'
