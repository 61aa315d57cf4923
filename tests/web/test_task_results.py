"""What a task made is one group of the inbox, which says what changed around it since the task began."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ServedStudio
from tests.models.fake_provider import FakeProvider
from tests.web.lector import CHANGES, FIRST, REMARK, Lector, begin, book, serve_lector
from tests.web.test_canvases import act
from tests.web.test_inbox import eventually


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def lector(provider: FakeProvider) -> Iterator[Lector]:
    lector = Lector(provider)
    yield lector
    lector.close()


@pytest.fixture(scope="module")
def studio(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    home: Path = tmp_path_factory.mktemp("results")
    served = serve_lector(home, provider)
    yield served
    assert served.stop() == 0, served.log()


def inbox(studio: ServedStudio, canvas: str, token: str | None = None, **query: Any) -> list[dict[str, Any]]:
    with studio.client(token) as client:
        return client.get("/api/inbox", params={"canvas": canvas, **query}).json()["items"]


def of_task(studio: ServedStudio, canvas: str, least: int) -> list[dict[str, Any]]:
    """The head of the task's group and what stands below it, once there is so much of it."""

    def there() -> list[dict[str, Any]]:
        items = [item for item in inbox(studio, canvas) if item.get("of")]
        return items if len(items) > least else []

    return eventually(there, 60)


def in_state(studio: ServedStudio, task: dict[str, Any], *states: str) -> dict[str, Any]:
    with studio.client() as client:
        look = lambda: client.get(f"/api/tasks/{task['id']}").json()  # noqa: E731
        return eventually(lambda: found if (found := look())["state"] in states else None, 60)


def around(studio: ServedStudio, task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is said of each result, by the words that it changes or comments."""
    with studio.client() as client:
        answer = client.get(f"/api/tasks/{task['id']}/results")
    assert answer.status_code == 200, answer.text
    items = {item["id"]: item for item in inbox(studio, task["canvas"])}
    told = answer.json()
    names = {id: one["name"] for id, one in told["participants"].items()}
    found: dict[str, dict[str, Any]] = {}
    for one in told["items"]:
        item = items[one["item"]]
        words = item["options"][0]["hunks"][0]["was"] if "options" in item else item["thread"]["quote"]
        for change in one["changes"]:
            change["by"] = [names.get(by, by) for by in change["by"]]
        found[words] = one
    return found


def test_the_results_of_a_task_are_one_group_and_more_come_while_it_works(studio: ServedStudio, lector: Lector) -> None:
    canvas = book(studio)
    task = begin(studio, canvas)
    lector.gates[0].set()
    head, *below = of_task(studio, canvas["id"], 4)
    assert head["kind"] == "task" and head["of"] == task["id"] == head["task"]["id"]
    assert head["task"]["state"] == "running" and head["group"]["left"] == len(below) == 4
    assert {item["of"] for item in below} == {task["id"]}
    assert [item["kind"] for item in below].count("question") == 1
    remark = next(item for item in below if item["kind"] == "question")
    assert remark["thread"]["comments"][0]["text"] == REMARK
    with studio.client() as client:
        count = client.get("/api/inbox/count").json()
        listed = client.get("/api/inbox").json()
    assert count["count"] == listed["count"] and count["kinds"] == listed["kinds"]
    lector.gates[1].set()
    done = in_state(studio, task, "done")
    head, *below = of_task(studio, canvas["id"], 5)
    assert head["task"]["state"] == "done" and head["id"].startswith("k:") and len(below) == 5
    assert len([item for item in inbox(studio, canvas["id"]) if item["kind"] == "task"]) == 1
    with studio.client() as client:
        made = client.get(f"/api/tasks/{task['id']}/results").json()["made"]
        count = client.get("/api/inbox/count").json()
        listed = client.get("/api/inbox").json()
    assert count["count"] == listed["count"] and count["kinds"] == listed["kinds"]
    assert [(one["title"], one["suggestions"], one["comments"], one["open"]) for one in made] == [
        ("The quay", 3, 1, 4),
        ("The letter", 1, 0, 1),
    ]
    assert {one["id"] for one in done["results"] if one["type"] == "suggestion"} == {
        item["options"][0]["suggestion"] for item in below if "options" in item
    }
    page = inbox(studio, canvas["id"], limit=2)
    with studio.client() as client:
        first = client.get("/api/inbox", params={"canvas": canvas["id"], "limit": 2}).json()
        rest = client.get("/api/inbox", params={"canvas": canvas["id"], "after": first["next"]}).json()
    assert [item["id"] for item in page + rest["items"]] == [head["id"], *(item["id"] for item in below)]


def test_a_group_says_who_changed_what_around_its_results(studio: ServedStudio, lector: Lector) -> None:
    canvas = book(studio)
    first = canvas["pages"][0]["id"]
    task = begin(studio, canvas)
    lector.gates[0].set()
    of_task(studio, canvas["id"], 4)
    fresh = around(studio, task)
    assert {one["state"] for one in fresh.values()} == {"as_read"} and len(fresh) == 4
    with studio.client() as owner:
        for find, replace in [("A grey boat", "A green boat"), ("open again", "shut")]:
            act(owner, canvas["id"], "edit", page=first, hunks=[{"find": find, "replace": replace}])
    now = eventually(lambda: found if (found := around(studio, task))["walked down"]["state"] == "changed" else 0, 20)
    [change] = now["walked down"]["changes"]
    assert "A grey boat" in change["was"] and "A green boat" in change["now"] and change["by"] == ["Test owner"]
    assert now["Gulls stood"]["state"] == "as_read" and now["open again"]["state"] == "stale"
    assert now[FIRST[3]]["state"] == "as_read"
    # What is taken of the task's own results changes nothing for the others.
    gulls = next(item for item in inbox(studio, canvas["id"]) if item["id"] == now["Gulls stood"]["item"])
    with studio.client() as owner:
        act(owner, canvas["id"], "accept", suggestion=gulls["options"][0]["suggestion"])
    left = eventually(lambda: found if "Gulls stood" not in (found := around(studio, task)) else 0, 20)
    assert left[FIRST[3]]["state"] == "as_read"
    # Put back as it was, it is as it was read.
    with studio.client() as owner:
        act(owner, canvas["id"], "edit", page=first, hunks=[{"find": "A green boat", "replace": "A grey boat"}])
    eventually(lambda: around(studio, task)["walked down"]["state"] == "as_read", 20)


def test_what_somebody_else_signs_with_a_tasks_run_is_none_of_its_results(studio: ServedStudio, lector: Lector) -> None:
    canvas = book(studio)
    task = begin(studio, canvas)
    lector.gates[0].set()
    below = of_task(studio, canvas["id"], 4)[1:]
    run = next(item["options"][0]["run"] for item in below if "options" in item)
    muse = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Muse").stdout.strip()
    with studio.client(muse) as other:
        for mark, sentence in ((run, FIRST[1]), (task["id"], FIRST[2])):
            hunks = [{"find": sentence, "replace": "Nothing was there."}]
            done = act(other, canvas["id"], "suggest", page=canvas["pages"][0]["id"], hunks=hunks, run=mark)
            assert done.status_code == 200, done.text

    def strange() -> list[dict[str, Any]]:
        items = [item for item in inbox(studio, canvas["id"]) if item.get("options")]
        return [item for item in items if item["options"][0]["author"]["name"] == "Muse"]

    found = eventually(lambda: items if len(items := strange()) == 2 else None, 20)
    assert all("of" not in item for item in found)


def test_all_of_a_task_is_one_decision(studio: ServedStudio, lector: Lector) -> None:
    canvas = book(studio)
    begin(studio, canvas)
    lector.gates[0].set()
    below = of_task(studio, canvas["id"], 4)[1:]
    suggestions = [item["options"][0]["suggestion"] for item in below if "options" in item]
    with studio.client() as owner:
        decided = act(owner, canvas["id"], "accept_all", suggestions=suggestions).json()
        text = owner.get(f"/api/canvases/{canvas['id']}").json()["pages"][0]["text"]
        assert all(replace in text for _, replace in CHANGES)
        act(owner, canvas["id"], "undo", decision=decided["decision"])
        text = owner.get(f"/api/canvases/{canvas['id']}").json()["pages"][0]["text"]
    assert text == "\n\n".join(FIRST) + "\n"


def test_a_task_that_finds_nothing_is_one_line(studio: ServedStudio, lector: Lector) -> None:
    canvas = book(studio)
    task = begin(studio, canvas, "looks-again")
    in_state(studio, task, "done")
    [line] = eventually(lambda: inbox(studio, canvas["id"]), 20)
    assert line["kind"] == "task" and "of" not in line and line["task"]["results"] == []
    assert line["why"] == "A task of yours is done, and found nothing to change"
    with studio.client() as client:
        client.post(f"/api/tasks/{task['id']}/dismiss", json={"away": True})
    assert inbox(studio, canvas["id"]) == []


def cards(studio: ServedStudio, canvas: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """What the studio said of tasks in the conversation: the card, and the words."""
    with studio.client() as client:
        chat = client.get(f"/api/canvases/{canvas['id']}").json()["chat"]
    return [(json.loads(message["card"]), message["text"]) for message in chat if message.get("card")]


def test_what_a_task_asks_and_what_came_of_it_is_said_in_the_conversation_once(
    studio: ServedStudio, lector: Lector
) -> None:
    canvas = book(studio)
    task = begin(studio, canvas, "asks-first")
    in_state(studio, task, "waiting")
    [(card, words)] = eventually(lambda: cards(studio, canvas), 20)
    assert (card["task"], card["kind"], words) == (task["id"], "question", "Which tense?")
    assert card["choices"] == ["past", "present"] and card["run"] == ""
    with studio.client() as client:
        answered = client.post(f"/api/tasks/{task['id']}/answer", json={"card": card["call"], "answer": "past"})
        assert answered.status_code == 200, answered.text
    in_state(studio, task, "done")
    said = eventually(lambda: found if len(found := cards(studio, canvas)) == 2 else None, 20)
    eventually(lambda: "answer" in cards(studio, canvas)[0][0], 20)
    card = cards(studio, canvas)[0][0]
    assert (card["answer"], card["text"], card["name"]) == ("answered", "past", "Test owner")
    ended, words = said[1]
    assert (ended["kind"], ended["task"], words) == ("ended", task["id"], "“Asks first” is done: Nothing to change.")


def test_nobody_waits_for_the_answer_of_a_task_that_was_ended(studio: ServedStudio, lector: Lector) -> None:
    canvas = book(studio)
    task = begin(studio, canvas, "asks-first")
    in_state(studio, task, "waiting")
    eventually(lambda: cards(studio, canvas), 20)
    with studio.client() as client:
        client.post(f"/api/tasks/{task['id']}/cancel", json={})
    eventually(lambda: [card.get("answer") for card, _ in cards(studio, canvas)] == ["stopped"], 20)
