"""History over HTTP: the timeline, moments, named versions, turning back, and after a restart."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.conftest import ServedStudio, StartStudio
from tests.web.test_canvases import act, error


def edit(client: httpx2.Client, made: dict[str, Any], find: str, replace: str, page: int = 0) -> None:
    hunks = [{"find": find, "replace": replace}]
    answer = act(client, made["id"], "edit", page=made["pages"][page]["id"], hunks=hunks)
    assert answer.status_code == 200, answer.text


def text(client: httpx2.Client, made: dict[str, Any], page: int = 0) -> str:
    return client.get(f"/api/canvases/{made['id']}/pages/{made['pages'][page]['id']}/text").text


def timeline(client: httpx2.Client, made: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/api/canvases/{made['id']}/history")
    assert answer.status_code == 200, answer.text
    return answer.json()


def turn(client: httpx2.Client, made: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/canvases/{made['id']}/history/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_timeline_tells_sessions_moments_and_people(studio: ServedStudio) -> None:
    made = studio.canvas("The lamp was out.", "Two.")
    here = f"/api/canvases/{made['id']}/history"
    with studio.client() as owner, studio.client(studio.make_token("editor", name="Ben")) as ben:
        edit(ben, made, "out", "burning low")
        edit(owner, made, "Two.", "Two and three.", page=1)
        told = timeline(owner, made)
        assert told["tip"] == 3 and len(told["sessions"]) == 1
        (session,) = told["sessions"]
        assert (session["from"], session["to"]) == (1, 3)
        names = {told["participants"][one["participant"]]["name"]: one for one in session["people"]}
        assert set(names) == {"Test owner", "Ben"}
        assert names["Ben"]["added"] == 2
        assert [page["page"] for page in session["pages"]] == [page["id"] for page in made["pages"]]
        assert session["moments"][-1][0] == 3

        page = owner.get(f"{here}/pages/{made['pages'][0]['id']}", params={"new": 1}).json()
        assert page["text"] == "The lamp was out." and page["title"] == "Page 1"
        changed = owner.get(f"{here}/pages/{made['pages'][0]['id']}", params={"old": 1}).json()
        assert [(strip["kind"], strip["text"]) for strip in changed["strips"]] == [
            ("same", "The lamp was "),
            ("del", "out"),
            ("ins", "burning low"),
            ("same", "."),
        ]
        assert changed["strips"][2]["by"] == names["Ben"]["participant"]

        compared = owner.get(f"{here}/compare", params={"old": 1}).json()
        assert [(page["title"], page["marks"], page["added"], page["removed"]) for page in compared["pages"]] == [
            ("Page 1", ["changed"], 2, 1),
            ("Page 2", ["changed"], 2, 0),
        ]
        error(owner.get(f"{here}/compare", params={"old": 99}), 422, "invalid")
        error(owner.get(f"{here}/pages/nowhere"), 404, "not_found")
    with studio.client("") as nobody:
        error(nobody.get(here), 401, "unauthenticated")


def test_versions_are_named_renamed_and_deleted_by_those_who_may(studio: ServedStudio) -> None:
    made = studio.canvas("One.")
    here = f"/api/canvases/{made['id']}/history/versions"
    with (
        studio.client() as owner,
        studio.client(studio.make_token("editor", made["id"], "Ben")) as ben,
        studio.client(studio.make_token("editor", made["id"], "Cal")) as cal,
        studio.client(studio.make_token("commenter", made["id"], "Dot")) as dot,
    ):
        named = ben.post(here, json={"name": "Before the fire"})
        assert named.status_code == 201
        id = named.json()["id"]
        edit(owner, made, "One.", "Two.")
        assert owner.post(here, json={"name": "After", "seq": 2}).json()["seq"] == 2
        assert [(one["name"], one["seq"]) for one in timeline(dot, made)["versions"]] == [
            ("Before the fire", 1),
            ("After", 2),
        ]
        error(dot.post(here, json={"name": "No"}), 403, "forbidden")
        error(cal.patch(f"{here}/{id}", json={"name": "No"}), 403, "forbidden")
        assert ben.patch(f"{here}/{id}", json={"name": "Before"}).json()["name"] == "Before"
        error(ben.post(here, json={"name": " "}), 422, "invalid")
        error(ben.post(here, json={"name": "Never", "seq": 77}), 422, "invalid")
        assert owner.delete(f"{here}/{id}").status_code == 204
        error(owner.delete(f"{here}/{id}"), 404, "not_found")
        assert [one["name"] for one in timeline(owner, made)["versions"]] == ["After"]


def test_restoring_is_looked_at_done_and_undone(studio: ServedStudio) -> None:
    made = studio.canvas("The lamp was out.", "Two.")
    page = made["pages"][0]["id"]
    with studio.client() as owner, studio.client(studio.make_token("editor", made["id"], "Ben")) as ben:
        edit(ben, made, "out", "burning low")
        preview = turn(owner, made, "restore", to=1, page=page, preview=True)["pages"]
        assert [(strip["kind"], strip["text"]) for strip in preview[0]["strips"]][1:3] == [
            ("del", "burning low"),
            ("ins", "out"),
        ]
        assert text(owner, made) == "The lamp was burning low."
        assert turn(owner, made, "restore", to=1, page=page)["outcome"] == "restored"
        assert text(owner, made) == "The lamp was out."
        told = timeline(owner, made)
        (note,) = [note for note in told["sessions"][-1]["notes"] if note["type"] == "restore"]
        assert (note["to"], note["page"]) == (1, page)
        assert turn(owner, made, "restore", to=1, page=page)["outcome"] == "unchanged"
        assert turn(ben, made, "undo", deed=note["seq"])["outcome"] == "undone"
        assert text(owner, made) == "The lamp was burning low."
        answer = ben.post(f"/api/canvases/{made['id']}/history/undo", json={"deed": note["seq"]})
        error(answer, 409, "conflict")
        rows = owner.get(f"/api/canvases/{made['id']}/ledger").json()["ledger"]
        assert [row["action"]["type"] for row in rows] == ["create", "edit", "restore", "undo_deed"]
    with studio.client(studio.make_token("commenter", made["id"])) as dot:
        answer = dot.post(f"/api/canvases/{made['id']}/history/restore", json={"to": 1})
        error(answer, 403, "forbidden")


def test_what_one_typed_is_taken_back_after_a_restart(start_studio: StartStudio) -> None:
    studio = start_studio()
    made = studio.canvas("The lamp was out.")
    token = studio.make_token("editor", made["id"], "Ben")
    with studio.client() as owner, studio.client(token) as ben:
        edit(ben, made, "out", "burning low")
        edit(owner, made, "The lamp", "The old lamp")
        edit(ben, made, ".", ", and she left.")
        edit(owner, made, "left", "left at last")
        ben_id = ben.get("/api/me").json()["participant"]["id"]
    studio.stop()
    studio.start()
    with studio.client() as owner:
        preview = turn(owner, made, "take-back", participant=ben_id, preview=True)["pages"]
        assert preview[0]["removed"] > 0
        assert turn(owner, made, "take-back", participant=ben_id)["outcome"] == "taken_back"
        assert text(owner, made) == "The old lamp was out at last."
        deed = timeline(owner, made)["tip"]
        turn(owner, made, "undo", deed=deed)
        assert text(owner, made) == "The old lamp was burning low, and she left at last."


def test_what_a_run_brought_in_is_taken_back_with_later_edits_kept(studio: ServedStudio) -> None:
    made = studio.canvas("The lamp was out. She waited.")
    page = made["pages"][0]["id"]
    agent = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Muse").stdout.strip()
    with studio.client() as owner, studio.client(agent) as muse:
        for find, replace in (("out", "burning low"), ("waited", "waited for the boat")):
            hunks = [{"find": find, "replace": replace}]
            made_one = act(muse, made["id"], "suggest", page=page, hunks=hunks, run="run-1").json()
            assert act(owner, made["id"], "accept", suggestion=made_one["id"]).status_code == 200
        edit(owner, made, "burning low", "burning very low")
        preview = turn(owner, made, "take-back", run="run-1", preview=True)["pages"]
        assert "".join(strip["text"] for strip in preview[0]["strips"] if strip["kind"] != "del") == (
            "The lamp was very out. She waited."
        )
        turn(owner, made, "take-back", run="run-1")
        assert text(owner, made) == "The lamp was very out. She waited."
        here = f"/api/canvases/{made['id']}/history/take-back"
        error(muse.post(here, json={"run": "run-1"}), 403, "forbidden")
        error(owner.post(here, json={}), 422, "invalid")
