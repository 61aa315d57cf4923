# ruff: noqa: E501, PTH101, PTH102, PTH109, PTH211 - programs have long lines, and folders too deep for a path
"""What a program gives back, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from studiolo.canvas.errors import Invalid, TooLarge, Unavailable
from studiolo.tools.sandbox import Limits, Sandbox, child
from studiolo.tools.sandbox.folder import MINE, Folders, remove

REPOSITORY = Path(__file__).parents[3]


async def test_the_value_of_the_last_line_is_shown(sandbox: Sandbox) -> None:
    ran = await sandbox.run("print('printed')\nx = 6\nx * 7")
    assert ran.ok and ran.text == "printed\n42\n" and ran.error == ""
    assert (await sandbox.run("x = 1")).text == ""
    assert (await sandbox.run("None")).text == ""


async def test_frames_and_relations_become_tables(sandbox: Sandbox) -> None:
    pytest.importorskip("pandas")
    ran = await sandbox.run(
        textwrap.dedent("""\
            import datetime, decimal
            import duckdb, pandas as pd
            frame = pd.DataFrame({
                "town": ["Nantucket", "New Bedford", None], "ships": [3, 5, 8], "share": [0.5, float("nan"), float("inf")],
                "seen": pd.to_datetime(["1851-10-18", "1851-11-14", None]),
            })
            display(frame)
            display(frame.groupby("town")["ships"].sum())
            display([{"a": 1, "b": decimal.Decimal("1.50")}, {"a": 1 << 60, "c": b"xyz"}])
            display(pd.DataFrame({"n": range(100_000)}))
            duckdb.sql("select town, ships from frame where ships > 3 order by ships")
        """)
    )
    assert ran.ok, ran.error
    frame, groups, plain, long, relation = ran.tables
    assert frame.columns == ["town", "ships", "share", "seen"] and frame.total == 3
    assert frame.rows[0] == ["Nantucket", 3, 0.5, "1851-10-18T00:00:00"]
    assert frame.rows[2] == [None, 8, "inf", None]
    assert groups.columns == ["town", "ships"] and groups.rows == [["Nantucket", 3], ["New Bedford", 5]]
    assert plain.columns == ["a", "b", "c"] and plain.rows == [[1, "1.50", None], [str(1 << 60), None, "3 bytes"]]
    assert long.total == 100_000 and len(long.rows) == Limits().rows
    assert relation.rows == [["New Bedford", 5], [None, 8]] and relation.total == 2


async def test_figures_become_pictures(sandbox: Sandbox) -> None:
    pytest.importorskip("matplotlib")
    ran = await sandbox.run(
        textwrap.dedent("""\
            import matplotlib.pyplot as plt
            plt.plot([1, 2, 3])
            plt.show()
            fig, ax = plt.subplots(figsize=(3, 2), dpi=100)
            ax.bar(["a", "ä", "鯨"][:2], [1, 2])
            ax
        """)
    )
    assert ran.ok, ran.error
    assert [(one.width, one.height) for one in ran.images] == [(640, 480), (300, 200)]
    assert all(one.data.startswith(b"\x89PNG") for one in ran.images)
    assert ran.text == "", "no warning, and no name of an object"


async def test_libraries_that_agents_use_work(sandbox: Sandbox) -> None:
    ran = await sandbox.run(
        textwrap.dedent("""\
            import asyncio, concurrent.futures, csv, json, shutil, sqlite3, tempfile, threading, zipfile, zoneinfo
            from dataclasses import dataclass

            @dataclass
            class Point:
                x: int

            async def later():
                return await asyncio.to_thread(lambda: Point(3).x)

            assert asyncio.run(later()) == 3
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                assert sum(pool.map(abs, range(-50, 0))) == 1275
            base = sqlite3.connect("kept.db")
            base.execute("create table t (a)")
            base.execute("insert into t values (1)")
            base.commit()
            with tempfile.TemporaryFile() as file:
                file.write(b"x")
            with zipfile.ZipFile("z.zip", "w") as archive:
                archive.writestr("a.txt", "a" * 1000, zipfile.ZIP_DEFLATED)
            shutil.copy("z.zip", "y.zip")
            shutil.copy2("z.zip", "x.zip")
            print(zoneinfo.ZoneInfo("Europe/Rome"), zipfile.ZipFile("y.zip").namelist())
        """)
    )
    assert ran.ok, ran.error
    assert ran.text == "Europe/Rome ['a.txt']\n"
    assert set(ran.files) == {"kept.db", "x.zip", "y.zip", "z.zip"}


async def test_errors_point_at_the_programs_lines(sandbox: Sandbox) -> None:
    ran = await sandbox.run("import json\n\ndef read(text):\n    return json.loads(text)\n\nread('{')")
    assert not ran.ok and ran.killed == ""
    first, second, last = ran.error.splitlines()
    assert first == "Line 6: read('{')"
    assert second == "Line 4, in read: return json.loads(text)"
    assert last.startswith("JSONDecodeError: Expecting property name")
    ran = await sandbox.run("x = 1\ny = (2")
    assert ran.error.startswith("Line 2: y = (2\n") and "was never closed" in ran.error
    assert (await sandbox.run("import sys\nsys.exit()")).ok
    assert "no more" in (await sandbox.run("import sys\nsys.exit('no more')")).error


async def test_files_go_in_and_come_back(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(b"l" * 3_000_000)
    code = textwrap.dedent("""\
        import os
        os.makedirs("out/deep", exist_ok=True)
        open("out/deep/new.txt", "w").write(open("data/in.txt").read().upper())
        open("changed.txt", "a").write(" more")
        os.symlink("/etc/passwd", "link.txt")
        open(".hidden", "w").write("x")
        os.path.getsize("large.bin")
    """)
    given = {"data/in.txt": b"whale", "changed.txt": b"some", "same.txt": b"same", "large.bin": tmp_path / "large.bin"}
    ran = await sandbox.run(code, given)
    assert ran.ok, ran.error
    assert ran.text == "3000000\n"
    assert ran.files == {"out/deep/new.txt": b"WHALE", "changed.txt": b"some more"}
    assert any("link.txt" in one for one in ran.left_out), ran.left_out
    # What one run has written is there in the next when it is given to it.
    again = await sandbox.run("print(open('out/deep/new.txt').read())", ran.files)
    assert again.text == "WHALE\n" and again.files == {}


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", "a\0b", "a\nb", "x" * 600, "a\\b"])
async def test_a_file_has_a_plain_name(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(Invalid):
        await sandbox.run("1", {name: b""})


async def test_what_cannot_be_meant_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(TooLarge):
        await sandbox.run("#" * 300_000)
    with pytest.raises(Invalid):
        await sandbox.run("1", seconds=100_000)
    with pytest.raises(Invalid):
        await sandbox.run("1", memory=1)
    with pytest.raises(Invalid):
        await sandbox.run("'\0'")


async def test_too_many_and_too_large_files_are_left_out_with_a_word(sandbox: Sandbox) -> None:
    limits = Limits(kept_files=3, kept_bytes=5_000_000)
    ran = await sandbox.run("for n in range(6): open(f'f{n}', 'wb').write(b'x' * n * 1_000_000)", limits=limits)
    assert ran.ok
    assert set(ran.files) == {"f0", "f1", "f2"} and len(ran.left_out) == 3


async def test_nothing_that_is_sent_is_believed(sandbox: Sandbox) -> None:
    forged = textwrap.dedent("""\
        import os
        def send(data): os.write(RESULTS, data + b"\\n")
        for RESULTS in range(3, 64):
            try: os.write(RESULTS, b"")
            except OSError: continue
            for message in (
                b'{"ready": {"landlock": 99, "seccomp": true}}', b"no JSON", b"[" * 100_000, b'"text"', b"null", b"\\xff\\xfe",
                b'{"table": 1}', b'{"table": {"columns": [], "rows": [[1]], "total": 1}}',
                b'{"table": {"columns": [{"name": 1, "type": "x"}], "rows": [], "total": 0}}',
                b'{"table": {"columns": [{"name": "a", "type": "x"}], "rows": [[{"__class__": "x"}]], "total": -1}}',
                b'{"table": {"columns": [{"name": "a\\\\u0000\\\\u001b", "type": "x"}], "rows": [[{"b": [1]}], ["\\\\ud800"]], "total": 2}}',
                b'{"image": "!!!"}', b'{"image": "aGVsbG8="}', b'{"image": 5}', b'{"done": true, "error": 7}', b'{"done": "yes"}',
                b"1" * 10_000,
            ):
                try: send(message)
                except OSError: pass
    """)
    ran = await sandbox.run(forged)
    assert "99" not in ran.level and ran.level == await sandbox.level()
    assert ran.images == []
    (table,) = ran.tables
    assert table.columns == ["a��"] and table.rows == [["{'b': [1]}"], ["?"]]
    assert len(ran.left_out) >= 8


async def test_a_program_whose_caller_goes_away_is_killed(sandbox: Sandbox) -> None:
    running = asyncio.create_task(sandbox.run("import time\ntime.sleep(500)", seconds=500))
    while not _children():  # noqa: ASYNC110 - another process is no event
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not _children()
    assert sandbox._folders and [one.name for one in sandbox._folders.mine.iterdir()] == ["lock"]


def _children() -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "inside.start" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


async def test_several_run_at_once_and_more_wait(sandbox: Sandbox) -> None:
    ran = await asyncio.gather(*(sandbox.run(f"{n} * {n}") for n in range(6)))
    assert [one.text for one in ran] == [f"{n * n}\n" for n in range(6)]


def test_what_a_killed_studio_leaves_is_swept_at_the_next_start(tmp_path: Path) -> None:
    studio = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import asyncio, pathlib, sys\nfrom studiolo.tools.sandbox import Sandbox\n"
            "asyncio.run(Sandbox(pathlib.Path(sys.argv[1])).run("
            "\"open('started', 'w').close()\\nimport time\\ntime.sleep(500)\", {'data.csv': b'a'}, seconds=500))",
            str(tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
    )
    _until(lambda: bool(list(tmp_path.glob(f"{MINE}*/*/started"))))
    (mine,) = tmp_path.glob(f"{MINE}*")
    programs = [one.pid for one in psutil.Process(studio.pid).children(recursive=True)]
    assert programs
    with_one_alive = Folders(tmp_path)
    assert list(mine.glob("*/data.csv")), "a studio that is alive keeps its folders"
    with_one_alive.close()
    studio.send_signal(signal.SIGKILL)
    studio.wait()
    _until(lambda: not any(psutil.pid_exists(pid) for pid in programs))
    after = Folders(tmp_path)
    assert list(tmp_path.iterdir()) == [after.mine]
    after.close()
    assert list(tmp_path.iterdir()) == []


def _until(happened: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_folder_is_removed_however_it_looks(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    work = tmp_path / "work"
    work.mkdir()
    os.symlink(outside, work / "link")
    os.symlink("nowhere", work / "broken")
    os.mkfifo(work / "pipe")
    here = os.getcwd()
    os.chdir(work)
    try:
        for _ in range(3_000):
            os.mkdir("d")
            os.chdir("d")
        os.mkdir("closed", 0)
    finally:
        os.chdir(here)
    remove(work)
    assert not work.exists() and (outside / "kept").read_text() == "kept"


async def test_where_nothing_holds_programs_in_they_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "BEGIN", child.BEGIN.replace("main()", "") + "from inside import landlock as l, start\n")
    monkeypatch.setattr(child, "BEGIN", child.BEGIN + "l.version = lambda: 0\nstart.main()")
    made = Sandbox(tmp_path / "work", namespaces=False)
    try:
        with pytest.raises(Unavailable, match="no Landlock") as refused:
            await made.run("print('ran')")
        assert "bubblewrap" in refused.value.hint
        with pytest.raises(Unavailable, match="no Landlock"):
            await made.level()
    finally:
        made.close()
    assert list((tmp_path / "work").iterdir()) == []


async def test_another_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    made = Sandbox(tmp_path)
    with pytest.raises(Unavailable, match="darwin"):
        await made.run("1")
    made.close()


async def test_a_studio_whose_data_programs_could_read_is_refused(tmp_path: Path) -> None:
    made = Sandbox(tmp_path, home=Path(child.readable()[0]) / "studiolo")
    with pytest.raises(Unavailable, match="programs may read"):
        await made.run("1")
    made.close()


def test_it_holds_for_an_ordinary_user_too(tmp_path: Path) -> None:
    """CI runs as root; most studios do not."""
    if os.getuid():
        pytest.skip("this is an ordinary user: the other tests show it")
    setpriv, python = shutil.which("setpriv"), "/usr/bin/python3"
    if setpriv is None or not os.access(python, os.X_OK):
        pytest.skip("setpriv or a Python of the system is missing")
    user = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", python]
    paths = f"{REPOSITORY / 'src'}:{REPOSITORY}:{child.sysconfig.get_path('purelib')}"
    environ = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
    can = subprocess.run(
        [*user, "-c", "import studiolo.tools.sandbox"], env=environ, capture_output=True, check=False, timeout=60
    )
    if can.returncode:
        pytest.skip("another user cannot read this checkout, or the system's Python is of another version")
    os.chmod(tmp_path, 0o777)
    for above in tmp_path.parents:
        if above.stat().st_uid == 0 and "pytest" in above.name:
            above.chmod(0o755)
    done = subprocess.run(
        [*user, str(Path(__file__).parent / "as_another_user.py"), str(tmp_path / "work")],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "held in" in done.stdout
