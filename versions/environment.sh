#!/bin/sh
# versions/environment.sh FILE FOLDER: makes the environment FOLDER with the
# packages of FILE, whose first line says which Python. That this machine has
# not that Python is no failure: there is no FOLDER/.done then.
set -eu
file=$1 env=$2

# Made whole or not at all: an interrupted install is begun again.
if [ "$env/.done" -nt "$file" ]; then exit; fi
rm -f "$env/.done"

need=$(sed -n '1s/^# Python //p' "$file")
for python in "python$need" "$HOME/.pyenv/versions/$need".*/bin/python none; do
  if "$python" -c 'import ensurepip' 2>/dev/null; then break; fi
done
if [ "$python" = none ]; then
  echo "$file is left out: this machine has no Python $need" >&2
  exit
fi
"$python" -m venv --clear "$env"
"$env/bin/python" -m pip install --quiet --disable-pip-version-check -r "$file"
touch "$env/.done"
