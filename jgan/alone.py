"""A command of jgan that ends with the process that started it.

    python -m jgan.alone [--FLAG=VALUE ...]

Its standard input is a pipe from that process. When this is closed, as also by
the end of the process, the command gets SIGTERM, at which a run saves and ends.
"""
import os
import signal
import sys
import threading

from jgan import main


def follow():
  """Waits for the end of the input, then asks this process to end."""
  sys.stdin.buffer.read()
  os.kill(os.getpid(), signal.SIGTERM)


if __name__ == '__main__':
  threading.Thread(target=follow, daemon=True).start()
  main.command()
