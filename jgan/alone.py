"""A command of jgan that ends with the process that started it.

    python -m jgan.alone [--FLAG=VALUE ...]

Its standard input is a pipe from that process. When this is closed, as also by
the end of the process, the command gets SIGTERM, at which a run saves and ends.
"""
import os
import signal
import threading

from jgan import main


def follow():
  """Waits for the end of the input, then asks this process to end."""
  while os.read(0, 1024):  # not sys.stdin, which Python locks at its end
    pass
  os.kill(os.getpid(), signal.SIGTERM)


if __name__ == '__main__':
  threading.Thread(target=follow, daemon=True).start()
  main.command()
