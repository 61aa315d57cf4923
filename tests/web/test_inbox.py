"""The inbox over HTTP: what waits for whom, at once; and asking agents to do again what went stale or failed."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Refusal
from tests.web.test_canvases import act, error

TEXT = "The lighthouse keeper climbed the stairs slowly. Nobody had asked him to do so, and nobody would thank him.\n"


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="module")
def asked_studio(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """A studio whose default model answers from the fake provider."""
    home: Path = tmp_path_factory.mktemp("inbox")
    fake = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}
    served = serve(home, fake)
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture(autouse=True)
def answering(provider: FakeProvider) -> Iterator[None]:
    yield
    provider.refusal = None


def eventually(condition: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return found


def agent(studio: ServedStudio, canvas: str = "*") -> str:
    """A token of an agent that is not one of the studio's own."""
    made = studio.cli("token", "create", "--role", "commenter", "--agent", "--name", "Muse", "--canvas", canvas)
    return made.stdout.strip()


def waiting(client: httpx2.Client, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/inbox", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(found: dict[str, Any]) -> list[str]:
    return [item["id"] for item in found["items"]]


def suggest(client: httpx2.Client, made: dict[str, Any], find: str, replace: str, **more: Any) -> str:
    hunks = [{"find": find, "replace": replace}]
    answer = act(client, made["id"], "suggest", page=made["pages"][0]["id"], hunks=hunks, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def test_what_waits_is_listed_over_canvases_and_leaves_when_it_is_decided(studio: ServedStudio) -> None:
    made = [studio.canvas(TEXT, title=f"Inbox {number}") for number in range(3)]
    here = {one["id"] for one in made}
    with studio.client() as owner, studio.client(agent(studio)) as muse:
        given = [suggest(muse, one, "climbed", "took", reason="Say less.") for one in made]
        found = [item for item in waiting(owner, limit=200)["items"] if item["canvas"]["id"] in here]
        assert sorted(item["id"] for item in found) == sorted(f"s:{id}" for id in given)
        assert {item["canvas"]["title"] for item in found} == {"Inbox 0", "Inbox 1", "Inbox 2"}
        first = found[0]
        assert first["canvas"]["role"] == "owner" and first["why"] and first["rev"]
        assert first["options"][0]["reason"] == "Say less." and first["options"][0]["hunks"][0]["now"] == "took"
        act(owner, made[0]["id"], "accept", suggestion=given[0])
        act(owner, made[1]["id"], "reject", suggestion=given[1])
        assert [waiting(owner, canvas=one["id"])["items"] != [] for one in made] == [False, False, True]
        counted = owner.get("/api/inbox/count").json()
        assert counted["count"] == waiting(owner)["count"] and counted["kinds"]["suggestion"] >= 1


def test_it_comes_page_by_page_in_one_order(studio: ServedStudio) -> None:
    made = studio.canvas(" ".join(f"word{number}" for number in range(30)) + "\n")
    token = studio.make_token("commenter", made["id"], "Ben")
    with studio.client() as owner, studio.client(agent(studio)) as muse, studio.client(token) as ben:
        for number in range(0, 30, 2):
            suggest(muse, made, f"word{number} ", f"Word{number} ")
        act(owner, made["id"], "comment", page=made["pages"][0]["id"], quote="word1 ", text="Why?")
        act(ben, made["id"], "comment", page=made["pages"][0]["id"], quote="word5 ", text="And this?")
        act(muse, made["id"], "comment", page=made["pages"][0]["id"], quote="word3 ", text="What is this?")
        whole = waiting(owner, canvas=made["id"])
        assert len(ids(whole)) == 17 and whole["items"][0]["why"] == "Ben waits for an answer"
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            part = waiting(owner, canvas=made["id"], limit=5, **after)
            seen += ids(part)
            if part["next"] is None:
                break
            after = {"after": part["next"]}
        assert seen == ids(whole)
        asked = [item["id"] for item in whole["items"] if item["kind"] == "question"]
        assert ids(waiting(owner, canvas=made["id"], kind="question")) == asked and len(asked) == 2
        for wrong in ({"after": "nonsense"}, {"limit": 1000}, {"kind": "nothing"}):
            error(owner.get("/api/inbox", params=wrong), 422, "invalid")


def test_nobody_sees_what_waits_in_a_canvas_they_may_not_see(studio: ServedStudio) -> None:
    open_one, closed_one = studio.canvas(TEXT), studio.canvas(TEXT)
    with studio.client(agent(studio)) as muse:
        for made in (open_one, closed_one):
            suggest(muse, made, "climbed", "took")
            act(muse, made["id"], "comment", page=made["pages"][0]["id"], quote="stairs", text="Which stairs?")
    expected = {"owner": 2, "editor": 2, "commenter": 0, "viewer": 0}
    for role, count in expected.items():
        with studio.client(studio.make_token(role, open_one["id"])) as client:
            found = waiting(client)
            assert found["count"] == len(found["items"]) == count, role
            assert {item["canvas"]["id"] for item in found["items"]} <= {open_one["id"]}
            assert [canvas["id"] for canvas in found["canvases"]] == [open_one["id"]] * bool(count)
            counted = client.get("/api/inbox/count").json()
            assert counted == {"count": count, "kinds": found["kinds"]}
            assert waiting(client, canvas=closed_one["id"])["items"] == []
    with studio.client("") as nobody:
        for path in ("/api/inbox", "/api/inbox/count", "/api/inbox/events"):
            error(nobody.get(path), 401, "unauthenticated")


def test_a_commenter_is_shown_what_is_said_to_them_and_what_became_of_theirs(studio: ServedStudio) -> None:
    made = studio.canvas(TEXT)
    page = made["pages"][0]["id"]
    with studio.client() as owner, studio.client(studio.make_token("commenter", made["id"], "Ben Nye")) as ben:
        suggest(ben, made, "climbed the stairs slowly", "took the stairs")
        thread = act(ben, made["id"], "comment", page=page, quote="thank him", text="Too sad?").json()["id"]
        assert waiting(ben)["items"] == []
        act(owner, made["id"], "edit", page=page, hunks=[{"find": "the stairs", "replace": "all the stairs"}])
        act(owner, made["id"], "reply", thread=thread, text="No, it is how he feels.")
        act(owner, made["id"], "comment", page=page, quote="Nobody", text="@Ben Nye please look at this.")

        def whys() -> set[str]:
            return {item["why"] for item in waiting(ben)["items"]}

        eventually(lambda: len(whys()) == 3)
        assert whys() >= {"The text under your suggestion has changed"}
        assert {why for why in whys() if why.endswith(("answered you", "waits for an answer"))} == whys() - {
            "The text under your suggestion has changed"
        }


def test_a_deleted_canvas_leaves_nothing(studio: ServedStudio) -> None:
    made = studio.canvas(TEXT)
    with studio.client() as owner, studio.client(agent(studio, made["id"])) as muse:
        suggest(muse, made, "climbed", "took")
        assert waiting(owner, canvas=made["id"])["items"]
        assert owner.delete(f"/api/canvases/{made['id']}").status_code == 204
        assert waiting(owner, canvas=made["id"])["items"] == []
        assert made["id"] not in [canvas["id"] for canvas in waiting(owner)["canvases"]]


def test_it_is_there_after_a_restart_and_after_a_kill(tmp_path: Path) -> None:
    studio = serve(tmp_path)
    try:
        made = studio.canvas(TEXT)
        with studio.client() as owner:
            suggest(owner, made, "climbed", "took")
            before = waiting(owner)
        assert len(before["items"]) == 1
        studio.stop()
        studio.start()
        with studio.client() as owner:
            assert waiting(owner) == before
            suggest(owner, made, "slowly", "fast")
        studio.stop(signal.SIGKILL)  # before the canvas has told anybody
        studio.start()
        with studio.client() as owner:
            eventually(lambda: len(waiting(owner)["items"]) == 2)
    finally:
        studio.stop(signal.SIGKILL)


def test_whoever_listens_is_told_when_something_else_waits(studio: ServedStudio) -> None:
    made, hidden = studio.canvas(TEXT), studio.canvas(TEXT)
    heard: list[tuple[str, dict[str, Any]]] = []
    listening = threading.Event()

    def listen() -> None:
        with (
            studio.client(studio.make_token("editor", made["id"])) as client,
            client.stream("GET", "/api/inbox/events") as stream,
        ):
            kind = ""
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    heard.append((kind, json.loads(value)))
                    listening.set()
                    if kind == "changed":
                        return

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(20)
    with studio.client() as owner:
        suggest(owner, hidden, "climbed", "took")
        suggest(owner, made, "climbed", "took")
    thread.join(20)
    assert not thread.is_alive()
    assert heard == [("listening", {"type": "listening"}), ("changed", {"type": "changed", "canvas": made["id"]})]


# -- once more


def ended(client: httpx2.Client, run: str) -> dict[str, Any]:
    return eventually(lambda: (r := client.get(f"/api/runs/{run}").json())["state"] in ("done", "failed") and r, 30)


def test_an_agent_does_its_stale_suggestion_anew_on_todays_text(
    asked_studio: ServedStudio, provider: FakeProvider
) -> None:
    first = {"text": "The keeper climbed the stairs slowly.", "reason": "Shorter."}
    made = asked_studio.canvas(TEXT)
    page = made["pages"][0]["id"]
    with asked_studio.client() as owner:
        provider.typed = [first]
        asked = {"prompt": "Make it plainer.", "skill": "rewrite", "page": page, "options": {"how": "free"}}
        quote = {"quote": "The lighthouse keeper climbed the stairs slowly."}
        begun = owner.post(f"/api/canvases/{made['id']}/ask", json={**asked, **quote})
        run = ended(owner, begun.json()["run"])
        assert run["state"] == "done", run
        (old,) = [result["id"] for result in run["results"] if result["type"] == "suggestion"]
        act(owner, made["id"], "edit", page=page, hunks=[{"find": "lighthouse keeper", "replace": "old harbour pilot"}])
        (item,) = eventually(lambda: waiting(owner, canvas=made["id"], kind="stale")["items"])
        (hunk,) = item["options"][0]["hunks"]
        assert (hunk["was"], hunk["now"], hunk["today"]) == ("lighthouse ", "", "old ")

        again = {"text": "The pilot climbed the stairs slowly.", "reason": "Plainer, as you asked."}
        provider.typed = [again]
        provider.asked.clear()
        where = f"/api/canvases/{made['id']}/suggestions/{old}/redo"
        answer = owner.post(where, json={}, headers={"Idempotency-Key": "redo-1"})
        assert answer.status_code == 202, answer.text
        assert owner.post(where, json={}, headers={"Idempotency-Key": "redo-1"}).json() == answer.json()
        second = ended(owner, answer.json()["run"])
        assert second["state"] == "done", second
        assert (second["agent"], second["skill"], second["prompt"]) == ("co-author", "rewrite", "Make it plainer.")
        sent = json.dumps(provider.asked[-1].body)
        assert "The old harbour pilot climbed the stairs slowly." in sent and "Make it plainer." in sent
        seen = {one["id"]: one for one in owner.get(f"/api/canvases/{made['id']}").json()["suggestions"]}
        (new,) = [result["id"] for result in second["results"] if result["type"] == "suggestion"]
        assert seen[new]["replaces"] == old and seen[new]["status"] == "open"
        assert seen[old]["status"] == "withdrawn"
        assert ids(waiting(owner, canvas=made["id"])) == [f"s:{new}"]
        error(owner.post(where, json={}), 409, "decided")


def test_only_agents_are_asked_again_and_only_by_those_who_may_ask(asked_studio: ServedStudio) -> None:
    made = asked_studio.canvas(TEXT)
    with (
        asked_studio.client() as owner,
        asked_studio.client(asked_studio.make_token("viewer", made["id"])) as viewer,
    ):
        mine = suggest(owner, made, "climbed", "took")
        where = f"/api/canvases/{made['id']}/suggestions"
        error(owner.post(f"{where}/{mine}/redo", json={}), 409, "conflict")
        error(owner.post(f"{where}/nothing/redo", json={}), 404, "not_found")
        with asked_studio.client(agent(asked_studio, made["id"])) as muse:
            theirs = suggest(muse, made, "slowly", "fast")
        error(owner.post(f"{where}/{theirs}/redo", json={}), 409, "conflict")
        error(viewer.post(f"{where}/{mine}/redo", json={}), 403, "forbidden")


def test_a_failed_run_waits_until_it_is_put_away_or_done_again(
    asked_studio: ServedStudio, provider: FakeProvider
) -> None:
    made = asked_studio.canvas(TEXT)
    page = made["pages"][0]["id"]
    provider.refusal = Refusal(400, {"error": {"message": "no"}})
    asked = {"prompt": "Make it plainer.", "skill": "rewrite", "page": page, "quote": "Nobody had asked him to do so,"}
    with asked_studio.client() as owner, asked_studio.client(asked_studio.make_token("owner", made["id"])) as other:
        failed = ended(owner, owner.post(f"/api/canvases/{made['id']}/ask", json=asked).json()["run"])
        assert failed["state"] == "failed"
        (item,) = waiting(owner, canvas=made["id"])["items"]
        assert (item["id"], item["kind"]) == (f"r:{failed['id']}", "run")
        assert item["run"]["prompt"] == "Make it plainer." and item["run"]["error"]["message"]
        assert waiting(other)["items"] == []
        error(other.post(f"/api/runs/{failed['id']}/dismiss", json={}), 403, "forbidden")

        assert owner.post(f"/api/runs/{failed['id']}/dismiss", json={}).json()["away"] is True
        assert waiting(owner, canvas=made["id"])["items"] == []
        owner.post(f"/api/runs/{failed['id']}/dismiss", json={"away": False})
        assert len(waiting(owner, canvas=made["id"])["items"]) == 1

        provider.refusal = None
        plain = {"text": "No one had asked him to,", "reason": "Plainer."}
        provider.typed = [plain]
        provider.asked.clear()
        answer = owner.post(f"/api/runs/{failed['id']}/again", json={})
        assert answer.status_code == 202, answer.text
        second = ended(owner, answer.json()["run"])
        assert second["state"] == "done", second
        assert "<page>\\nNobody had asked him to do so,\\n</page>" in json.dumps(provider.asked[-1].body)
        assert [item["kind"] for item in waiting(owner, canvas=made["id"])["items"]] == ["suggestion"]


def test_what_was_asked_in_another_canvas_is_not_asked_here(asked_studio: ServedStudio, provider: FakeProvider) -> None:
    private, shared = asked_studio.canvas(TEXT), asked_studio.canvas(TEXT)
    with asked_studio.client() as owner, asked_studio.client(agent(asked_studio, shared["id"])) as muse:
        provider.typed = [{"text": "The keeper climbed the stairs slowly.", "reason": "Shorter."}]
        asked = {"prompt": "Nobody may know of this.", "skill": "rewrite", "page": private["pages"][0]["id"]}
        quote = {"quote": "The lighthouse keeper climbed the stairs slowly.", "options": {"how": "free"}}
        run = ended(owner, owner.post(f"/api/canvases/{private['id']}/ask", json={**asked, **quote}).json()["run"])
        theirs = suggest(muse, shared, "climbed", "took", run=run["id"], skill="rewrite", reason="Plainer.")
        hunks = [{"find": "climbed", "replace": "went up"}]
        act(owner, shared["id"], "edit", page=shared["pages"][0]["id"], hunks=hunks)
        answer = owner.post(f"/api/canvases/{shared['id']}/suggestions/{theirs}/redo", json={})
        assert answer.status_code == 202, answer.text
        assert ended(owner, answer.json()["run"])["prompt"] == "Plainer."
