"""The command `watch`: it serves until Ctrl-C, which is no failure."""
import re
import signal
import subprocess
import sys
import urllib.request


def test_the_command_serves_until_it_is_interrupted(tiny, tmp_path, files):
  run = files.written(tiny, tmp_path / 'run')
  before = sorted(tmp_path.rglob('*'))
  command = subprocess.Popen(
      [sys.executable, '-m', 'jgan.main', '--mode=watch', '--port=0',
       f'--workdir={run}', '--compilation_cache='], stderr=subprocess.PIPE,
      text=True)
  said = ''
  for line in command.stderr:
    said += line
    if address := re.search(r'http://127\.0\.0\.1:\d+/', line):
      break
  try:
    assert address, said
    with urllib.request.urlopen(address[0], timeout=60) as response:
      assert '<h1>run</h1>' in response.read().decode()
    assert sorted(tmp_path.rglob('*')) == before
  finally:
    command.send_signal(signal.SIGINT)
    _, rest = command.communicate(timeout=60)
  assert command.returncode == 0 and 'error' not in rest
  assert 'watch:' not in rest  # the address stays the last line
