"""The heap of the C library: what one training step frees serves the next.

XLA allocates the temporary arrays of a program, hundreds of MiB, whenever it
runs. The default of glibc hands a block of that size back to the system when it
is freed, so that every step has new pages, each of which the kernel zeroes at
its first touch.
"""
import ctypes
import platform

# Parameters of mallopt(3), by their numbers in malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def retain():
  """Lets freed memory stay with the process, where the C library is glibc.

  To be called before there are other threads: they would have heaps already.
  """
  if platform.libc_ver()[0] == 'glibc':
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_TRIM_THRESHOLD, -1)  # the end of the heap is never given back
    mallopt(_MMAP_MAX, 0)         # large blocks are of the heap too
    mallopt(_ARENA_MAX, 1)        # one heap for all threads
