"""What the C library does with freed memory."""
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from jgan import heap
{call}
def faults():
  before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
  b'x' * 2**27
  return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def faults(call):
  """Pages that a second block of 128 MiB needs after a first one was freed."""
  return int(subprocess.run(
      [sys.executable, '-c', FAULTS.format(call=call)], check=True,
      capture_output=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='needs glibc')
def test_memory_that_was_freed_is_used_again_without_new_pages():
  assert faults('heap.retain()') < 100 < faults('pass')
