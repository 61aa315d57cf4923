"""`pip install .` gives a program that runs by itself: page, licence and command are in the wheel."""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(kind: str, source: Path, into: Path, env: dict[str, str] | None = None) -> Path:
    """Build a wheel or an sdist the way pip and build do, with the hatchling of this environment."""
    hook = f"import sys, hatchling.build as b; print(b.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", hook, str(into)],
        cwd=source,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return into / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_built_page_and_everything_it_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        page = archive.read("studiolo/web/static/index.html").decode()
    named = re.findall(r'(?:src|href)="[./]*(assets/[^"]+)"', page)
    assert any(name.endswith(".js") for name in named)
    assert {f"studiolo/web/static/{name}" for name in named} <= names


def test_the_wheel_holds_the_program_its_licence_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"studiolo/cli.py", "studiolo/canvas/canvas.py", "studiolo/py.typed"} <= set(names)
    assert "studiolo/store/migrations/versions/0002_nodes.py" in names
    assert {name.rsplit("/", 1)[-1] for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert {name.split("/")[0] for name in names} == {"studiolo", f"{wheel.name.rsplit('-', 3)[0]}.dist-info"}
    assert not [name for name in names if "node_modules" in name or name.endswith((".svelte", ".pyc", ".gguf"))]


def test_the_installed_wheel_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    subprocess.run(
        [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    # Its dependencies come from this environment, whose own studiolo is a .pth file: PYTHONPATH reads none.
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "STUDIOLO_HOME": str(tmp_path / "studio"),
        "PYTHONPATH": os.pathsep.join(site.getsitepackages()),
    }
    where = subprocess.run(
        [home / "bin" / "python", "-c", "import studiolo.web as web; print(web.__file__)"],
        cwd=tmp_path,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    installed = Path(where.stdout.strip()).parent
    assert installed.is_relative_to(home)
    assert (installed / "static" / "index.html").is_file()
    made = subprocess.run(
        [home / "bin" / "studiolo", "token", "create", "--role", "owner"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.split()) == 1


def test_a_wheel_from_the_sdist_needs_no_node(tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path)
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # it came with 3.11.4, and 3.14 wants it
            archive.extractall(tmp_path, filter="data")
        else:
            archive.extractall(tmp_path)
    source = tmp_path / sdist.name.removesuffix(".tar.gz")
    assert (source / "frontend" / "package-lock.json").is_file()
    assert not (source / "frontend" / "node_modules").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    wheel = build("wheel", source, tmp_path, env={"PATH": str(empty)})
    with zipfile.ZipFile(wheel) as archive:
        assert "studiolo/web/static/index.html" in archive.namelist()
