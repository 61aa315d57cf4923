#!/usr/bin/env bash
# Installs what the tests start for themselves and do without otherwise: PostgreSQL, Redis, nginx, strace, bubblewrap
# and LibreOffice's Writer without a screen, as Debian's packages. `servers.sh --find` installs nothing and only says
# what is not there.
set -euo pipefail

missing() {
  # Debian puts initdb where no PATH leads, and nginx where only root's does.
  PATH="$PATH:/usr/sbin:/usr/local/sbin"
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
  command -v redis-server >/dev/null || echo redis-server
  command -v nginx >/dev/null || echo nginx
  command -v strace >/dev/null || echo strace
  command -v bwrap >/dev/null || echo bubblewrap
  command -v soffice >/dev/null || echo libreoffice-writer-nogui
}

say() { printf 'servers: %s\n' "$*" >&2; }

mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0
if [ "${1:-}" = --find ]; then
  say "not installed, so their tests will be skipped: ${packages[*]} (scripts/servers.sh installs them)"
  exit 0
fi
command -v apt-get >/dev/null || { say "this is no Debian; install these yourself: ${packages[*]}"; exit 1; }
say "installing ${packages[*]}"
as_root=(env DEBIAN_FRONTEND=noninteractive)
[ "$(id -u)" = 0 ] || as_root=(sudo -n "${as_root[@]}")
# The tests start servers of their own, on ports and in folders of their own: the packages need not start theirs, and
# in a container they could not.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { timeout 900 "$@" >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; return 1; }; }
quietly "${as_root[@]}" apt-get update -q
quietly "${as_root[@]}" apt-get install -y -q --no-install-recommends "${packages[@]}"
mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] || { say "still not there: ${packages[*]}"; exit 1; }
