"""The ledger over HTTP, and that nothing of a canvas is left when it has been deleted."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from scripts.document_ledger import PAGE
from studiolo.canvas.actions import LONGEST_PAGE
from studiolo.store.ledger import chained
from tests.conftest import ServedStudio, StartStudio
from tests.ledger.test_export import documented
from tests.servers import Redis
from tests.web.receiver import Receiver
from tests.web.test_webhooks import At, until


def test_the_whole_ledger_comes_as_a_file(studio: ServedStudio, tmp_path: Path) -> None:
    with studio.client() as owner:
        at = At(owner, studio.canvas("It was a dark night.", title="É"))
        done = at.suggest("dark", "naïve 👩‍👩‍👧 漢字", skill="rewrite")
        at.act(type="accept", suggestion=done)
        for n in range(450):
            at.act(type="say", text=f"{n}")
        path = f"{at.path}/ledger"
        lines = owner.get(path, params={"format": "jsonl"})
        assert lines.headers["content-type"].startswith("application/x-ndjson")
        assert f'filename="ledger-{at.id}.jsonl"' in lines.headers["content-disposition"]
        parquet = owner.get(path, params={"format": "parquet"})
        verdict = owner.get(f"{path}/verify").json()
        assert owner.get(path, params={"format": "csv"}).status_code == 422
        listed = owner.get(path, params={"limit": 2000}).json()["ledger"]
    rows = [json.loads(line) for line in lines.text.split("\n")[:-1]]
    assert [{"canvas": at.id, **row} for row in listed] == rows
    before = ""
    for row in rows:
        before = chained(before, *(row[name] for name in ("canvas", "seq", "at", "participant", "action", "outcome")))
        assert row["hash"] == before
    assert verdict == {
        "whole": True,
        "rows": 453,
        "seq": rows[-1]["seq"],
        "head": before,
        "broken": None,
        "seen": None,
    }
    (tmp_path / "ledger.parquet").write_bytes(parquet.content)
    with duckdb.connect() as database:
        found = database.read_parquet(str(tmp_path / "ledger.parquet"))
        assert found.project("hash").fetchall() == [(row["hash"],) for row in rows]
        [(suggestion, skill, changes)] = (
            found.filter("result = 'accepted'").project("suggestion, skill, changes").fetchall()
        )
    assert (suggestion, skill) == (done, None)
    assert [(change["was"], change["now"]) for change in changes] == [("dark", "naïve 👩‍👩‍👧 漢字")]
    assert not list(studio.home.glob(".ledger-*"))


def test_a_hash_that_was_noted_is_found_again(studio: ServedStudio) -> None:
    with studio.client() as owner:
        at = At(owner, studio.canvas("Text."))
        head = owner.get(f"{at.path}/ledger/verify").json()["head"]
        at.act(type="say", text="more")
        assert owner.get(f"{at.path}/ledger/verify", params={"head": head}).json()["seen"] == 1
        assert owner.get(f"{at.path}/ledger/verify", params={"head": "0" * 64}).json()["seen"] is None
        assert owner.get(f"{at.path}/ledger/verify", params={"head": "0" * 65}).status_code == 422


def test_who_may_see_the_canvas_may_take_its_ledger_and_nobody_else(studio: ServedStudio) -> None:
    canvas = studio.canvas("Text.")["id"]
    paths = ["ledger", "ledger?format=jsonl", "ledger?format=parquet", "ledger/verify", "record", "record/changes"]
    with studio.client(studio.make_token("viewer", canvas)) as viewer, studio.client("") as nobody:
        other = studio.canvas("Other.")["id"]
        for path in paths:
            assert viewer.get(f"/api/canvases/{canvas}/{path}").status_code == 200
            assert viewer.get(f"/api/canvases/{other}/{path}").status_code == 404
            assert nobody.get(f"/api/canvases/{canvas}/{path}").status_code == 401
        assert nobody.get("/api/record").status_code == 401


def test_a_change_of_the_database_is_seen(start_studio: StartStudio) -> None:
    studio = start_studio()
    with studio.client() as owner:
        at = At(owner, studio.canvas("It was a dark night."))
        at.act(type="reject", suggestion=at.suggest("dark", "bright"))
        with closing(sqlite3.connect(studio.home / "studiolo.db")) as database:
            database.execute("UPDATE ledger SET action = replace(action, 'reject', 'accept') WHERE seq = 3")
            database.commit()
        verdict = owner.get(f"{at.path}/ledger/verify").json()
    assert (verdict["whole"], verdict["broken"], verdict["rows"]) == (False, 3, 2)


def test_a_row_as_large_as_a_page_is_exported(studio: ServedStudio) -> None:
    with studio.client() as owner:
        at = At(owner, studio.canvas("Text."))
        at.act(type="add_page", title="Long", text="\x00 word " * (LONGEST_PAGE // 8))
        answer = owner.get(f"{at.path}/ledger", params={"format": "parquet"})
        assert answer.status_code == 200
        assert answer.content[:4] == answer.content[-4:] == b"PAR1"


def test_what_history_and_branches_do_is_in_the_ledger_as_its_page_says(studio: ServedStudio) -> None:
    with studio.client() as owner:
        at = At(owner, studio.canvas("It was a dark night.", "Another page."))
        first = owner.get(f"{at.path}/ledger").json()["ledger"][-1]["seq"]
        at.act(type="edit", page=at.page, hunks=[{"find": "dark", "replace": "bright"}])
        at.act(type="rename_page", page=at.page, title="Renamed")
        whose = {"participant": owner.get("/api/me").json()["participant"]["id"]}
        owner.post(f"{at.path}/history/take-back", json={**whose, "from": first + 1}).raise_for_status()
        at.act(type="edit", page=at.page, hunks=[{"find": "night", "replace": "day"}])
        owner.post(f"{at.path}/history/restore", json={"to": first}).raise_for_status()
        rows = owner.get(f"{at.path}/ledger").json()["ledger"]
        [restored] = [row["seq"] for row in rows if row["action"]["type"] == "restore"]
        owner.post(f"{at.path}/history/undo", json={"deed": restored}).raise_for_status()
        branch = owner.post(f"{at.path}/branches", json={"name": "What if"}).json()["id"]
        inside = At(owner, {"id": branch, "pages": [{"id": at.page}]})
        text = owner.get(f"{inside.path}/pages/{at.page}/text").text
        inside.act(type="edit", page=at.page, hunks=[{"find": text[:6], "replace": "Elsewhere: "}])
        owner.post(f"{at.path}/branches/{branch}/propose", json={}).raise_for_status()
        rows = owner.get(f"{at.path}/ledger").json()["ledger"] + owner.get(f"{inside.path}/ledger").json()["ledger"]
        assert {row["action"]["type"] for row in rows} >= {"restore", "take_back", "undo_deed", "branch", "propose"}
        for path in (at.path, inside.path):
            assert owner.get(f"{path}/ledger/verify").json()["whole"]
    known = documented()
    page = PAGE.read_text()
    for row in rows:
        kind, outcome = row["action"]["type"], row["outcome"]["outcome"]
        assert row["outcome"].keys() - {"outcome", "id"} <= known.get(outcome, {}).get(kind, set()), (outcome, kind)
        assert f"| `{kind}` |" in page


WORDS = [
    f"Xyl{name}onyx" for name in ("typed", "canvas", "proposed", "reason", "said", "asked", "page", "version", "hook")
]


def traces(folder: Path) -> dict[str, list[str]]:
    """Where in the files of a data folder the words stand, whatever kind of file it is, and in whatever part of it."""
    found: dict[str, list[str]] = {}
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            if words := [word for word in WORDS if word.encode() in data or word.encode("utf-16-le") in data]:
                found[str(file.relative_to(folder))] = words
    return found


def test_nothing_of_a_deleted_canvas_is_left_in_any_file(start_studio: StartStudio) -> None:
    """Its text, its ledger, what waited in the inbox, runs, kept answers, versions, webhooks and deliveries: not in
    the database, its free pages, its write-ahead log, or the studio's own log."""
    studio = start_studio(STUDIOLO_WEBHOOK_NETWORKS="127.0.0.0/8")
    receiver = Receiver()
    typed, title, proposed, reason, said, asked, page, version, hook = WORDS
    with studio.client() as owner:
        at = At(owner, studio.canvas(f"It was a {typed} night.", title=title))
        made = owner.post(
            f"{at.path}/webhooks", json={"url": f"{receiver.url}?{hook}", "events": ["suggestion", "decision"]}
        ).json()
        key = {"Idempotency-Key": "once"}
        body: dict[str, Any] = {"type": "suggest", "page": at.page, "hunks": [{"find": typed, "replace": proposed}]}
        answer = owner.post(f"{at.path}/actions", json={**body, "reason": reason}, headers=key)
        assert answer.status_code == 200
        at.act(type="say", text=said)
        at.act(type="add_page", title=page, text=page * 3000)
        at.act(type="accept", suggestion=answer.json()["id"])
        owner.post(f"{at.path}/history/versions", json={"name": version, "seq": 1}).raise_for_status()
        run = owner.post(f"{at.path}/ask", json={"agent": "co-author", "prompt": asked, "skill": "ask"}).json()["run"]
        until(
            lambda: owner.get(f"/api/runs/{run}").json()["state"], lambda state: state in ("done", "failed", "stopped")
        )
        until(lambda: at.deliveries(made), lambda sent: len(sent) == 2)
        owner.get(f"{at.path}/ledger", params={"format": "parquet"}).raise_for_status()
        owner.get(f"{at.path}/record").raise_for_status()
        other = studio.canvas("Another one stays.")["id"]
        before = traces(studio.home)
        assert {word for words in before.values() for word in words} == set(WORDS)
        assert owner.delete(at.path).status_code == 204
        assert owner.get(f"/api/canvases/{other}").status_code == 200
        until(lambda: traces(studio.home), lambda found: found == {})
        assert owner.get(f"/api/runs/{run}").status_code == 404
        assert receiver.got
    assert studio.stop() == 0
    assert traces(studio.home) == {}
    with closing(sqlite3.connect(studio.home / "studiolo.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = str(database.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608
            assert at.id not in rows, table
    receiver.close()
    assert not re.search("|".join(WORDS), studio.log())


def test_nothing_of_a_deleted_canvas_is_left_in_redis(
    database_url: str, redis: Redis, redis_url: str, start_studio: StartStudio
) -> None:
    studio = start_studio(STUDIOLO_DATABASE_URL=database_url, STUDIOLO_REDIS_URL=redis_url)
    with studio.client() as owner:
        at = At(owner, studio.canvas("It was a dark night."))
        run = owner.post(f"{at.path}/ask", json={"agent": "co-author", "prompt": "Go on.", "skill": "ask"}).json()[
            "run"
        ]
        until(
            lambda: owner.get(f"/api/runs/{run}").json()["state"], lambda state: state in ("done", "failed", "stopped")
        )
        until(lambda: redis.command("KEYS", f"*{run}*"), lambda keys: run.encode() in keys)
        assert owner.delete(at.path).status_code == 204
        assert run.encode() not in redis.command("KEYS", "*")
