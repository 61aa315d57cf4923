"""Branches over HTTP: the same people in them, and nothing lost when they come back."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.conftest import ServedStudio
from tests.web.test_canvases import act, error
from tests.web.test_history import edit, text


def branch(
    client: httpx2.Client, made: dict[str, Any], name: str = "What if she leaves?", **more: Any
) -> dict[str, Any]:
    answer = client.post(f"/api/canvases/{made['id']}/branches", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def propose(client: httpx2.Client, made: dict[str, Any], one: dict[str, Any], *pages: str) -> dict[str, Any]:
    answer = client.post(f"/api/canvases/{made['id']}/branches/{one['id']}/propose", json={"pages": list(pages)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def waiting(client: httpx2.Client, made: dict[str, Any]) -> list[dict[str, Any]]:
    view = client.get(f"/api/canvases/{made['id']}").json()
    return [one for one in view["suggestions"] if one["status"] in ("open", "stale", "partly_accepted")]


STORY = "The lamp was out.\n\nShe waited for the boat.\n\nNobody came."


def test_a_branch_is_a_canvas_of_its_own_for_the_same_people(studio: ServedStudio) -> None:
    made = studio.canvas(STORY, "Two.")
    ben_token = studio.make_token("editor", made["id"], "Ben")
    with studio.client() as owner, studio.client(ben_token) as ben:
        share = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()
        guest = httpx2.Client(base_url=studio.url, headers={"Origin": studio.url})
        joined = guest.post("/api/join", json={"token": share["url"].rsplit("/", 1)[1], "name": "Cal"})
        assert joined.status_code == 200, joined.text
        act(ben, made["id"], "suggest", page=made["pages"][0]["id"], hunks=[{"find": "out", "replace": "low"}])
        edit(ben, made, "Nobody came.", "Nobody came, again.")
        one = branch(owner, made)
        assert text(owner, one) == text(owner, made)
        edit(owner, one, "She waited", "She left")
        assert "waited" in text(owner, made)

        listed = owner.get(f"/api/canvases/{made['id']}/branches").json()
        assert [(found["id"], found["title"]) for found in listed["branches"]] == [(one["id"], "What if she leaves?")]
        up = owner.get(f"/api/canvases/{one['id']}/branches").json()["parent"]
        assert up["id"] == made["id"] and up["title"] == "A canvas" and not up["gone"]
        view = owner.get(f"/api/canvases/{one['id']}").json()
        assert view["suggestions"] == [] and view["title"] == "What if she leaves?"

        assert guest.get(f"/api/canvases/{one['id']}").json()["role"] == "editor"
        assert owner.delete(f"/api/canvases/{made['id']}/shares/{share['id']}").status_code == 204
        assert guest.get(f"/api/canvases/{one['id']}").status_code in (401, 404)
        guest.close()
        # A token for one canvas opens that one only.
        error(ben.get(f"/api/canvases/{one['id']}"), 404, "not_found")
        error(ben.post(f"/api/canvases/{made['id']}/branches", json={"name": "Mine"}), 403, "forbidden")


def test_a_guest_who_makes_a_branch_does_not_come_to_own_it(studio: ServedStudio) -> None:
    made = studio.canvas(STORY)
    with studio.client() as owner:
        share = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()
    with httpx2.Client(base_url=studio.url, headers={"Origin": studio.url}) as guest:
        guest.post("/api/join", json={"token": share["url"].rsplit("/", 1)[1], "name": "Cal"})
        one = branch(guest, made)
        assert guest.get(f"/api/canvases/{one['id']}").json()["role"] == "editor"
        error(guest.post(f"/api/canvases/{one['id']}/shares", json={"role": "viewer"}), 403, "forbidden")


def test_a_branch_begins_at_an_earlier_moment_and_outlives_its_parent(studio: ServedStudio) -> None:
    made = studio.canvas(STORY, "Two.")
    with studio.client() as owner:
        edit(owner, made, "The lamp was out.", "It was dark.")
        first = branch(owner, made, at=1, pages=[made["pages"][0]["id"]])
        assert text(owner, first).startswith("The lamp was out.")
        assert [page["id"] for page in first["pages"]] == [made["pages"][0]["id"]]
        error(owner.post(f"/api/canvases/{made['id']}/branches", json={"name": "x", "at": 99}), 422, "invalid")
        assert owner.delete(f"/api/canvases/{made['id']}").status_code == 204
        assert text(owner, first).startswith("The lamp was out.")
        edit(owner, first, "out", "low")
        up = owner.get(f"/api/canvases/{first['id']}/branches").json()["parent"]
        assert up["gone"] and up["id"] == made["id"]
        assert owner.get(f"/api/canvases/{first['id']}/history").json()["tip"] == 2


def test_what_changed_in_a_branch_comes_back_and_overwrites_nothing(studio: ServedStudio) -> None:
    made = studio.canvas(STORY)
    ben_token = studio.make_token("editor", name="Ben")
    with studio.client() as owner, studio.client(ben_token) as ben:
        one = branch(owner, made)
        edit(ben, one, "She waited for the boat.", "She left before the boat came.")
        edit(owner, one, "Nobody came.", "Somebody came.")
        edit(owner, one, "out", "burning")
        edit(owner, made, "The lamp was out.", "The lamp was very dim.")  # both changed this
        edit(owner, made, "Nobody came.", "Nobody came. The end.")  # beside the branch's change

        told = propose(owner, made, one)
        assert text(owner, made) == "The lamp was very dim.\n\nShe waited for the boat.\n\nNobody came. The end."
        found = waiting(owner, made)
        hunks = [hunk for sg in found for hunk in sg["hunks"]]
        assert [hunk["quote"] for hunk in hunks if hunk["status"] == "stale"] == ["out"]
        assert {hunk["status"] for hunk in hunks} == {"open", "stale"}
        assert {sg["name"] for sg in found} == {"Ben", "Test owner"}
        assert all(sg["branch"] == one["id"] for sg in found)
        assert len(told["suggestions"]) == len(found) == 3

        again = propose(owner, made, one)
        assert again["suggestions"] == [] and again["withdrawn"] == []
        assert [sg["id"] for sg in waiting(owner, made)] == [sg["id"] for sg in found]

        edit(ben, one, "She left", "She ran")
        third = propose(owner, made, one)
        assert len(third["withdrawn"]) == len(third["suggestions"]) == 1

        for sg in waiting(owner, made):
            if sg["status"] == "open":
                assert act(owner, made["id"], "accept", suggestion=sg["id"]).status_code == 200
        assert text(owner, made) == (
            "The lamp was very dim.\n\nShe ran before the boat came.\n\nSomebody came. The end."
        )
        last = propose(owner, made, one)
        assert last["suggestions"] == [] and last["counts"]["there"] > 0
        state = owner.get(f"/api/canvases/{made['id']}/branches").json()["branches"][0]["hunks"]
        assert state["accepted"] > 0 and state["stale"] == 1 and state["open"] == 0


def test_the_same_change_at_another_place_is_another_change(studio: ServedStudio) -> None:
    made = studio.canvas("A boat came.\n\nA boat went.\n\nNo boat stayed.")
    with studio.client() as owner:
        one = branch(owner, made)
        edit(owner, one, "boat came", "ship came")
        propose(owner, made, one)
        (sg,) = waiting(owner, made)
        act(owner, made["id"], "accept", suggestion=sg["id"])
        edit(owner, one, "boat went", "ship went")
        assert len(propose(owner, made, one)["suggestions"]) == 1
        (sg,) = waiting(owner, made)
        act(owner, made["id"], "accept", suggestion=sg["id"])
        assert text(owner, made) == "A ship came.\n\nA ship went.\n\nNo boat stayed."


def test_what_was_turned_down_is_not_asked_again(studio: ServedStudio) -> None:
    made = studio.canvas(STORY)
    with studio.client() as owner:
        one = branch(owner, made)
        edit(owner, one, "boat", "ship")
        propose(owner, made, one)
        (sg,) = waiting(owner, made)
        act(owner, made["id"], "reject", suggestion=sg["id"])
        assert propose(owner, made, one)["suggestions"] == []
        assert propose(owner, made, one)["counts"]["declined"] == 1


def test_new_pages_come_back_only_when_somebody_agrees_and_keep_their_authors(studio: ServedStudio) -> None:
    made = studio.canvas(STORY)
    with studio.client() as owner, studio.client(studio.make_token("editor", name="Ben")) as ben:
        one = branch(owner, made)
        new = act(ben, one["id"], "add_page", title="The ship", text="A ship at last.").json()["id"]
        hunks = [{"find": "at last", "replace": "in the end"}]
        act(owner, one["id"], "edit", page=new, hunks=hunks)
        act(owner, one["id"], "rename_page", page=made["pages"][0]["id"], title="The shore")
        seen = owner.get(f"/api/canvases/{made['id']}/branches/{one['id']}/changes").json()
        assert [(page["kind"], page["title"]) for page in seen["page_changes"]] == [
            ("renamed", "The shore"),
            ("added", "The ship"),
        ]
        assert propose(owner, made, one)["pages"] == []
        assert len(owner.get(f"/api/canvases/{made['id']}").json()["pages"]) == 1
        done = propose(owner, made, one, new, made["pages"][0]["id"])
        view = owner.get(f"/api/canvases/{made['id']}").json()
        assert [(page["title"], page["text"]) for page in view["pages"]] == [
            ("The shore", STORY),
            ("The ship", "A ship in the end."),
        ]
        there = next(page["page"] for page in done["pages"] if page["kind"] == "added")
        authors = owner.get(f"/api/canvases/{made['id']}/pages/{there}/authors").json()
        whose = {
            name: "".join(
                view["pages"][1]["text"][run["start"] : run["start"] + run["length"]]
                for run in authors["runs"]
                if authors["participants"][run["participant"]]["name"] == name
            )
            for name in ("Ben", "Test owner")
        }
        assert whose["Ben"].startswith("A ship") and "in" in whose["Test owner"]
        # The page goes on in the branch; what is new there comes as a suggestion.
        act(ben, one["id"], "edit", page=new, hunks=[{"find": "A ship", "replace": "A tall ship"}])
        assert len(propose(owner, made, one)["suggestions"]) == 1
        (sg,) = waiting(owner, made)
        act(owner, made["id"], "accept", suggestion=sg["id"])
        assert owner.get(f"/api/canvases/{made['id']}/pages/{there}/text").text == "A tall ship in the end."
        assert propose(owner, made, one)["suggestions"] == []
