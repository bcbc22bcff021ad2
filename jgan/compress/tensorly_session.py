"""TensorLy's settings in jgan, without effect on the rest of a program."""
import contextlib

import tensorly
from tensorly import plugins, tenalg
from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def session():
  """Context in which TensorLy uses numpy, opt_einsum and one BLAS thread.

  TensorLy's default products of a tensor with factors loop over the rank and
  are hundreds of times slower. The products are many and small: several BLAS
  threads that share their cores with other processes made them 3 to 20 times
  slower. The result does not depend on the number of threads. The previous
  settings are restored at the end.
  """
  with (threadpool_limits(1, user_api='blas'),
        tensorly.backend_context('numpy', local_threadsafe=True),
        tenalg.backend_context('einsum', local_threadsafe=True)):
    # The plugin can restore only one previous einsum, so if the program has
    # already replaced it, its choice is kept.
    ours = plugins.PREVIOUS_EINSUM is None
    if ours:
      plugins.use_opt_einsum('optimal')
    try:
      yield
    finally:
      if ours:
        plugins.use_default_einsum()
