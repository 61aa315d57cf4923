"""What docs/ and deploy/ name exists: settings, metrics, files. What can be tried of deploy/ without a machine is."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from studiolo.metrics import REGISTRY
from studiolo.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
TOLD = [*PAGES, *(path for path in sorted(DEPLOY.iterdir()) if path.is_file())]

OF_OTHERS = {"STUDIOLO_SITE", "STUDIOLO_NODES", "STUDIOLO_URL", "STUDIOLO_BROWSER", "STUDIOLO_TRACES"} | {
    "STUDIOLO_BROWSER_SANDBOX",
    "STUDIOLO_SEARCH",
    "STUDIOLO_TEST_QWEN",
    "STUDIOLO_TOKEN",
}
"""Variables of the Caddyfile, the front end's development server, the tests, the benchmarks, the agents' tools and the
command line."""


def told(pattern: str) -> set[str]:
    return {found for path in TOLD for found in re.findall(pattern, path.read_text())}


def test_every_setting_is_described_and_every_described_setting_exists() -> None:
    there = {f"STUDIOLO_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    assert told(r"\bSTUDIOLO_[A-Z_]+\b") - OF_OTHERS - {"STUDIOLO_"} <= there
    described = (ROOT / "docs" / "running.md").read_text()
    assert {name for name in there if f"`{name}`" not in described} == set()


def test_every_metric_that_is_named_exists() -> None:
    there: set[str] = set()
    for family in REGISTRY.collect():
        there |= {family.name, f"{family.name}_total"} if family.type == "counter" else {family.name}
        if family.type == "histogram":
            there |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
    named = {name for name in told(r"\bstudiolo_[a-z_]+\b") if name not in ("studiolo_path", "studiolo_connection")}
    assert named and named <= there


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(), re.M)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, link


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (Debian: systemd)")
def test_the_service_is_one_that_systemd_understands(tmp_path: Path) -> None:
    unit = tmp_path / "studiolo.service"
    text = (DEPLOY / "studiolo.service").read_text()
    assert "/opt/studiolo/bin/studiolo" in text
    unit.write_text(text.replace("/opt/studiolo/bin/studiolo", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert str(unit) not in done.stderr, done.stderr


def test_the_command_has_the_settings_of_the_service(tmp_path: Path) -> None:
    environ = tmp_path / "studiolo.env"
    environ.write_text(
        "# The database\nSTUDIOLO_DATABASE_URL='postgresql://u:p$1&2@h/d'\nSTUDIOLO_HOME='/srv/studio'\n"
    )
    for program, script in {
        "setpriv": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
        "program": 'echo "$STUDIOLO_HOME $STUDIOLO_DATABASE_URL"; printf "<%s>" "$@"',
    }.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / program).chmod(0o755)
    text = (DEPLOY / "studiolo").read_text()
    for old, new in {"/etc/studiolo.env": environ, "/opt/studiolo/bin/studiolo": tmp_path / "program"}.items():
        assert old in text
        text = text.replace(old, str(new))
    command = tmp_path / "studiolo"
    command.write_text(text)
    command.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([command, "backup", "a b.zip"], env=path, capture_output=True, text=True, check=True)
    assert done.stdout == "/srv/studio postgresql://u:p$1&2@h/d\n<backup><a b.zip>"
