"""Where the parts of the package stand; all else is in pyproject.toml.

The experiments stand beside jgan/ in a checkout, where they are read and
edited, and inside of it in an installed package.
"""
import shutil

from setuptools import find_namespace_packages, setup

# What an earlier build left there would be installed again, and a file of
# jgan is found by its name.
shutil.rmtree('build/lib', ignore_errors=True)
experiments = find_namespace_packages(include=['experiments', 'experiments.*'])
setup(
    packages=[*find_namespace_packages(include=['jgan', 'jgan.*']),
              *(f'jgan.{name}' for name in experiments)],
    package_dir={'jgan.experiments': 'experiments'},
    package_data={'': ['*.json', '*.ipynb', '*.toml'],
                  'jgan.report.page': ['*.html', '*.css', '*.js', '*.txt']})
