"""TensorLy as jgan uses it, without changing it for the rest of a program."""
import contextlib

import tensorly
from tensorly import plugins, tenalg
from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def session():
  """Within it TensorLy computes in numpy, by planned einsum contractions.

  Its own products of a tensor with factors loop over the rank, hundreds of
  times slower. One thread of BLAS: the products are many and small, several
  threads that share their cores with others made them 3 to 20 times slower, and
  the result does not depend on how many there are. What was set before is set
  again at the end.
  """
  with (threadpool_limits(1, user_api='blas'),
        tensorly.backend_context('numpy', local_threadsafe=True),
        tenalg.backend_context('einsum', local_threadsafe=True)):
    # The plugin remembers one einsum to go back to: leave a host's own.
    ours = plugins.PREVIOUS_EINSUM is None
    if ours:
      plugins.use_opt_einsum('optimal')
    try:
      yield
    finally:
      if ours:
        plugins.use_default_einsum()
