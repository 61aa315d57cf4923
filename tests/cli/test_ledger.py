"""`studiolo ledger` as a person runs it, beside a studio that people use."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb

from tests.conftest import StartStudio


def test_a_ledger_is_taken_along_and_a_change_of_it_is_named(start_studio: StartStudio, tmp_path: Path) -> None:
    studio = start_studio()
    canvas, other = studio.canvas("Once.")["id"], studio.canvas("Twice.")["id"]
    with studio.client() as owner:
        for word in ("one", "two"):
            owner.post(f"/api/canvases/{canvas}/actions", json={"type": "say", "text": word}).raise_for_status()

    file = tmp_path / "it's a ledger.jsonl"
    done = studio.cli("ledger", "export", canvas, "-o", str(file))
    assert (done.returncode, done.stdout) == (0, f"{file}\n"), done.stderr
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["action"]["type"] for row in rows] == ["create", "say", "say"]
    head = rows[-1]["hash"]

    done = studio.cli("ledger", "export", canvas, "-o", str(file), "--format", "parquet")
    assert done.returncode == 1
    assert "--force" in done.stderr
    done = studio.cli("ledger", "export", canvas, "-o", str(file), "--format", "parquet", "--force")
    assert done.returncode == 0, done.stderr
    with duckdb.connect() as database:
        assert database.read_parquet(str(file)).project("hash").fetchall() == [(row["hash"],) for row in rows]
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == [file.name]

    done = studio.cli("ledger", "verify", canvas)
    assert (done.returncode, done.stdout) == (0, f"{canvas}  3 rows  {head}\n")
    done = studio.cli("ledger", "verify", "--all", "--head", head)
    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} == {canvas, other}
    done = studio.cli("ledger", "verify", canvas, "--head", "0" * 64)
    assert done.returncode == 1
    assert "No row has the hash" in done.stderr
    assert studio.cli("ledger", "verify", "nowhere").returncode == 1
    assert studio.cli("ledger", "export", "nowhere", "-o", str(tmp_path / "x")).returncode == 1

    with closing(sqlite3.connect(studio.home / "studiolo.db")) as database:
        database.execute("UPDATE ledger SET participant = 'bob' WHERE canvas = ? AND seq = 2", (canvas,))
        database.commit()
    done = studio.cli("ledger", "verify", "--all")
    assert done.returncode == 1
    assert f"{canvas}  row 2 does not follow from row 1" in done.stdout
    assert f"{other}  1 rows" in done.stdout
    done = studio.cli("check")
    assert done.returncode == 1
    assert "row 2 of its ledger does not follow" in done.stdout
