#!/usr/bin/env bash
# Prints the path of a Chromium that starts here, and installs one if there is none.
# In this order: $STUDIOLO_BROWSER, one that is installed, Playwright's own, Debian's package.
# `browser.sh --find` installs nothing. Everything but the path goes to stderr.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'browser: %s\n' "$*" >&2; }

# Runs an installer quietly; what it printed is shown when it failed. Nobody is there to answer its questions.
quietly() {
  timeout 900 "$@" >"$scratch/log" 2>&1 </dev/null && return
  tail -n 5 "$scratch/log" >&2
  return 1
}

# A browser may be installed and yet not start, for want of a library.
starts() {
  [ -n "$1" ] && [ -x "$1" ] &&
    timeout 60 "$1" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
      --user-data-dir="$scratch" --dump-dom about:blank >/dev/null 2>&1
}

installed() {
  for name in chromium chromium-browser google-chrome-stable google-chrome chrome microsoft-edge-stable; do
    path=$(command -v "$name") && starts "$path" && { echo "$path"; return; }
  done
  for path in "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    starts "$path" && { echo "$path"; return; }
  done
  return 1
}

playwrights_own() {
  path=$(.venv/bin/python -c 'from playwright.sync_api import sync_playwright as p
with p() as run: print(run.chromium.executable_path)' 2>/dev/null) || return 1
  starts "$path" && echo "$path"
}

from_playwright() {
  say "none is installed; asking Playwright for one"
  quietly .venv/bin/python -m playwright install chromium || return 1
  playwrights_own && return
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  quietly .venv/bin/python -m playwright install-deps chromium || return 1
  playwrights_own
}

from_debian() {
  command -v apt-get >/dev/null || return 1
  say "Playwright has none for us; installing the Debian package chromium"
  as_root=(env DEBIAN_FRONTEND=noninteractive)
  [ "$(id -u)" = 0 ] || as_root=(sudo -n "${as_root[@]}")
  quietly "${as_root[@]}" apt-get update -q || return 1
  quietly "${as_root[@]}" apt-get install -y -q --no-install-recommends chromium fonts-liberation || return 1
  installed
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -n "${STUDIOLO_BROWSER:-}" ]; then
  starts "$STUDIOLO_BROWSER" && { echo "$STUDIOLO_BROWSER"; exit; }
  say "STUDIOLO_BROWSER is $STUDIOLO_BROWSER, and that does not start."
  exit 1
fi
installed && exit
playwrights_own && exit
if [ "${1:-}" != --find ]; then
  from_playwright && exit
  from_debian && exit
fi
say "No Chromium or Chrome starts here. Install one, or set STUDIOLO_BROWSER to its path."
exit 1
