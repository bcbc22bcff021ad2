"""Every public name of jgan says what it is, for the reference and for `list`.

A name is public if it does not begin with an underscore. A method that a base
class of jgan documents needs no docstring of its own, nor does flax's `setup`.
"""
import ast
import pathlib

import pytest

JGAN = pathlib.Path(__file__).resolve().parent.parent / 'jgan'
FILES = sorted(JGAN.rglob('*.py'))
PARTS = sorted({file.relative_to(JGAN).parts[0] for file in FILES})
CALLABLE = ast.FunctionDef


def undocumented(tree, inherited=frozenset()):
  """Public names without a docstring: 'name' or 'Class.method'.

  inherited: names of methods that base classes document.
  """
  public = lambda body, kinds: [
      node for node in body
      if isinstance(node, kinds) and not node.name.startswith('_')]
  names = [] if ast.get_docstring(tree) else ['(the file)']
  for node in public(tree.body, CALLABLE | ast.ClassDef):
    if not ast.get_docstring(node):
      names.append(node.name)
    if isinstance(node, ast.ClassDef):
      names += [f'{node.name}.{method.name}'
                for method in public(node.body, CALLABLE)
                if not ast.get_docstring(method)
                and not (node.bases and method.name in inherited)]
  return names


def documented_methods():
  """Names of methods with a docstring, of all classes of jgan."""
  return frozenset(
      method.name for file in FILES for node in ast.parse(
          file.read_text()).body if isinstance(node, ast.ClassDef)
      for method in node.body
      if isinstance(method, CALLABLE) and ast.get_docstring(method))


INHERITED = documented_methods() | {'setup'}


@pytest.mark.parametrize('part', PARTS)
def test_every_public_name_has_a_docstring(part):
  path = JGAN / part
  for file in [path] if path.is_file() else sorted(path.rglob('*.py')):
    if text := file.read_text().strip():
      assert not undocumented(ast.parse(text), INHERITED), file


def test_a_name_without_a_docstring_would_be_noticed():
  tree = ast.parse("'''A file.'''\ndef f():\n  return 1\n"
                   "def _g():\n  return 2\n"
                   "class C:\n  '''A class.'''\n  def m(self):\n    pass\n"
                   "class D(C):\n  '''Another.'''\n  def m(self):\n    pass\n"
                   "  def n(self):\n    pass\n")
  assert undocumented(tree) == ['f', 'C.m', 'D.m', 'D.n']
  assert undocumented(tree, {'m'}) == ['f', 'C.m', 'D.n']
