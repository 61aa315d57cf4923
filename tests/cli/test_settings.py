"""The environment: wherever the data folder is, and whatever nonsense a variable holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from studiolo.canvas.errors import Invalid
from studiolo.settings import Settings
from studiolo.store import Store, dialect


@pytest.mark.parametrize("name", ["a b", "what?", "100%", "%41", "a#b", "é&=+:@", "file:x"])
def test_the_database_is_in_the_home_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    settings = Settings.from_env({"STUDIOLO_HOME": str(home)})

    async def used() -> None:
        store = await Store.open(settings.database)
        await store.create_canvas("c", "T", "ann", 1.0)
        await store.close()
        again = await Store.open(settings.database)
        assert (await again.canvas("c")).title == "T"
        await again.close()

    asyncio.run(used())
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (home / "studiolo.db").stat().st_size > 0


def test_an_address_that_is_given_is_used_as_it_is() -> None:
    settings = Settings.from_env({"STUDIOLO_DATABASE_URL": "postgresql://nobody@nowhere/x"})
    assert settings.database == "postgresql://nobody@nowhere/x"


@pytest.mark.parametrize("port", ["²", "٣", "65536", "-1", " 80", "8" * 5_000, "1e3"])
def test_a_port_that_is_none_is_said(port: str) -> None:
    with pytest.raises(Invalid, match="STUDIOLO_PORT") as refused:
        Settings.from_env({"STUDIOLO_PORT": port})
    assert len(refused.value.message) < 100


def test_a_driver_that_is_not_installed_is_said_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        @classmethod
        def import_dbapi(cls) -> None:
            raise ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg")

    monkeypatch.setattr(dialect.URL, "get_dialect", lambda _url: Missing)
    with pytest.raises(Invalid, match="asyncpg") as refused:
        asyncio.run(Store.open("postgresql://nobody@nowhere/x"))
    assert "studiolo[postgres]" in refused.value.hint
