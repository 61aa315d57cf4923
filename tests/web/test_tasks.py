"""Tasks and schedules over HTTP and in the shell: who may do what, how they are followed, how people hear of them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.conftest import ServedStudio, serve
from tests.web.mails import Mails
from tests.web.receiver import WAIT, Receiver

ASKS = """---
name: Asks
description: Asks for a colour and says it.
title: "About {what}"
inputs:
  what: {label: What, kind: text}
  times: {label: How often, kind: number, default: 1}
steps:
  - {id: ask, do: ask_people, title: Asks, question: "Which {what}?", choices: [red, blue]}
  - {id: say, do: say, title: Says, text: "It is settled."}
---
"""
SAYS = """---
name: Says
description: Says something.
inputs:
  what: {label: What, kind: text}
steps:
  - {id: say, do: say, title: Says, text: "{what}"}
---
"""
FAILS = SAYS.replace('text: "{what}"', 'text: ""').replace("name: Says", "name: Fails")


@pytest.fixture(scope="module")
def mails() -> Iterator[Mails]:
    server = Mails()
    yield server
    server.close()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, mails: Mails) -> Iterator[ServedStudio]:
    home = tmp_path_factory.mktemp("tasks")
    (home / "tasks").mkdir()
    for name, text in {"asks": ASKS, "says": SAYS, "fails": FAILS, "broken": "---\nname: [\n---\n"}.items():
        (home / "tasks" / f"{name}.md").write_text(text)
    served = serve(
        home,
        {
            "STUDIOLO_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "STUDIOLO_SMTP_URL": f"smtp://127.0.0.1:{mails.port}",
            "STUDIOLO_MAIL_FROM": "Studiolo <studiolo@example.com>",
            "STUDIOLO_URL": "https://studio.example.com",
        },
    )
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture
def canvas(studio: ServedStudio) -> str:
    return studio.canvas("Rain.")["id"]


def until(look: Callable[[], Any], true: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + WAIT
    while not true(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


def begin(client: httpx2.Client, canvas: str, kind: str = "asks", what: str = "colour", **more: Any) -> dict[str, Any]:
    answer = client.post(f"/api/canvases/{canvas}/tasks", json={"kind": kind, "inputs": {"what": what}, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def in_state(client: httpx2.Client, task: dict[str, Any], *states: str) -> dict[str, Any]:
    return until(lambda: client.get(f"/api/tasks/{task['id']}").json(), lambda found: found["state"] in states)


def refused(answer: httpx2.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["message"] and error["hint"], error
    return error["message"]


def test_kinds_are_listed_with_what_they_ask_for_and_what_is_wrong_with_files(studio: ServedStudio) -> None:
    with studio.client() as client:
        answer = client.get("/api/task-kinds").json()
    kinds = {kind["id"]: kind for kind in answer["kinds"]}
    assert kinds["asks"]["own"] and [one["name"] for one in kinds["asks"]["inputs"]] == ["what", "times"]
    assert {"continue-story", "deep-research", "watch"} <= kinds.keys()
    assert [problem["file"] for problem in answer["problems"]] == ["broken.md"]


def test_a_task_is_begun_once_for_a_key_asks_is_answered_and_followed_to_its_end(
    studio: ServedStudio, canvas: str
) -> None:
    with studio.client() as client:
        body = {"kind": "asks", "inputs": {"what": "colour"}}
        path, key = f"/api/canvases/{canvas}/tasks", {"Idempotency-Key": "the one"}
        first, second = (client.post(path, json=body, headers=key) for _ in range(2))
        task = first.json()
        assert (first.status_code, second.status_code) == (201, 201) and second.json()["id"] == task["id"]
        assert first.headers["location"] == f"/api/tasks/{task['id']}"
        assert task["title"] == "About colour" and task["progress"] == {"done": 0, "of": 2}
        refused(client.post(path, json={**body, "title": "Other"}, headers=key), 422)
        waiting = in_state(client, task, "waiting")
        [card] = waiting["cards"]
        assert card["question"] == "Which colour?" and waiting["waits"] == 1 and waiting["step"] == "ask"

        with ThreadPoolExecutor(1) as threads:
            following = threads.submit(followed, studio, task["id"])
            answered = client.post(f"/api/tasks/{task['id']}/answer", json={"card": card["id"], "answer": "red"})
            assert answered.status_code == 200, answered.text
            told = following.result(WAIT)
        assert told[0]["type"] == "task" and told[-1]["type"] == "done"
        assert told[-1]["task"]["state"] == "done"
        refused(client.post(f"/api/tasks/{task['id']}/answer", json={"card": card["id"], "answer": "blue"}), 409)
        step = client.get(f"/api/tasks/{task['id']}/steps/ask").json()
        assert step["result"]["answer"] == "red" and step["step"]["state"] == "done"
        refused(client.get(f"/api/tasks/{task['id']}/steps/none"), 404)
        assert [one["id"] for one in client.get(path).json()["tasks"]] == [task["id"]]
        done = client.get("/api/tasks", params={"state": "done", "limit": 500}).json()
        assert task["id"] in [one["id"] for one in done["tasks"]] and canvas in done["canvases"]
        assert "It is settled." in [one["text"] for one in client.get(f"/api/canvases/{canvas}").json()["chat"]]


def followed(studio: ServedStudio, task: str) -> list[dict[str, Any]]:
    with studio.client() as client, client.stream("GET", f"/api/tasks/{task}/events") as stream:
        return [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data: ")]


def test_it_is_paused_steered_rearranged_forked_and_cancelled(studio: ServedStudio, canvas: str) -> None:
    with studio.client() as client:
        task = begin(client, canvas)
        at = f"/api/tasks/{task['id']}"
        waiting = in_state(client, task, "waiting")
        assert client.post(f"{at}/steer", json={"text": "Not green."}).json()["said"][0]["text"] == "Not green."
        refused(client.post(f"{at}/steer", json={"text": "  "}), 422)
        steps = [
            {"do": "say", "title": "Says first", "given": {"text": "First."}},
            {"id": "say", "do": "say", "title": "Says", "given": {"text": "Then."}},
        ]
        plan = client.put(f"{at}/plan", json={"steps": steps})
        assert [step["title"] for step in plan.json()["plan"]] == ["Asks", "Says first", "Says"]
        refused(client.put(f"{at}/plan", json={"steps": [{"do": "rob_a_bank", "title": "No"}]}), 422)
        refused(client.post(f"{at}/drop", json={"found": 7}), 404)
        cancelled = client.post(f"{at}/cancel").json()
        assert cancelled["state"] == "cancelled" and cancelled["waits"] == 0
        refused(client.post(f"{at}/pause"), 409)
        refused(client.post(f"{at}/answer", json={"card": waiting["cards"][0]["id"], "answer": "red"}), 409)
        fork = client.post(f"{at}/fork", json={"step": "ask", "inputs": {"what": "sound"}})
        assert fork.status_code == 201, fork.text
        assert in_state(client, fork.json(), "waiting")["id"] != task["id"] and fork.json()["title"] == "About sound"
        looked = client.post(f"{at}/fork/look", json={"step": "say", "inputs": {"what": "smell"}}).json()
        assert looked == {"keeps": [], "does": ["Asks", "Says first", "Says"]}
        forked = f"/api/tasks/{fork.json()['id']}"
        coming = [
            {key: step[key] for key in ("id", "do", "title", "given")}
            for step in client.get(forked).json()["plan"]
            if step["state"] == "coming"
        ]
        first, last = coming
        mine = {"steps": [{**first, "title": "Mine"}, last], "seen": coming}
        theirs = {"steps": [first, {**last, "title": "Theirs"}], "seen": coming}
        for change in (mine, theirs):
            client.put(f"{forked}/plan", json=change)
        assert [step["title"] for step in client.get(forked).json()["plan"]] == ["Asks", "Mine", "Theirs"]
        client.post(f"/api/tasks/{fork.json()['id']}/steps/ask/skip")
        assert in_state(client, fork.json(), "done")["plan"][0]["state"] == "skipped"


def test_what_is_none_of_a_kind_is_refused_with_what_to_do(studio: ServedStudio, canvas: str) -> None:
    with studio.client() as client:
        path = f"/api/canvases/{canvas}/tasks"
        refused(client.post(path, json={"kind": "nothing"}), 404)
        refused(client.post(path, json={"kind": "asks", "inputs": {}}), 422)
        refused(client.post(path, json={"kind": "asks", "inputs": {"what": "x", "colour": "red"}}), 422)
        refused(client.post(path, json={"kind": "asks", "wrong": 1}), 422)
        refused(client.post("/api/canvases/none/tasks", json={"kind": "asks"}), 404)
        refused(client.get("/api/tasks/none"), 404)
        refused(client.get("/api/schedules/none"), 404)


def test_roles_decide_and_other_canvases_are_not_there(studio: ServedStudio, canvas: str) -> None:
    elsewhere = studio.canvas("Other.")["id"]
    tokens = {role: studio.make_token(role, canvas) for role in ("viewer", "commenter", "editor")}
    with (
        studio.client() as owner,
        studio.client(tokens["viewer"]) as viewer,
        studio.client(tokens["commenter"]) as commenter,
        studio.client(tokens["editor"]) as editor,
        studio.client(studio.make_token("editor", elsewhere)) as stranger,
    ):
        task = begin(owner, canvas)
        at = f"/api/tasks/{task['id']}"
        waiting = in_state(owner, task, "waiting")
        body = {"kind": "asks", "inputs": {"what": "x"}}
        refused(viewer.post(f"/api/canvases/{canvas}/tasks", json=body), 403)
        assert viewer.get(at).status_code == 200 and len(viewer.get("/api/tasks").json()["tasks"]) == 1
        refused(viewer.post(f"{at}/steer", json={"text": "x"}), 403)
        for path in (at, f"{at}/steps/ask", f"{at}/events"):
            refused(stranger.get(path), 404)
        for path in ("pause", "cancel", "resume"):
            refused(stranger.post(f"{at}/{path}"), 404)
        assert task["id"] not in [one["id"] for one in stranger.get("/api/tasks").json()["tasks"]]

        assert commenter.post(f"{at}/steer", json={"text": "I say so."}).status_code == 200
        plan = {"steps": [{"do": "say", "title": "In your name", "given": {"text": "x"}}]}
        assert "more rights" in refused(commenter.put(f"{at}/plan", json=plan), 403)
        refused(commenter.post(f"{at}/cancel"), 403)
        refused(commenter.post(f"/api/canvases/{canvas}/tasks", json={**body, "priority": 5}), 403)
        large = {"tokens": 10**9, "seconds": 60, "money": 1}
        refused(editor.post(f"/api/canvases/{canvas}/tasks", json={**body, "budget": large}), 403)
        card = waiting["cards"][0]["id"]
        assert commenter.post(f"{at}/answer", json={"card": card, "answer": "red"}).status_code == 200
        in_state(owner, task, "done")
        mine = begin(commenter, canvas)
        assert editor.post(f"/api/tasks/{mine['id']}/cancel").json()["state"] == "cancelled"


def test_what_waits_is_done_or_failed_is_in_the_inbox_until_it_is_put_away(studio: ServedStudio, canvas: str) -> None:
    def items(client: httpx2.Client) -> list[dict[str, Any]]:
        return client.get("/api/inbox", params={"canvas": canvas, "kind": "task"}).json()["items"]

    with studio.client() as owner, studio.client(studio.make_token("editor", canvas)) as editor:
        task = begin(owner, canvas)
        in_state(owner, task, "waiting")
        for client in (owner, editor):
            [item] = items(client)
            assert item["task"]["id"] == task["id"] and item["task"]["cards"][0]["question"] == "Which colour?"
            assert "asks something" in item["why"]
        assert owner.get("/api/inbox/count").json()["kinds"]["task"] >= 1
        refused(owner.post(f"/api/tasks/{task['id']}/dismiss", json={}), 422)
        card = items(owner)[0]["task"]["cards"][0]["id"]
        owner.post(f"/api/tasks/{task['id']}/answer", json={"card": card, "answer": "red"})
        in_state(owner, task, "done")
        [item] = items(owner)
        assert item["task"]["state"] == "done" and items(editor) == []
        refused(editor.post(f"/api/tasks/{task['id']}/dismiss", json={}), 403)
        assert owner.post(f"/api/tasks/{task['id']}/dismiss", json={}).json()["away"] is True
        assert items(owner) == []
        owner.post(f"/api/tasks/{task['id']}/dismiss", json={"away": False})
        assert len(items(owner)) == 1

        failed = begin(owner, canvas, "fails")
        assert in_state(owner, failed, "failed")["problem"]["message"]
        assert [one["task"]["state"] for one in items(owner)] == ["failed", "done"]


def test_a_page_that_is_open_hears_of_it_at_once(studio: ServedStudio, canvas: str) -> None:
    told: dict[str, Any] = {}
    with studio.client() as owner, owner.stream("GET", "/api/inbox/events") as stream:
        lines = stream.iter_lines()
        assert any("listening" in line for line in lines)
        with studio.client() as other:
            task = begin(other, canvas, "says")
        for line in lines:
            if line.startswith("data: ") and json.loads(line[6:])["type"] == "task":
                told = json.loads(line[6:])
                if told["task"]["id"] == task["id"]:
                    break
    assert told["canvas"] == canvas and told["task"]["state"] == "done"


class Listening:
    """Somebody who listens to all tasks that they may see, until `close`."""

    def __init__(self, client: httpx2.Client) -> None:
        self.heard: list[dict[str, Any]] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._listen, args=(client,))
        self.thread.start()
        until(lambda: [one["type"] for one in self.heard], lambda types: "listening" in types)

    def _listen(self, client: httpx2.Client) -> None:
        with contextlib.closing(client), client.stream("GET", "/api/tasks/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    self.heard.append(json.loads(line[6:]))
                if self.over.is_set():
                    return

    def tasks(self, id: str) -> list[dict[str, Any]]:
        return [one["task"] for one in self.heard if one["type"] == "task" and one["task"]["id"] == id]

    def hears(self, id: str, state: str) -> dict[str, Any]:
        heard = until(lambda: self.tasks(id), lambda heard: any(one["state"] == state for one in heard))
        return next(one for one in heard if one["state"] == state)

    def close(self) -> None:
        """Stop at the next line: something must happen then, or a heartbeat comes."""
        self.over.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


def test_whoever_looks_at_the_board_hears_of_every_task_that_they_may_see(studio: ServedStudio, canvas: str) -> None:
    hidden = studio.canvas("Snow.")["id"]
    with studio.client() as owner, studio.client("") as guest:
        links = [owner.post(f"/api/canvases/{one}/shares", json={"role": "viewer"}).json() for one in (canvas, hidden)]
        for link in links:
            joining = {"token": urlsplit(link["url"]).path.rpartition("/")[2], "name": "Gabriele"}
            joined = guest.post("/api/join", json=joining, headers={"Origin": studio.url})
            assert joined.status_code == 200, joined.text
        everybody, guests = Listening(studio.client()), Listening(guest)
        try:
            asks, other = begin(owner, canvas), begin(owner, hidden)
            told = guests.hears(asks["id"], "waiting")
            assert [card["question"] for card in told["cards"]] == ["Which colour?"] and told["waits"] == 1
            assert [step["id"] for step in told["plan"]] == ["ask"] and told["progress"] == {"done": 0, "of": 2}
            guests.hears(other["id"], "waiting")
            listed = guest.get("/api/tasks", params={"brief": True, "limit": 500}).json()["tasks"]
            assert {key: told[key] for key in ("cards", "plan", "found")} == next(
                {key: one[key] for key in ("cards", "plan", "found")} for one in listed if one["id"] == asks["id"]
            )

            # What they may not see any more they do not hear of either, and are told to look again.
            assert owner.delete(f"/api/canvases/{hidden}/shares/{links[1]['id']}").status_code == 204
            before = len(guests.tasks(other["id"]))
            owner.post(f"/api/tasks/{other['id']}/answer", json={"card": card_of(owner, other), "answer": "red"})
            everybody.hears(other["id"], "done")
            owner.post(f"/api/tasks/{asks['id']}/answer", json={"card": card_of(owner, asks), "answer": "red"})
            guests.hears(asks["id"], "done")
            assert len(guests.tasks(other["id"])) == before
            assert "look" in [one["type"] for one in guests.heard]
        finally:
            everybody.over.set()
            guests.over.set()
            begin(owner, canvas, "says")
            everybody.close()
            guests.close()


def test_a_token_that_is_taken_back_ends_what_it_listens_to(studio: ServedStudio, canvas: str) -> None:
    with studio.client() as owner:
        made = owner.post(f"/api/canvases/{canvas}/tokens", json={"name": "Reader", "role": "viewer"}).json()
        listening = Listening(studio.client(made["token"]))
        assert owner.delete(f"/api/canvases/{canvas}/tokens/{made['id']}").status_code == 204
        listening.thread.join(90)  # the studio looks at it again with each heartbeat
        assert not listening.thread.is_alive()
        task = begin(owner, canvas, "says")
        in_state(owner, task, "done")
        assert listening.tasks(task["id"]) == []
    with studio.client("") as nobody:
        refused(nobody.get("/api/tasks/events"), 401)


def card_of(client: httpx2.Client, task: dict[str, Any]) -> str:
    return client.get(f"/api/tasks/{task['id']}").json()["cards"][0]["id"]


def test_a_webhook_is_told_signed_and_in_order(studio: ServedStudio, canvas: str) -> None:
    receiver = Receiver()
    try:
        with studio.client() as owner:
            hook = {"url": receiver.url, "events": ["task"]}
            made = owner.post(f"/api/canvases/{canvas}/webhooks", json=hook)
            assert made.status_code == 201, made.text
            task = begin(owner, canvas)
            card = in_state(owner, task, "waiting")["cards"][0]["id"]
            receiver.wait(1)
            owner.post(f"/api/tasks/{task['id']}/answer", json={"card": card, "answer": "red"})
            in_state(owner, task, "done")
            receiver.wait(2)
            failed = begin(owner, canvas, "fails")
            got = receiver.wait(3)
            assert owner.get(f"/api/canvases/{canvas}/ledger/verify").json()["whole"]
    finally:
        receiver.close()
    assert all(one.signed_with(made.json()["secret"]) for one in got)
    assert [one.body["type"] for one in got] == ["task.waiting", "task.done", "task.failed"]
    assert got[0].body["task"]["id"] == task["id"] and got[0].body["task"]["asks"][0]["question"] == "Which colour?"
    assert got[2].body["task"]["id"] == failed["id"] and got[2].body["task"]["problem"]


def test_mail_goes_to_a_confirmed_address_only_says_what_was_wanted_and_can_be_ended(
    studio: ServedStudio, canvas: str, mails: Mails
) -> None:
    with studio.client() as owner, studio.client("") as nobody:
        before = len(mails.got)
        path = "/api/me/mail"
        assert owner.get(path).json() == {"available": True, "mailbox": None}
        for wrong in ("nowhere", "a@b\nBcc: x@y.z", "a@b..c", "a b@c.d"):
            assert owner.put(path, json={"address": wrong}).status_code == 422
        box = owner.put(path, json={"address": "ann@example.com", "about": ["done", "waiting"]}).json()["mailbox"]
        assert box["confirmed"] is False
        asked = mails.wait(before + 1)[-1]
        assert asked["To"] == "ann@example.com" and "studiolo@example.com" in asked["From"]
        in_state(owner, begin(owner, canvas, "says", "Nobody is written to yet."), "done")
        [link] = [word for word in asked.get_content().split() if word.startswith("https://")][-1:]
        at = urlsplit(link)
        assert link.startswith("https://studio.example.com/mail/confirm?")
        page = nobody.get(f"{at.path}?{at.query}")
        assert page.status_code == 200 and "<button>Confirm</button>" in page.text
        assert owner.get(path).json()["mailbox"]["confirmed"] is False  # looking is not confirming
        old = nobody.get(f"{at.path}?{at.query}0")
        assert old.status_code == 404 and "This link does not work any more" in old.text and "<form" not in old.text
        refused(nobody.post(f"/api/mail/confirm?{at.query}0"), 404)
        assert nobody.post(f"/api/mail/confirm?{at.query}").status_code == 200
        assert owner.get(path).json()["mailbox"]["confirmed"] is True

        task = begin(owner, canvas, title="A secret\ncolour")
        card = in_state(owner, task, "waiting")["cards"][0]["id"]
        mail = mails.wait(before + 2)[-1]
        assert mail["Subject"] == "Waits for you: A secret colour"
        assert f"https://studio.example.com/tasks/{task['id']}" in mail.get_content()
        assert "Which colour?" not in mail.get_content()  # titles only
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        owner.put(path, json={"address": "ann@example.com", "about": ["waiting", "failed"], "detail": "more"})
        owner.post(f"/api/tasks/{task['id']}/answer", json={"card": card, "answer": "red"})
        in_state(owner, task, "done")  # of which no mail is wanted any more
        mails.refuse.append("451 Come back later")
        more = begin(owner, canvas, "fails")
        in_state(owner, more, "failed")
        until(lambda: owner.get(path).json()["mailbox"]["problem"], lambda problem: "451" in problem)
        end = mail["List-Unsubscribe"].strip("<>")
        assert nobody.post(f"{urlsplit(end).path}?{urlsplit(end).query}").status_code == 200
        assert owner.get(path).json()["mailbox"] is None
        assert len(mails.got) == before + 2


def test_a_token_that_gives_less_does_not_say_where_mail_goes(studio: ServedStudio, canvas: str) -> None:
    with studio.client(studio.make_token("editor", canvas)) as narrow:
        refused(narrow.get("/api/me/mail"), 403)
        refused(narrow.put("/api/me/mail", json={"address": "thief@example.com"}), 403)
    with studio.client(studio.make_token("editor", kind="agent")) as agent:
        refused(agent.put("/api/me/mail", json={"address": "thief@example.com"}), 403)


def test_a_schedule_is_made_in_words_looked_at_changed_and_run(studio: ServedStudio, canvas: str) -> None:
    with studio.client() as owner:
        read = owner.post("/api/schedules/read", json={"words": "every weekday at 8, go on", "zone": "Europe/Berlin"})
        assert read.json()["sentence"] == "Every weekday (Monday to Friday) at 08:00 (Europe/Berlin)."
        assert len(read.json()["next"]) == 5 and read.json()["text"] == "go on"
        assert "“full”" in refused(owner.post("/api/schedules/read", json={"words": "every full moon"}), 422)
        path = f"/api/canvases/{canvas}/schedules"
        body = {"kind": "says", "inputs": {"what": "Hello."}, "words": "every weekday at 8", "zone": "Europe/Berlin"}
        key = {"Idempotency-Key": "one schedule"}
        made = [owner.post(path, json=body, headers=key) for _ in range(2)]
        assert [one.status_code for one in made] == [201, 201] and made[0].json()["id"] == made[1].json()["id"]
        schedule = made[0].json()
        assert schedule["state"] == "on" and schedule["coming"][0] == schedule["next"]
        refused(owner.post(path, json={**body, "rule": "0 8 * * *"}), 422)
        refused(owner.post(path, json={**body, "inputs": {}}), 422)
        refused(owner.post(path, json={**body, "zone": "Mars/Olympus"}), 422)
        refused(owner.post(path, json={**body, "words": "every minute"}), 422)
        limits = {"tokens": 5_000_000, "seconds": 60.0, "money": None}
        limited = owner.post(path, json={**body, "budget": limits, "priority": 3}).json()
        assert (limited["budget"], limited["priority"]) == (limits, 3)
        ran = owner.post(f"/api/schedules/{limited['id']}/run").json()
        assert (ran["budget"], ran["priority"]) == (limits, 3)
        in_state(owner, ran, "done")

        at = f"/api/schedules/{schedule['id']}"
        task = owner.post(f"{at}/run")
        assert task.status_code == 201, task.text + studio.log()
        assert in_state(owner, task.json(), "done")["schedule"] == schedule["id"]
        shown = owner.get(at).json()
        assert [one["id"] for one in shown["history"]] == [task.json()["id"]] and shown["next"] == schedule["next"]
        assert owner.post(f"{at}/pause").json()["next"] is None
        changed = owner.patch(at, json={"rule": "30 9 * * 1", "title": "Mondays"}).json()
        assert (changed["state"], changed["title"]) == ("paused", "Mondays")
        assert owner.post(f"{at}/resume").json()["sentence"] == "Every Monday at 09:30 (Europe/Berlin)."
        refused(owner.patch(at, json={}), 422)
        assert schedule["id"] in [one["id"] for one in owner.get("/api/schedules").json()["schedules"]]

        token = studio.make_token("commenter", canvas)
        with studio.client(token) as commenter, studio.client(studio.make_token("editor", canvas)) as editor:
            refused(commenter.post(f"{at}/pause"), 403)
            refused(commenter.delete(at), 403)
            assert commenter.get(at).status_code == 200
            refused(editor.post(path, json={**body, "budget": limits}), 403)
            refused(commenter.post(path, json={**body, "priority": 1}), 403)
            of_limits = f"/api/schedules/{limited['id']}"
            refused(editor.patch(of_limits, json={"budget": {**limits, "seconds": None}}), 403)
            # What an owner has set stays, but holds only for an owner's tasks.
            kept = editor.patch(of_limits, json={"budget": limits, "priority": 3, "inputs": {"what": "Mine."}}).json()
            assert kept["budget"] == limits and kept["by"]["role"] == "editor"
            less = editor.post(f"{of_limits}/run").json()
            assert (less["budget"], less["priority"]) == ({"tokens": 2_000_000, "seconds": 60.0, "money": 5.0}, 3)
            theirs = editor.patch(at, json={"inputs": {"what": "Mine."}}).json()
            assert theirs["by"]["role"] == "editor" and theirs["by"]["id"] != schedule["by"]["id"]
        with studio.client(studio.make_token("editor", studio.canvas("x")["id"])) as stranger:
            refused(stranger.get(at), 404)
            refused(stranger.post(f"{at}/run"), 404)
        assert owner.delete(at).status_code == 204
        refused(owner.get(at), 404)
        assert owner.get(f"/api/tasks/{task.json()['id']}").status_code == 200


def test_the_command_line_begins_follows_answers_and_schedules(studio: ServedStudio, canvas: str) -> None:
    done = studio.cli("task", "kinds")
    assert "asks" in done.stdout and "broken.md" in done.stderr
    asks = ("task", "run", "asks", "--canvas", canvas, "--input", "what=colour", "--input", "times=2")
    done = studio.cli(*asks, "--follow")
    assert done.returncode == 3, done.stderr
    assert "asks: Which colour? (red / blue)" in done.stdout and "Asks" in done.stderr
    done = studio.cli("task", "list", "--canvas", canvas, "--json")
    [task] = json.loads(done.stdout)["tasks"]
    assert task["inputs"]["times"] == 2
    done = studio.cli("task", "answer", task["id"], "red")
    assert done.returncode == 0, done.stderr
    done = studio.cli("task", "show", task["id"], "--follow")
    assert done.returncode == 0, done.stderr
    done = studio.cli("task", "cancel", "none")
    assert done.returncode == 1 and "studiolo: " in done.stderr and "Traceback" not in done.stderr
    done = studio.cli(
        *("task", "schedule", "add", "says", "--canvas", canvas, "--input", "what=x"),
        *("--when", "every day at 7", "--zone", "Europe/Berlin"),
    )
    assert done.returncode == 0 and "Every day at 07:00 (Europe/Berlin)." in done.stderr, done.stderr
    id = done.stdout.strip()
    assert id in studio.cli("task", "schedule", "list").stdout
    assert studio.cli("task", "schedule", "delete", id).returncode == 0
    # The tokens that were made for it are gone.
    assert "Command line" not in studio.cli("token", "list").stdout


def test_the_command_line_says_where_no_studio_is_and_sends_no_token_elsewhere(studio: ServedStudio) -> None:
    done = studio.cli("task", "list", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1 and "no token" in done.stderr
    done = studio.cli("task", "list", "--url", "http://127.0.0.1:9", "--token", "x")
    assert done.returncode == 1 and "No studio answers" in done.stderr
    done = studio.cli("task", "list", "--url", studio.url, "--token", "wrong")
    assert done.returncode == 1 and "token" in done.stderr
