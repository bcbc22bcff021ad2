"""The heap of the C library: what one training step frees serves the next.

XLA allocates the temporary arrays of a program, hundreds of MiB, whenever it
runs. The default of glibc hands a block of that size back to the system when it
is freed, so that every step has new pages, each of which the kernel zeroes at
its first touch.
"""
import ctypes
import platform

# Parameters of mallopt(3) and what they are set to: no trimming of the heap's
# end, no block outside of the heap, one heap for all threads.
_SETTINGS = {-1: -1, -4: 0, -8: 1}


def retain():
  """Lets freed memory stay with the process, where the C library is glibc.

  To be called before there are other threads: they would have heaps already.
  """
  if platform.libc_ver()[0] == 'glibc':
    mallopt = ctypes.CDLL(None).mallopt
    for parameter, value in _SETTINGS.items():
      mallopt(parameter, value)
