"""placeholder"""
def rows(name, left, sizes, speeds):
  yield {}
