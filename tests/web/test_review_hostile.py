"""Review, history and files as somebody would use them who means harm."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from pycrdt import Doc, Map

from tests.conftest import ServedStudio, StartStudio
from tests.web.test_canvases import act, error, suggest
from tests.web.test_files import exported, imported, repacked

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]


def with_tables(data: bytes, change: Callable[[Tables], None]) -> bytes:
    """A whole canvas's file with other rows in its tables."""

    def changed(files: dict[str, bytes]) -> dict[str, bytes]:
        columns = json.loads(files["studiolo.json"])["columns"]
        path = "tables/{}.jsonl".format
        tables = {
            name: [dict(zip(columns[name], json.loads(line), strict=True)) for line in files[path(name)].splitlines()]
            for name in columns
        }
        change(tables)
        lines = {
            path(name): b"".join(json.dumps(list(row.values())).encode() + b"\n" for row in rows)
            for name, rows in tables.items()
        }
        return files | lines

    return repacked(data, changed)


def with_update(tables: Tables, change: Callable[[Doc[Any]], None]) -> None:
    """One more row in the log, of what `change` does to the document."""
    doc: Doc[Any] = Doc()
    for row in tables["updates"]:
        if row["data"]:
            doc.apply_update(base64.b64decode(row["data"]))
    before = doc.get_state()
    change(doc)
    last = tables["updates"][-1]
    data = base64.b64encode(doc.get_update(before)).decode()
    tables["updates"].append({**last, "seq": last["seq"] + 1, "data": data})


def import_of(client: httpx2.Client, data: bytes) -> httpx2.Response:
    return client.post("/api/canvases/import", files={"files": ("x.studiolo", data)})


def uint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(value: str) -> bytes:
    return uint(len(value.encode())) + value.encode()


def in_root(client: int, root: str, key: str, value: str, hanging: bool) -> bytes:
    """An update that sets a key of a root map; with `hanging` by an item that says nowhere under which key it stands,
    but hangs on the first of two that do."""
    content = b"\x77" + text(value)
    named = b"\x28" + uint(1) + text(root) + text(key)
    if not hanging:
        return uint(1) + uint(1) + uint(client) + uint(0) + named + uint(1) + content + uint(0)
    two = uint(1) + uint(client) + uint(0) + named + uint(2) + content + content
    third = uint(1) + uint(client + 1) + uint(0) + b"\x88" + uint(client) + uint(0) + uint(1) + content
    return uint(2) + two + third + uint(0)


@pytest.mark.parametrize("hanging", [False, True])
def test_a_file_forges_nobody_and_allows_nothing_however_it_is_written(studio: ServedStudio, hanging: bool) -> None:
    made = studio.canvas("The cat sat.")
    with studio.client() as owner:
        me = owner.get(f"/api/canvases/{made['id']}").json()["you"]["id"]
        data = exported(owner, made["id"], format="studiolo").content
        client = 4_000_000_000
        origin = {"units": 3, "how": "moved", "by": me, "at": 1.0, "runs": [[3, me, "", "typed"]]}
        policy = {"id": "p", "name": "P", "agent": "*", "skill": "", "kinds": ["spelling"], "risk": "high"}
        policy |= {"then": "accept", "sample": 0, "by": me, "by_name": "", "at": 0.0, "makers": [], "paused": ""}
        for root, key, value in (
            ("origins", "1:0", json.dumps(origin)),
            ("meta", "policies", json.dumps([policy])),
        ):

            def forged(tables: Tables, root: str = root, key: str = key, value: str = value) -> None:
                last = tables["updates"][-1]
                update = base64.b64encode(in_root(client, root, key, value, hanging)).decode()
                tables["updates"].append({**last, "seq": last["seq"] + 1, "data": update})

            answer = import_of(owner, with_tables(data, forged))
            assert answer.status_code == 201, answer.text
            here = answer.json()["id"]
            assert owner.get(f"/api/canvases/{here}/policies").json() == {"policies": []}
            again = exported(owner, here, format="studiolo").content
            with zipfile.ZipFile(io.BytesIO(again)) as archive:
                lines = [json.loads(line) for line in archive.read("tables/updates.jsonl").splitlines()]
            doc: Doc[Any] = Doc()
            for line in lines:
                if line[-1]:
                    doc.apply_update(base64.b64decode(line[-1]))
            kept = doc.get(root, type=Map)
            assert key in kept and me not in kept[key], "it was taken in under the name of nobody here"


RUN: dict[str, Any] = {
    "id": "run1",
    "agent": "co-author",
    "skill": "rewrite",
    "model": "m",
    "prompt": "Shorter.",
    "page": None,
    "options": {"how": "free"},
    "by": {"id": "someone", "name": "Some One"},
    "state": "failed",
    "started": 1.0,
    "finished": 2.0,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"started": "\x00"},
        {"started": None},
        {"by": None},
        {"by": {"name": "x"}},
        {"options": "how"},
        {"page": 1.5},
        {"place": "there"},
        {"place": {"start": 1}},
        {"prompt": ["x"]},
        {"skill": None},
    ],
    ids=str,
)
def test_a_run_that_no_studio_kept_is_not_taken_in(studio: ServedStudio, wrong: dict[str, Any]) -> None:
    made = studio.canvas("The cat sat.")
    with studio.client() as owner:
        data = exported(owner, made["id"], format="studiolo").content

        def with_run(tables: Tables, more: dict[str, Any]) -> None:
            run = {**RUN, "canvas": made["id"], **more}
            tables["runs"].append({"id": "run1", "canvas": made["id"], "state": "failed", "started": 1.0, "run": run})

        good = import_of(owner, with_tables(data, lambda tables: with_run(tables, {})))
        assert good.status_code == 201, good.text
        (run,) = owner.get(f"/api/canvases/{good.json()['id']}/runs").json()["runs"]
        assert run["by"]["id"].startswith("imported:")
        assert import_of(owner, with_tables(data, lambda tables: with_run(tables, wrong))).status_code == 422


@pytest.mark.parametrize(("root", "key", "value"), [("meta", "policies", True), ("pages", "branch", 3.5)])
def test_a_value_that_no_studio_wrote_is_not_taken_in(studio: ServedStudio, root: str, key: str, value: Any) -> None:
    made = studio.canvas("The cat sat.")

    def change(doc: Doc[Any]) -> None:
        kept = doc.get(root, type=Map)
        (kept if root == "meta" else kept[made["pages"][0]["id"]])[key] = value

    with studio.client() as owner:
        data = exported(owner, made["id"], format="studiolo").content
        answer = import_of(owner, with_tables(data, lambda tables: with_update(tables, change)))
        assert error(answer, 422, "invalid")["hint"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "another"),
        ("status", "fine"),
        ("page", "none"),
        ("kinds", "[1]"),
        *(("hunks", field) for field in ("status", "start", "applied", "proposed")),
    ],
)
def test_a_suggestion_that_no_studio_wrote_is_not_taken_in(studio: ServedStudio, key: str, value: str) -> None:
    made = studio.canvas("The cat sat.")

    def change(doc: Doc[Any]) -> None:
        kept = doc.get("suggestions", type=Map)[suggestion]
        if key == "hunks":
            kept["hunks"][0][value] = 3.5 if value == "proposed" else '[{"del": [["x"]], "ins": null}]'
        else:
            kept[key] = value

    with studio.client() as owner:
        suggestion = suggest(owner, made, "cat", "dog")
        data = exported(owner, made["id"], format="studiolo").content
        assert import_of(owner, with_tables(data, lambda tables: with_update(tables, lambda _: None))).is_success
        answer = import_of(owner, with_tables(data, lambda tables: with_update(tables, change)))
        assert answer.status_code in (404, 422), answer.text
        assert answer.json()["error"]["hint"]


def test_a_branch_moves_with_decisions_of_several_lives_of_the_studio(start_studio: StartStudio) -> None:
    """A branch begins with one update, in which what took the place of something may come before it."""
    studio = start_studio()
    made = studio.canvas("The cat sat.")
    with studio.client() as owner:
        suggestions = [suggest(owner, made, "cat", "dog"), suggest(owner, made, "sat", "stood")]
    for _ in range(4):  # each life writes with a client id of its own, larger or smaller than those before
        with studio.client() as owner:
            for suggestion in suggestions:
                decided = act(owner, made["id"], "accept", suggestion=suggestion)
                assert decided.status_code == 200, decided.text
                undone = act(owner, made["id"], "undo", decision=decided.json()["decision"])
                assert undone.status_code == 200, undone.text
        studio.stop()
        studio.start()
    with studio.client() as owner:
        for suggestion in suggestions:
            assert act(owner, made["id"], "accept", suggestion=suggestion).status_code == 200
        branch = owner.post(f"/api/canvases/{made['id']}/branches", json={"name": "What if"}).json()["id"]
        brought = imported(owner, "branch.studiolo", exported(owner, branch, format="studiolo").content)
        whole = owner.get(f"/api/canvases/{brought['id']}").json()
        assert whole["pages"][0]["text"] == "The dog stood."
        assert {hunk["by"][:9] for one in whole["suggestions"] for hunk in one["hunks"]} == {"imported:"}
