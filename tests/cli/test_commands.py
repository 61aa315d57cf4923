"""The `studiolo` command as a person runs it: what it prints, where, and its exit code."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ServedStudio, StartStudio

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose data folder nobody has used."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STUDIOLO_")}
    return clean | {"STUDIOLO_HOME": str(tmp_path / "home")}


@pytest.fixture
def run(tmp_path: Path, environ: dict[str, str]) -> Run:
    """Run `studiolo ...` in an empty folder."""
    (tmp_path / "work").mkdir()

    def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "studiolo", *arguments],
            env={**environ, **more},
            cwd=tmp_path / "work",
            capture_output=True,
            text=True,
            timeout=60,
        )

    return command


def failed(done: subprocess.CompletedProcess[str], code: int, *says: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for words in says:
        assert words in done.stderr


def test_version_and_help_do_not_touch_the_data(run: Run, tmp_path: Path) -> None:
    assert run("version").stdout.startswith("studiolo 0.")
    assert run("--version").stdout == run("version").stdout
    for name in ("serve", "ask", "import", "export", "models", "token", "backup", "restore", "check"):
        assert name in run("--help").stdout
    assert not (tmp_path / "home").exists()


def test_a_wrong_command_line_is_exit_code_2(run: Run) -> None:
    failed(run(), 2, "required")
    failed(run("dance"), 2, "invalid choice")
    failed(run("serve", "--port", "99999"), 2, "99999")
    failed(run("token", "create"), 2, "--role")
    failed(run("token", "create", "--role", "king"), 2, "king")
    failed(run("token", "create", "--role", "owner", "--days", "0"), 2, "days")


def test_a_wrong_environment_is_one_sentence(run: Run) -> None:
    failed(run("serve", STUDIOLO_PORT="eighty"), 1, "STUDIOLO_PORT")
    failed(run("serve", STUDIOLO_PORT="²"), 1, "STUDIOLO_PORT")
    failed(run("serve", STUDIOLO_REDIS_URL="redis://x"), 1, "STUDIOLO_REDIS_URL", "STUDIOLO_DATABASE_URL")
    failed(run("token", "list", STUDIOLO_HOME="/proc/nowhere"), 1, "/proc/nowhere")
    failed(run("serve", STUDIOLO_HOST="no.such.host.invalid", STUDIOLO_PORT="0"), 1, "STUDIOLO_HOST")


def test_tokens_are_made_before_the_first_start_listed_and_revoked(run: Run) -> None:
    made = run("token", "create", "--role", "owner")
    assert made.returncode == 0 and made.stderr == ""
    token = made.stdout.removesuffix("\n")
    assert token.startswith("st_") and "\n" not in token and " " not in token
    run("token", "create", "--role", "commenter", "--name", "Critic", "--agent", "--days", "30")
    listed = json.loads(run("token", "list", "--json").stdout)
    assert [(one["role"], one["name"], one["canvas"]) for one in listed] == [
        ("commenter", "Critic", "*"),
        ("owner", "Owner", "*"),
    ]
    assert token not in str(listed)
    table = run("token", "list").stdout
    assert table.count("\n") == 2 and "until revoked" in table and listed[0]["id"] in table

    assert run("token", "revoke", token).returncode == 0
    assert run("token", "revoke", listed[0]["id"]).returncode == 0
    assert run("token", "list").stdout == ""
    failed(run("token", "revoke", token), 1, "no such link or token")
    failed(run("token", "create", "--role", "owner", "--canvas", "nope"), 1, "no such canvas")


def test_making_a_token_is_quick(environ: dict[str, str]) -> None:
    code = (
        "import sys; from studiolo.cli import main; main(['token', 'create', '--role', 'viewer']);"
        "print([name for name in ('fastapi', 'pydantic_ai', 'uvicorn') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, timeout=60)
    assert done.stderr == "[]\n", "the server's libraries are not loaded"


def test_a_book_is_imported_and_exported_without_a_server(run: Run, tmp_path: Path) -> None:
    book = "".join(f"# Chapter {number}\n\nText {number} — ünïcode 🌍.\n\n" for number in range(1, 4))
    (tmp_path / "work" / "my-book.md").write_text(book, encoding="utf-8")
    made = run("import", "my-book.md")
    assert made.returncode == 0, made.stderr
    canvas = made.stdout.strip()
    assert made.stdout.count("\n") == 1 and "3 page(s)" in made.stderr

    assert run("export", canvas).stdout == "my-book\n"
    files = sorted((tmp_path / "work" / "my-book").iterdir())
    assert [file.name for file in files] == ["01-chapter-1.md", "02-chapter-2.md", "03-chapter-3.md"]
    assert "".join(file.read_text(encoding="utf-8") for file in files) == book
    failed(run("export", canvas), 1, "not an empty folder", "-o")

    assert run("export", canvas, "-o", "-").stdout.startswith("# Chapter 1\n\nText 1")
    assert run("export", canvas, "-o", "out.zip").stdout == "out.zip\n"
    assert run("export", canvas, "-o", "out.md").returncode == 0
    again = run("import", "out.zip", "--title", "Again").stdout.strip()
    assert run("export", again, "-o", "again").returncode == 0
    assert "".join(f.read_text(encoding="utf-8") for f in sorted((tmp_path / "work" / "again").iterdir())) == book
    failed(run("export", "no-such-canvas"), 1, "no such canvas")


def test_a_folder_is_imported_with_its_kinds(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "work" / "project"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "config.md").write_text("no")
    (folder / "src" / "main.py").write_text("print('ä')\n", encoding="utf-8")
    (folder / "README.md").write_text("# Read me\n")
    (folder / "logo.png").write_bytes(b"\x89PNG")
    made = run("import", "project")
    assert made.returncode == 0 and "Left out 1 file(s)" in made.stderr
    assert run("export", made.stdout.strip(), "-o", "out").returncode == 0
    assert sorted(f.name for f in (tmp_path / "work" / "out").iterdir()) == ["01-read-me.md", "02-main.py"]


def test_what_cannot_be_imported_is_said_with_its_byte(run: Run, tmp_path: Path) -> None:
    (tmp_path / "work" / "old.txt").write_bytes(b"caf\xe9")
    (tmp_path / "work" / "empty").mkdir()
    failed(run("import", "old.txt"), 1, "old.txt", "offset 3", "UTF-8")
    failed(run("import", "missing.md"), 1, "missing.md", "No such file")
    failed(run("import", "empty"), 1, "no text file")


def test_what_is_imported_while_the_server_runs_is_there_at_once(studio: ServedStudio, tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("# Note\n\nHello.\n")
    made = studio.cli("import", str(tmp_path / "note.md"), "--title", "From the shell")
    assert made.returncode == 0, made.stderr
    with studio.client() as owner:
        whole = owner.get(f"/api/canvases/{made.stdout.strip()}").json()
        assert whole["title"] == "From the shell" and whole["pages"][0]["text"] == "# Note\n\nHello.\n"
        page = whole["pages"][0]["id"]
        action = {"type": "edit", "page": page, "hunks": [{"find": "Hello.", "replace": "Goodbye."}]}
        assert owner.post(f"/api/canvases/{whole['id']}/actions", json=action).status_code == 200
    exported = studio.cli("export", whole["id"], "-o", "-")
    assert exported.stdout == "# Note\n\nGoodbye.\n", "export reads what is stored, also while the server runs"


def test_a_token_made_while_the_server_runs_works_at_once(studio: ServedStudio) -> None:
    token = studio.make_token("viewer")
    with studio.client(token) as viewer:
        assert viewer.get("/api/me").json()["role"] == "viewer"


def test_models_are_listed(run: Run) -> None:
    listed = json.loads(run("models", "--json").stdout)
    assert listed["default"] in [model["name"] for model in listed["models"]]
    assert listed["default"] in run("models").stdout
    unknown = run("models", "--test", "no-such-model")
    assert unknown.returncode == 1 and "no-such-model" in unknown.stdout


def test_ask_is_wired(run: Run, tmp_path: Path) -> None:
    failed(run("ask", "missing.md", "make it shorter"), 1, "missing.md")
    (tmp_path / "work" / "a.md").write_text("Some text.")
    failed(run("ask", "a.md", "make it shorter", "--model", "no-such-model"), 1, "no-such-model")
    assert (tmp_path / "work" / "a.md").read_text() == "Some text."


def test_what_a_terminal_would_obey_is_shown_and_not_sent(run: Run, tmp_path: Path) -> None:
    (tmp_path / "work" / "a.md").write_text("# T\x1b]0;owned\x07\u202e\n")
    made = run("import", "a.md")
    assert "\\x1b]0;owned\\x07\\u202e" in made.stderr and "\x1b" not in made.stderr
    assert "\x1b" in run("export", made.stdout.strip(), "-o", "-").stdout, "a file gets the text as it is"
    failed(run("import", "no\x1b[2Jfile.md"), 1, "no\\x1b[2Jfile.md")
    run("token", "create", "--role", "viewer", "--name", "Eve\x9b31m")
    for listing in (run("token", "list"), run("token", "list", "--json")):
        assert listing.returncode == 0 and "Eve" in listing.stdout and "\x9b" not in listing.stdout


def test_what_is_wrong_with_the_models_is_said(start_studio: StartStudio) -> None:
    studio = start_studio(OLLAMA_HOST="127.0.0.1:9")
    (studio.home / "models.toml").write_text('default = "big"\n[[models]\nname = "big"\n')
    told = studio.cli("models")
    assert told.returncode == 0 and "smollm2-135m" in told.stdout
    assert "models.toml, line 2" in told.stderr and "Check that it is running" in told.stderr


def test_a_backup_or_a_restoration_that_cannot_be_is_said_in_a_sentence(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "work" / "precious"
    file.write_text("a novel")
    failed(run("backup", "/nowhere/at/all"), 1, "No such file")
    failed(run("backup", "precious"), 1, "already there", "--force")
    failed(run("restore", "/nowhere/at/all"), 1, "No such file")
    failed(run("restore", "precious", "--force"), 1, "not a backup", "Nothing was changed")
    assert file.read_text() == "a novel"
    assert run("backup", "precious", "--force").returncode == 0
    assert run("restore", "precious").returncode == 0


def test_a_check_says_whether_everything_is_whole(run: Run, tmp_path: Path) -> None:
    (tmp_path / "work" / "page.md").write_text("Once.")
    canvas = run("import", "page.md").stdout.strip()
    done = run("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Everything is whole.\n")
    with closing(sqlite3.connect(tmp_path / "home" / "studiolo.db")) as other:
        other.execute("UPDATE updates SET seq = 9")
        other.commit()
    done = run("check")
    assert done.returncode == 1
    assert canvas in done.stdout
    assert "studiolo restore" in done.stderr
