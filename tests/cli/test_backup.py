"""`studiolo backup` and `studiolo restore` as a person runs them, beside a studio that people use."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.conftest import ServedStudio, StartStudio
from tests.web.test_sync import refused
from tests.web.yclient import YClient


def page_text(studio: ServedStudio, canvas: dict[str, Any]) -> str:
    with studio.client() as owner:
        return owner.get(f"/api/canvases/{canvas['id']}/pages/{canvas['pages'][0]['id']}/text").text


async def test_a_studio_goes_back_to_its_backup(start_studio: StartStudio, tmp_path: Path) -> None:
    """Browsers that still hold the newer text are sent for the restored one, and do not bring it back."""
    studio, file = start_studio(), tmp_path / "studio.backup"
    canvas = studio.canvas("Once.")
    page = canvas["pages"][0]["id"]
    with studio.client() as owner:
        epoch = owner.get(f"/api/canvases/{canvas['id']}").json()["epoch"]
    async with YClient(studio.sync_url(canvas["id"], ack="1")) as writer:
        await writer.ready()
        writer.insert(page, 0, "Before. ")
        await writer.until(lambda: page_text(studio, canvas).startswith("Before."))
        done = await asyncio.to_thread(studio.cli, "backup", str(file))  # while it serves and somebody is connected
        assert (done.returncode, done.stdout) == (0, f"{file}\n"), done.stderr
        assert "Backed up 1 canvases and " in done.stderr
        writer.insert(page, 0, "After. ")
        await writer.until(lambda: page_text(studio, canvas).startswith("After."))

    done = await asyncio.to_thread(studio.cli, "restore", str(file), "--force")
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert studio.stop() == 0
    done = await asyncio.to_thread(studio.cli, "restore", str(file))
    assert done.returncode == 1
    assert "--force" in done.stderr
    done = await asyncio.to_thread(studio.cli, "restore", str(file), "--force")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == studio.home
    studio.start()
    assert page_text(studio, canvas) == "Before. Once."
    assert (await refused(studio.sync_url(canvas["id"], epoch=epoch)))[0] == 4409
    async with YClient(studio.sync_url(canvas["id"])) as again:
        await again.ready()
        assert again.text(page) == "Before. Once."


def test_the_models_come_along_where_there_are_none(start_studio: StartStudio, tmp_path: Path) -> None:
    studio, file = start_studio(), tmp_path / "studio.backup"
    models = studio.home / "models.toml"
    models.write_text('default = "mine"\n')
    assert studio.cli("backup", str(file)).returncode == 0
    studio.stop()
    for there, says in (
        ("", ""),
        ('default = "mine"\n', ""),
        ('default = "another"\n', "models.toml was left as it is"),
    ):
        models.unlink()
        if there:
            models.write_text(there)
        done = studio.cli("restore", str(file), "--force")
        assert done.returncode == 0, done.stderr
        assert models.read_text() == (there or 'default = "mine"\n')
        assert says in done.stderr
        assert bool(says) == ("models.toml" in done.stderr)


def test_a_studio_moves_from_a_file_to_a_server(start_studio: StartStudio, database_url: str, tmp_path: Path) -> None:
    small, file = start_studio(), tmp_path / "studio.backup"
    canvas = small.canvas("Once.")
    assert small.cli("backup", str(file)).returncode == 0
    small.stop()
    small.environ["STUDIOLO_DATABASE_URL"] = database_url
    done = small.cli("restore", str(file))
    assert done.returncode == 0, done.stderr
    small.start()
    assert page_text(small, canvas) == "Once."
    done = small.cli("restore", str(file), "--force")
    assert (done.returncode, "already running" in done.stderr) == (1, True)
