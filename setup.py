"""Where the parts of the package stand; all else is in pyproject.toml.

The experiments stand beside jgan/ in a checkout, where they are read and
edited, and inside of it in an installed package.
"""
from setuptools import find_namespace_packages, setup

experiments = find_namespace_packages(include=['experiments', 'experiments.*'])
setup(
    packages=[*find_namespace_packages(include=['jgan', 'jgan.*']),
              *(f'jgan.{name}' for name in experiments)],
    package_dir={'jgan.experiments': 'experiments'},
    package_data={'': ['*.json', '*.ipynb']})
