"""Whoever takes the reading child over by a file has a closed room: no other file, no network, no other process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studiolo.canvas.errors import Invalid
from studiolo.tools.reading import read, reader
from studiolo.tools.sandbox.inside.landlock import version
from tests.tools.reading.test_hostile import zipped

pytestmark = pytest.mark.skipif(version() < 1, reason="this kernel has no Landlock")

TAKEN_OVER = """
import ctypes, json, os, socket, subprocess, sys
from studiolo.tools.reading import child

libc = ctypes.CDLL(None)

def tried(name, attempt):
    try:
        return [name, attempt() not in (-1, None)]
    except BaseException:
        return [name, False]

def attack(data, name, type):
    outside = data.decode("latin-1").split()[-1]
    found = [
        tried("reads a file", lambda: open(outside).read()),
        tried("lists a folder", lambda: os.listdir(os.path.dirname(outside))),
        tried("writes a file", lambda: open(outside, "w").write("x")),
        tried("makes a file", lambda: open(outside + ".new", "w").write("x")),
        tried("empties a file", lambda: os.truncate(outside, 0) or 0),
        tried("removes a file", lambda: os.unlink(outside) or 0),
        tried("follows a link", lambda: os.symlink(outside, "link") or open("link").read()),
        tried("reads the studio's environment", lambda: open(f"/proc/{os.getppid()}/environ").read()),
        tried("reads users", lambda: open("/etc/passwd").read()),
        tried("opens a socket", lambda: socket.socket()),
        tried("opens a datagram socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        tried("opens a unix socket", lambda: socket.socket(socket.AF_UNIX)),
        tried("starts a program", lambda: subprocess.run(["/bin/true"])),
        tried("starts Python", lambda: subprocess.run([sys.executable, "-c", ""])),
        tried("signals the studio", lambda: os.kill(os.getppid(), 0) or 0),
        tried("looks into the studio", lambda: libc.ptrace(16, os.getppid(), 0, 0)),
        tried("makes a namespace", lambda: libc.unshare(0x10000000)),
        tried("writes in its own folder", lambda: open("mine", "w").write("x")),
    ]
    os.chmod(outside, 0)
    if name.endswith(".pdf"):
        found.append(tried("starts a copy of itself", lambda: os.fork() or os._exit(0)))
    return {"error": {"code": "x", "message": json.dumps([name for name, worked in found if worked]), "hint": ""}}

child.answered = attack
child.main()
"""


def names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


@pytest.mark.parametrize("kind", ["pdf", "txt"])
async def test_a_child_that_was_taken_over_has_its_own_folder_and_nothing_else(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "secret"
    outside.write_text("the key")
    monkeypatch.setattr(reader, "_CHILD", TAKEN_OVER)
    data = (b"%PDF-1.4 " if kind == "pdf" else b"") + str(outside).encode()
    with pytest.raises(Invalid) as told:
        await read(data, f"a.{kind}")
    assert json.loads(told.value.message) == ["writes in its own folder"]
    assert outside.read_text() == "the key" and names(tmp_path) == ["secret"]


async def test_what_pandoc_reads_is_read_behind_the_same_door() -> None:
    """It is the one program that the child may start, and it is held by what holds the child."""
    document = b"{\\rtf1\\ansi The lamp went out.\\par}"
    assert "The lamp went out." in (await read(document, "a.rtf")).sections[0].text


async def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.tempfile, "tempdir", str(tmp_path))
    await read(zipped(("a.txt", b"hello")), "a.zip")
    monkeypatch.setattr(reader, "_CHILD", "import os; os._exit(3)")
    with pytest.raises(Exception, match="memory"):
        await read(b"hello", "a.txt")
    assert names(tmp_path) == []
