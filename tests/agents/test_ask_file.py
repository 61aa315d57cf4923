"""`studiolo ask FILE`: suggestions for a local file, and only what was taken is written."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from studiolo.agents.ask_file import AskFailed, TextFile, asked
from studiolo.canvas.errors import Conflict, Invalid, NotFound

TEXT = "# Ein Kapitel\n\nIt was very dark — really. The storm was getting very loud now.\n\nMorning came.\n"
SHORT = "# Ein Kapitel\n\nIt was dark — really. The storm was getting loud now.\n\nMorning came."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(path: Path, model: Any, answers: str | None = None, **given: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error. `answers` is what a person types, in a terminal."""
    args = argparse.Namespace(
        file=path, instruction=given.pop("instruction", "shorten"), agent=None, model=None, skill=None,
        accept=False, json=False,
    )  # fmt: skip
    vars(args).update(given)
    read, write = (io.StringIO(), io.StringIO()) if answers is None else (Terminal(answers), Terminal())
    note = io.StringIO()

    async def close() -> None: ...

    code = asyncio.run(asked(args, model, close, read, write, note))
    return code, write.getvalue(), note.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chapter.md"
    path.write_text(TEXT)
    return path


@pytest.fixture
def short(scripted: Any) -> Any:
    return scripted([{"text": SHORT, "reason": "Two intensifiers less."}])


def test_it_prints_a_word_diff_and_leaves_the_file_alone(file, short):
    code, out, err = run(file, short)
    assert code == 0 and file.read_text() == TEXT
    assert "Two intensifiers less." in out
    assert "line 3: It was [-very -]dark — really." in out
    assert "Nothing was written" in err


def test_accept_takes_everything(file, short):
    _, _, err = run(file, short, accept=True)
    assert file.read_text() == SHORT + "\n"
    assert "2 changes written" in err


@pytest.mark.parametrize(
    ("answers", "very"), [("y\nn\n", 1), ("n\nn\n", 2), ("a\n", 0), ("q\n", 2), ("maybe\ny\nq\n", 1), ("", 2)]
)
def test_a_person_takes_what_they_like(file, short, answers, very):
    _, out, _ = run(file, short, answers)
    assert file.read_text().count("very") == very
    assert "\x1b[" in out and "Take it?" in out


def test_json_says_everything(file, short):
    code, out, _ = run(file, short, json=True)
    made = json.loads(out)
    assert code == 0 and made["written"] is False and made["run"]["skill"] == "rewrite"
    assert [hunk["quote"] for hunk in made["suggestions"][0]["hunks"]] == ["very ", " very"]
    assert file.read_text() == TEXT
    _, out, _ = run(file, short, json=True, accept=True)
    assert json.loads(out)["written"] is True
    assert json.loads(out)["suggestions"][0]["status"] == "accepted" and file.read_text() == SHORT + "\n"


def test_what_a_terminal_would_obey_is_shown_and_not_sent(file, scripted):
    file.write_text(TEXT.replace("Kapitel", "Kapitel\x1b]0;owned\x07"))
    model = scripted([{"text": SHORT.replace("dark", "dark\x1b[2J\x9b2J"), "reason": "Less\x1b[8m."}])
    _, out, err = run(file, model)
    assert "\x1b" not in out + err and "\x9b" not in out + err
    assert "\\x1b" in out
    _, out, _ = run(file, model, "n\nn\nn\nn\n")
    assert "\x1b[2J" not in out and "\x1b[8m" not in out and "\x1b]" not in out
    _, out, _ = run(file, model, json=True)
    assert "\x9b" not in out and json.loads(out)["written"] is False


def test_line_ends_mark_and_permissions_stay(file, short):
    raw = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    file.write_bytes(raw)
    file.chmod(0o640)
    run(file, short, accept=True)
    assert file.read_bytes() == b"\xef\xbb\xbf" + (SHORT + "\n").replace("\n", "\r\n").encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_untouched_lines_keep_mixed_line_ends(tmp_path):
    path = tmp_path / "mixed.txt"
    path.write_bytes(b"one\r\ntwo\nthree\rfour")
    read = TextFile.read(path)
    assert read.text == "one\ntwo\nthree\nfour"
    read.write("one\ntwo\nTHREE\nfour\nfive")
    assert path.read_bytes() == b"one\r\ntwo\nTHREE\rfour\r\nfive"


def test_a_link_stays_a_link(file, short, tmp_path):
    link = tmp_path / "link.md"
    link.symlink_to(file)
    run(link, short, accept=True)
    assert link.is_symlink() and file.read_text() == SHORT + "\n"


def test_a_file_changed_meanwhile_is_not_written_over(file):
    read = TextFile.read(file)
    file.write_text("Somebody else was here.\n")
    with pytest.raises(Conflict):
        read.write("mine")
    assert file.read_text() == "Somebody else was here.\n"


def test_nothing_is_left_behind_when_writing_fails(file, monkeypatch):
    read = TextFile.read(file)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Invalid, match="No space left"):
        read.write("new")
    assert file.read_text() == TEXT and [path.name for path in file.parent.iterdir()] == ["chapter.md"]


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [(None, NotFound, "no file"), (b"\x89PNG\x00\x01", Invalid, "PNG|UTF-8|binary"), (b"caf\xe9", Invalid, "offset 3")],
)
def test_what_is_no_text_is_refused_in_a_sentence(tmp_path, short, data, error, says):
    path = tmp_path / "file.md"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(error, match=f"(?i){says}") as refused:
        run(path, short)
    assert refused.value.hint
    assert data is None or path.read_bytes() == data


def test_a_folder_is_refused(tmp_path, short):
    with pytest.raises(Invalid, match="is a folder"):
        run(tmp_path, short)


def test_an_answer_is_printed_with_its_quotes(file, scripted):
    model = scripted(["Late: “Morning came” and “the sun rose high”."])
    _, out, err = run(file, model, instruction="When does it end?")
    assert out.startswith("Late: “Morning came”") and "(not in the file)" in out
    assert "Nothing was written" not in err


def test_comments_are_printed_where_they_belong(file, scripted):
    model = scripted([{"notes": [{"quote": "Morning came.", "comment": "Too quick.", "fix": None}]}])
    _, out, _ = run(file, model, instruction="give me feedback")
    assert "line 5: “Morning came.”" in out and "Too quick." in out


def test_a_continuation_goes_before_the_last_line_break(file, scripted):
    run(file, scripted(["Nobody in the house had slept at all."]), instruction="continue", accept=True)
    assert file.read_text() == TEXT.rstrip() + " Nobody in the house had slept at all.\n"


def test_a_failed_run_says_why(file, scripted):
    with pytest.raises(AskFailed, match="unchanged") as failed:
        run(file, scripted([{"text": TEXT.strip(), "reason": "x"}]), instruction="make it sadder")
    assert failed.value.as_dict()["code"] == "model_result" and "larger model" in failed.value.hint
