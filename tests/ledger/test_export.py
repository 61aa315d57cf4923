"""An export holds the whole ledger, as others read it; and `docs/ledger.md` says what is in it and how to check it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from scripts.document_ledger import BEGIN, END, PAGE, action_models, type_name, written
from studiolo.canvas import THE_STUDIO, Participant, cards
from studiolo.history import Histories
from studiolo.ledger.export import COLUMNS, jsonl, sweep, write_jsonl, write_parquet
from studiolo.rooms import Rooms
from studiolo.store import LogRow, Store
from tests.conftest import Clock

ANN = Participant("ann", "Ann", "person", "#1878b4", "owner")
CO = Participant("co", "Co", "agent", "#9048fc", "commenter")
ODD = 'naïve 👩‍👩‍👧 漢字 " \\ \x00 \u2028 end'


def entry(seq: int, action: dict[str, Any], outcome: dict[str, Any]) -> LogRow:
    return LogRow("c", seq, 1795414345.6687932 + seq, "ann", b"", {}, {"action": action, "outcome": outcome})


async def filled(store: Store, more: int = 0) -> None:
    suggest = {"type": "suggest", "page": "p", "hunks": [{"find": "a", "replace": ODD}], "skill": "rewrite"}
    changes = [{"suggestion": "s1", "hunk": 0, "was": "a", "now": ODD, "proposed": "b"}]
    rows = [
        entry(1, {"type": "create", "title": ODD, "pages": []}, {"outcome": "created", "id": None}),
        entry(2, suggest, {"outcome": "suggested", "id": "s1", "status": "open", "hunks": 1}),
        entry(4, {"type": "accept", "suggestion": "s1"}, {"outcome": "accepted", "decision": "d1", "changes": changes}),
        entry(5, {"type": "say", "text": "x" * 3_000_000}, {"outcome": "said", "id": "m"}),
        entry(6, suggest, {"outcome": "suggested", "id": "s2", "status": "open", "hunks": 1}),
        entry(
            7,
            {"type": "reject", "suggestion": "s2"},
            {
                "outcome": "rejected",
                "decision": "d2",
                "changes": [{"suggestion": "s2", "hunk": 0, "was": "a", "now": ODD}],
            },
        ),
    ]
    await store.create_canvas("c", "T", "ann", 1.0)
    typed = LogRow("c", 3, 1.0, "ann", b"typed")
    await store.append([*rows[:2], typed, *rows[2:]])
    for seq in range(8, 8 + more):
        await store.append([entry(seq, {"type": "say", "text": str(seq)}, {"outcome": "said", "id": f"m{seq}"})])


async def test_json_lines_are_the_rows(store: Store, tmp_path: Path) -> None:
    await filled(store, more=600)
    lines = b"".join([portion async for portion in jsonl(store, "c")]).decode().split("\n")[:-1]
    rows = [{"canvas": "c", **row.as_dict()} for row in await store.ledger("c", limit=1000)]
    assert [json.loads(line) for line in lines] == rows
    await write_jsonl(store, "c", tmp_path / "out")
    assert (tmp_path / "out").read_text().split("\n")[:-1] == lines


async def test_parquet_has_what_the_rows_have(store: Store, tmp_path: Path) -> None:
    await filled(store)
    path = tmp_path / "it's.parquet"
    await write_parquet(store, "c", path, tmp_path)
    with duckdb.connect() as database:
        found = database.read_parquet(str(path))
        types = {name: str(kind) for name, kind in zip(found.columns, found.types, strict=True)}
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    assert types == COLUMNS
    kept = await store.ledger("c")
    for row, one in zip(rows, kept, strict=True):
        assert (row["seq"], row["at"], row["participant"], row["hash"]) == (one.seq, one.at, "ann", one.hash)
        assert (json.loads(row["action"]), json.loads(row["outcome"])) == (one.action, one.outcome)
    made, taken = rows[1], rows[2]
    assert (made["type"], made["result"], made["suggestion"], made["skill"], made["page"], made["run"]) == (
        *("suggest", "suggested", "s1", "rewrite", "p", None),
    )
    assert (taken["suggestion"], taken["decision"], made["changes"]) == ("s1", "d1", None)
    assert taken["changes"] == [{"suggestion": "s1", "hunk": 0, "was": "a", "now": ODD, "proposed": "b"}]
    assert str(rows[0]["time"]) == "2026-11-23 06:12:26.668793"


async def test_an_empty_ledger_is_an_empty_file(store: Store, tmp_path: Path) -> None:
    await store.create_canvas("c", "T", "ann", 1.0)
    await write_parquet(store, "c", tmp_path / "out", tmp_path)
    with duckdb.connect() as database:
        assert database.read_parquet(str(tmp_path / "out")).fetchall() == []
    assert [portion async for portion in jsonl(store, "c")] == []


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".ledger-abc").mkdir()
    (tmp_path / ".ledger-abc" / "rows.jsonl").write_text("a novel")
    (tmp_path / "models.toml").write_text("mine")
    sweep(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["models.toml"]


# What the page says


def code(language: str) -> str:
    """The first block of that language in the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


async def test_the_program_in_the_page_follows_an_export(store: Store, tmp_path: Path) -> None:
    await filled(store)
    export, program = tmp_path / "out.jsonl", tmp_path / "follow.py"
    await write_jsonl(store, "c", export)
    program.write_text(code("python"))
    assert len(code("python").splitlines()) <= 25
    head = (await store.ledger("c"))[-1].hash

    def follow() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, program, export], capture_output=True, text=True, check=False)

    assert (follow().stdout, follow().returncode) == (f"{head}\n", 0)
    lines = [f"{line}\n" for line in export.read_text().split("\n")[:-1]]
    export.write_text("".join([lines[0], lines[2], lines[3]]))
    assert "row 4 does not follow" in follow().stderr
    export.write_text("".join(lines).replace('"s1"', '"s2"'))
    assert "row 2 does not follow" in follow().stderr


async def test_the_query_in_the_page_counts(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(store)
    await write_parquet(store, "c", tmp_path / "ledger.parquet", tmp_path)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        assert database.execute(code("sql")).fetchall() == [("rewrite", 2, 1)]


def test_the_page_says_what_the_program_does() -> None:
    page = PAGE.read_text()
    assert page == written(page), "Run: .venv/bin/python scripts/document_ledger.py"
    for column, kind in COLUMNS.items():
        assert f"| `{column}` | {'LIST of STRUCT' if kind.startswith('STRUCT') else kind}" in page


def documented() -> dict[str, dict[str, set[str]]]:
    """Of each outcome after each action: the fields that the page names."""
    table = PAGE.read_text().split("## Outcomes")[1].split("## The record")[0]
    found: dict[str, dict[str, set[str]]] = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            words = re.findall(r"`(\w+)`", cells[0])
            for word in words:
                for after in re.findall(r"\w+", cells[1]):
                    found.setdefault(word, {}).setdefault(after, set()).update(re.findall(r"`(\w+)`", cells[3]))
    return found


async def test_every_row_is_one_that_the_page_describes(store: Store, clock: Clock) -> None:
    """Every action that there is, done once: none is missing, and none has a field that the page does not name."""
    rooms, histories = Rooms(store, clock=clock), Histories(store)
    text = "One two three four five six seven eight nine ten eleven twelve."
    room = await rooms.create("Book", [{"title": "One", "text": text}], ANN)
    page = room.canvas.outline()[0]["id"]

    async def act(kind: str, by: Participant = ANN, **fields: Any) -> str:
        clock.now += 1
        return (await room.apply({"type": kind, **fields}, by)).id or ""

    async def suggest(find: str, by: Participant = CO, **more: Any) -> str:
        return await act("suggest", by, page=page, hunks=[{"find": find, "replace": find.upper()}], **more)

    await act("retitle", title="New")
    await act("listen", on=False)
    card = {"run": "r", "call": "c", "kind": "question", "question": "Which?"}
    asked = await room.perform(lambda: cards.put(room.canvas, card, "Which?", CO), CO)
    assert asked is not None and asked.id
    said = {"answer": "answered", "text": "This.", "by": ANN.id, "name": ANN.name}
    await room.perform(lambda: cards.answer(room.canvas, asked.id or "", said), THE_STUDIO)
    await act("edit", page=page, hunks=[{"find": "twelve", "replace": "zwölf"}])
    one, two, three, four = [await suggest(word) for word in ("One", "two", "three", "four")]
    await act("amend", suggestion=one, hunks=[{"hunk": 0, "replace": "1"}])
    await act("accept", suggestion=one)
    await act("undo", decision=room.canvas.suggestions[one].hunks[0].decision)
    await act("reject", suggestion=two)
    await act("withdraw", CO, suggestion=three)
    await act("accept_all", suggestions=[four, two])
    five = await suggest("five")
    await suggest("five", replaces=five)
    await act("reject_all", page=page)
    left, right = (
        await suggest("six"),
        await act("suggest", ANN, page=page, hunks=[{"find": "six seven", "replace": "six, seven"}]),
    )
    await act("merge", takes=[{"suggestion": left}, {"suggestion": right}])
    growing = await act("suggest", CO, page=page, hunks=[{"find": "eight"}], streaming=True)
    await act("extend", CO, suggestion=growing, text="8")
    await act("finish", CO, suggestion=growing)
    policy = await act("set_policy", agent="*", kinds=["wording", "typography"], risk="high")
    await act("remove_policy", policy=policy)
    thread = await act("comment", page=page, quote="nine", text="Why?", replace="ten")
    await act("reply", thread=thread, text="So.")
    await act("resolve", thread=thread)
    await act("resolve", thread=thread, reopen=True)
    message = await act("say", CO, streaming=True)
    await act("say_more", CO, message=message, text="An idea")
    await act("say_done", CO, message=message, ideas=["Eleven!"])
    await act("pick", message=message, idea=0, page=page, after="ten")
    other = await act("add_page", title="Two", text="More.")
    await act("rename_page", page=other, title="Zwei")
    await act("move_page", page=other, after=None)
    await act("remove_page", page=other)
    await act("restore_page", page=other)

    known = documented()
    rows = await store.ledger(room.id, limit=1000)
    for row in rows:
        kind, outcome = row.action["type"], row.outcome["outcome"]
        assert kind in known.get(outcome, {}), f"{outcome} after {kind}"
        assert row.outcome.keys() - {"outcome", "id"} <= known[outcome][kind], f"{outcome} after {kind}"
    types = {type_name(model) for model in action_models()}
    done = {row.action["type"] for row in rows}
    assert types - done == {"extend", "say_more", "pasted", "audit"}  # two without rows, two that need an editor's page
    assert done - types == {"create", "card", "answer"}
    assert all(f"| `{name}` |" in PAGE.read_text().split(BEGIN)[1].split(END)[0] for name in types)
    histories.close()
    await rooms.close()
