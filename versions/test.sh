#!/bin/sh
# versions/test.sh NAME TEST...: runs the tests with the packages of NAME.txt.
# Its last line is `NAME  Python  jax  result`. That this machine has not the
# Python named in the file's first line is no failure.
set -eu
cd "$(dirname "$0")/.."
name=$1
shift
file=versions/$name.txt env=.venv-versions/$name
line=$env.line passed=$env.passed
mkdir -p .venv-versions
rm -f "$line" "$passed"

sh versions/environment.sh "$file" "$env"
if [ ! -e "$env/.done" ]; then
  need=$(sed -n '1s/^# Python //p' "$file")
  echo "$name  left out: this machine has no Python $need" | tee "$line"
  exit 0
fi

{ "$env/bin/python" -m pytest -n 2 --dist worksteal -p no:cacheprovider "$@" &&
  touch "$passed"; } | tee "$env.log"
python=$("$env/bin/python" -c 'import platform, jax
print(f"Python {platform.python_version()}  jax {jax.__version__}")')
echo "$name  $python  $(tail -n 1 "$env.log")" | tee "$line"
[ -e "$passed" ]
