"""Documentation of packages, folders and Sphinx inventories: what is found, how it is kept up to date."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sphobjinv

from studiolo.canvas.errors import Invalid, NotFound, Unavailable
from studiolo.tools.documentation import Documentation
from studiolo.tools.documentation.words import names_in, split, terms

LOOM = {
    "loom/__init__.py": '''
        """Weaves cloth."""
        from loom._threads import Warp, spin_yarn
        from loom.patterns import HerringBone
        __all__ = ["Warp", "spin_yarn", "HerringBone"]
        raise SystemExit("this must never be run")
    ''',
    "loom/_threads.py": '''
        class Base:
            def tension(self, newton: float = 2.5) -> float:
                """Set how tightly the thread is held.

                Parameters
                ----------
                newton
                    The force.

                See Also
                --------
                spin_yarn : Twist fibres into something that can be woven.
                """

        class Warp(Base):
            """The threads that run lengthwise."""

            def cutAll(self, *, blade="steel"):
                """Separate every thread with a knife."""

        def spin_yarn(fibre: str, /, twist: int = 3, *more: str, **options: int) -> list[str]:
            """Make yarn.

            The wheel turns until nothing is left.
            """

        def _hidden():
            """Nobody may see this."""
    ''',
    "loom/patterns.py": '''
        class HerringBone:
            """A zigzag weave."""
            width: int = 4
            """How many threads one zigzag takes."""
    ''',
    "loom/tests/test_loom.py": '''
        def test_nothing():
            """Tests are no documentation."""
    ''',
}


def install(site: Path, files: dict[str, str], version: str = "1.0") -> None:
    """A distribution as pip leaves it."""
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    for old in site.glob("loom-*.dist-info"):
        for one in old.iterdir():
            one.unlink()
        old.rmdir()
    about = site / f"loom-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: loom\nVersion: {version}\n")
    (about / "RECORD").write_text("".join(f"{name},,\n" for name in files))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    install(path, LOOM)
    return path


@pytest.fixture
async def docs(tmp_path: Path, site: Path) -> AsyncIterator[Documentation]:
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "guide.md").write_text(
        "# Weaving\n\nIntro.\n\n## Oiling the treadle\n\nUse linseed.\n\n```\n# no heading\n```\n"
    )
    (folder / "old.rst").write_text("Dyes\n====\n\nMadder\n------\n\nIt makes a deep red.\n")
    (folder / "page.html").write_text("<h1>Selvedge</h1><p>The edge that does not fray.</p><script>bad()</script>")
    (folder / "helper.py").write_text('def shuttle(speed: int) -> None:\n    """Throw the weft across."""\n')
    made = Documentation(
        tmp_path / "cache" / "docs.db", environments=[tmp_path / "env"], folders=[folder], standard=False
    )
    yield made
    await made.close()


async def test_a_package_is_read_by_its_public_names_and_never_run(docs: Documentation) -> None:
    state = await docs.index()
    assert {(one.package, one.version, one.problem) for one in state.sources} == {
        ("loom", "1.0", ""),
        ("handbook", "", ""),
    }
    spin = await docs.entry("loom.spin_yarn")
    assert spin.signature == "spin_yarn(fibre: str, twist: int = 3, *more: str, **options: int) -> list[str]"
    assert (spin.kind, spin.package, spin.version, spin.source) == ("function", "loom", "1.0", "loom/_threads.py:21")
    assert spin.text.startswith("Make yarn.") and spin.summary == "Make yarn."
    assert (await docs.entry("Warp.cutAll")).name == "loom.Warp.cutAll"
    inherited = await docs.entry("loom.Warp.tension")
    assert inherited.text.startswith("Set how tightly")
    assert (await docs.entry("loom.HerringBone.width")).signature == "width: int = 4"
    for unseen in ("loom._threads._hidden", "test_nothing"):
        with pytest.raises(NotFound):
            await docs.entry(unseen)


async def test_questions_find_what_answers_them(docs: Documentation) -> None:
    await docs.index()
    for question, name in (
        ("spin_yarn", "loom.spin_yarn"),
        ("loom.Warp", "loom.Warp"),
        ("cutall", "loom.Warp.cutAll"),
        ("cut all", "loom.Warp.cutAll"),
        ("how do I call spin_yarn() with a twist?", "loom.spin_yarn"),
        ("what holds a thread tightly", "loom.Warp.tension"),
        ("separating threads with knives", "loom.Warp.cutAll"),
        ("herring bone zigzags", "loom.HerringBone"),
        ("twisting fibres", "loom.spin_yarn"),
        ("oil for the treadle", "guide > Weaving > Oiling the treadle"),
        ("deep red", "old > Dyes > Madder"),
        ("which edge does not fray", "page > Selvedge"),
        ("throw the weft", "helper.shuttle"),
    ):
        found = await docs.search(question)
        assert found and found[0].name == name, (question, [one.name for one in found])
    assert {one.package for one in await docs.search("weaving thread edge", package="handbook")} == {"handbook"}
    assert all("bad()" not in one.text for one in await docs.search("selvedge edge"))
    with pytest.raises(Invalid):
        await docs.search("  ")
    assert await docs.search('"* OR ( NEAR') is not None
    with pytest.raises(NotFound) as wrong:
        await docs.entry("loom.spin_yarm")
    assert wrong.value.hint == "Did you mean loom.spin_yarn?"


async def test_what_has_not_changed_is_not_read_again(docs: Documentation, site: Path) -> None:
    told: list[str] = []
    await docs.index(tell=told.append)
    assert any("loom" in one for one in told)
    told.clear()
    await docs.index(tell=told.append)
    assert told == []
    install(site, {**LOOM, "loom/dye.py": 'def soak_cloth():\n    """Lay it into the vat."""\n'}, version="1.1")
    await docs.index(tell=told.append)
    assert told == ["1 of 1: loom"]
    assert (await docs.entry("loom.dye.soak_cloth")).version == "1.1"
    assert (await docs.search("spin_yarn"))[0].version == "1.1"
    assert len([one for one in await docs.search("yarn", limit=20) if one.name == "loom.spin_yarn"]) == 1
    shutil.rmtree(site)
    state = await docs.index()
    assert [one.package for one in state.sources] == ["handbook"]
    assert await docs.search("spin_yarn fibre") == []


async def test_a_damaged_index_is_made_anew(docs: Documentation) -> None:
    await docs.index()
    await docs.close()
    docs.path.write_bytes(b"no database at all" * 1_000)
    assert (await docs.state()).sources == []
    await docs.index()
    assert (await docs.search("spin_yarn"))[0].name == "loom.spin_yarn"
    with sqlite3.connect(docs.path) as database:
        database.execute("pragma user_version = 1")
    database.close()
    await docs.index()
    assert (await docs.search("spin_yarn"))[0].name == "loom.spin_yarn"


async def test_the_first_question_starts_the_reading(docs: Documentation) -> None:
    try:
        found = await docs.search("spin_yarn")
    except Unavailable as not_yet:
        assert "being read" in not_yet.message
        found = []
    while not found:
        assert (await docs.state()).building or (await docs.state()).sources
        try:
            found = await docs.search("spin_yarn")
        except Unavailable:
            continue
    assert found[0].name == "loom.spin_yarn"


async def test_a_package_that_cannot_be_read_takes_no_other_along(docs: Documentation, site: Path) -> None:
    (site / "loom" / "broken.py").write_text("def (:\n")
    (site / "loom" / "binary.py").write_bytes(b"\xff\x00\x80")
    state = await docs.index()
    assert {one.package for one in state.sources} == {"loom", "handbook"}
    assert (await docs.search("deep red"))[0].package == "handbook"


def inventory() -> bytes:
    library: Any = sphobjinv  # its classes get their signatures when they are imported
    made = library.Inventory()
    made.project, made.version = "Tapestry", "2.0"
    for name, role, uri in (("tapestry.hang", "function", "api.html#$"), ("tapestry.Wall", "class", "api.html#$")):
        made.objects.append(library.DataObjStr(name=name, domain="py", role=role, priority="1", uri=uri, dispname="-"))
    made.objects.append(
        library.DataObjStr(
            name="care", domain="std", role="label", priority="-1", uri="care.html", dispname="Keeping moths away"
        )
    )
    return library.compress(made.data_file())


async def test_inventories_give_names_and_addresses(tmp_path: Path) -> None:
    asked: list[str] = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return inventory()

    docs = Documentation(
        tmp_path / "docs.db",
        environments=[],
        standard=False,
        inventories=["https://tapestry.example/en/stable/"],
        fetch=fetch,
    )
    await docs.index()
    assert asked == ["https://tapestry.example/en/stable/objects.inv"]
    hang = await docs.entry("tapestry.hang")
    assert (hang.kind, hang.package, hang.version) == ("function", "Tapestry", "2.0")
    assert hang.url == "https://tapestry.example/en/stable/api.html#tapestry.hang" == hang.source
    assert (await docs.search("moths"))[0].name == "care"
    await docs.close()


async def test_the_standard_library_has_what_is_written_in_c(tmp_path: Path) -> None:
    docs = Documentation(tmp_path / "docs.db", environments=[], folders=[])
    await docs.index(only=["python"])
    assert (await docs.entry("collections.defaultdict")).kind == "class"
    assert (await docs.entry("pathlib.Path.mkdir")).source.startswith("pathlib.py:")
    assert (await docs.entry("os.listdir")).text
    assert (await docs.entry("str.removeprefix")).text
    assert (await docs.search("csv.DictReader"))[0].name == "csv.DictReader"
    await docs.close()


def test_the_command_line(tmp_path: Path, site: Path) -> None:
    (tmp_path / "docs.toml").write_text(f"environments = [{json.dumps(str(tmp_path / 'env'))}]\n")

    def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "studiolo", "docs", *arguments],
            env={"STUDIOLO_HOME": str(tmp_path), "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    early = cli("search", "yarn")
    assert early.returncode == 1 and "studiolo docs index" in early.stderr
    made = cli("index", "--only", "loom")
    assert made.returncode == 0 and "entries of 1 sources" in made.stdout, made.stderr
    found = cli("search", "make yarn")
    assert found.stdout.startswith("loom.spin_yarn  (function, loom 1.0, loom/_threads.py:21)\n    spin_yarn(fibre")
    assert json.loads(cli("search", "make yarn", "--json").stdout)[0]["name"] == "loom.spin_yarn"
    assert "package    loom 1.0" in cli("list").stdout


def test_words() -> None:
    assert split("read_csv") == "read csv readcsv"
    assert split("HTTPServer").split() == ["httpserver", "http", "server"]
    assert names_in("use pd.read_csv or DataFrame, then merge()") == ["pd.read_csv", "DataFrame", "merge"]
    assert terms("How do I read a CSV file?") == ["read", "csv", "file"]
