"""What is installed is exact, is what the code imports, and comes from the registries of the machine."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NPM_LOCKS = sorted(p for p in ROOT.glob("*/**/package-lock.json") if "node_modules" not in p.parts)


def declared(*extras: str) -> list[Requirement]:
    """The requirements of pyproject.toml with those of these extras, and of the extras that they name."""
    found: list[Requirement] = []
    for line in [*PROJECT["dependencies"], *(r for e in extras for r in PROJECT["optional-dependencies"][e])]:
        requirement = Requirement(line)
        found += declared(*requirement.extras) if requirement.name == "studiolo" else [requirement]
    return found


def locked(name: str) -> dict[str, str]:
    """Distribution -> version, of one lock."""
    pins = re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
    return dict(pins)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_python_pin_has_a_hash_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    pins = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert pins
    assert [pin.split()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_every_npm_pin_has_a_hash_and_no_address(lock: Path) -> None:
    packages = {name: p for name, p in json.loads(lock.read_text())["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_the_npm_lock_names_every_platform(lock: Path) -> None:
    """npm leaves out of a lock what it could not fetch, and `npm ci` then refuses the whole lock."""
    packages = json.loads(lock.read_text())["packages"]
    wanted = {name for package in packages.values() for name in package.get("optionalDependencies", {})}
    have = {path.rsplit("node_modules/", 1)[-1] for path in packages}
    assert wanted - have == set()


@pytest.mark.parametrize(("lock", "extras"), [("run.txt", ("postgres",)), ("dev.txt", ("dev",))])
def test_the_lock_is_in_step_with_the_project(lock: str, extras: tuple[str, ...]) -> None:
    pins = locked(lock)
    wrong = [
        str(requirement)
        for requirement in declared(*extras)
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert wrong == [], "run `make lock`"


def test_tests_run_on_the_versions_that_are_served() -> None:
    run, dev = locked("run.txt"), locked("dev.txt")
    assert {name: dev.get(name) for name in run} == run


def imports(path: Path) -> Iterator[str]:
    """The top-level modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


# What an extra of a dependency brings, by the distribution that it brings.
THROUGH = {
    "fastapi": {"starlette"},
    "pydantic": {"pydantic-core"},
    "pydantic-ai-slim": {"genai-prices", "openai"},
    "uvicorn": {"uvloop", "websockets"},
}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("src", ("analysis", "browser", "postgres", "providers", "telemetry")),
        ("tests", ("dev",)),
        ("scripts", ("dev",)),
    ],
)
def test_what_the_code_imports_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    names = {canonicalize_name(requirement.name) for requirement in declared(*extras)}
    names |= {"hatchling", "packaging", "pip"}.union(*(THROUGH.get(name, set()) for name in names))
    owners = metadata.packages_distributions()
    own = {path.stem for path in ROOT.glob("*.py")}
    own |= {path.parent.name for pattern in ("*/*.py", "src/*/*.py") for path in ROOT.glob(pattern)}
    undeclared = {
        (path.relative_to(ROOT).as_posix(), module)
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts  # what npm brings there is another one's
        for module in imports(path)
        if module not in sys.stdlib_module_names and module not in own
        if not names & {canonicalize_name(owner) for owner in owners.get(module, [])}
    }
    assert undeclared == set()


def test_no_tracked_file_names_a_registry() -> None:
    # Put together here, so that this file does not name them either.
    hosts = [
        "py" + "pi.org",
        "python" + "hosted",
        "regis" + "try.np" + "mjs",
        "regis" + "try.yar" + "npkg",
        "deb.deb" + "ian",
    ]
    pattern = re.compile("|".join(map(re.escape, hosts)).encode())
    assert [str(path) for path in tracked() if path.is_file() and pattern.search(path.read_bytes())] == []
