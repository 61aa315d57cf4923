"""A receiver hears of suggestions and decisions from a studio as it is served, also from one that was killed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import ServedStudio, StartStudio, serve
from tests.web.receiver import WAIT, Got, Receiver, answers

ALLOWED = {"STUDIOLO_WEBHOOK_NETWORKS": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def open_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """A studio whose operator allows this machine."""
    served = serve(tmp_path_factory.mktemp("open"), ALLOWED)
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


class At:
    """One canvas, as one client acts on it."""

    def __init__(self, client: httpx2.Client, canvas: dict[str, Any]) -> None:
        self.client = client
        self.id = canvas["id"]
        self.page = canvas["pages"][0]["id"]
        self.path = f"/api/canvases/{self.id}"

    def act(self, **action: Any) -> dict[str, Any]:
        answer = self.client.post(f"{self.path}/actions", json=action)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def suggest(self, find: str, replace: str, **more: Any) -> str:
        hunks = [{"find": find, "replace": replace}]
        return self.act(type="suggest", page=self.page, hunks=hunks, **more)["id"]

    def hook(self, receiver: Receiver, *events: str) -> dict[str, Any]:
        wanted = events or ("suggestion", "decision", "comment")
        made = self.client.post(f"{self.path}/webhooks", json={"url": receiver.url, "events": wanted})
        assert made.status_code == 201, made.text
        return made.json()

    def deliveries(self, hook: dict[str, Any]) -> list[dict[str, Any]]:
        return self.client.get(f"{self.path}/webhooks/{hook['id']}/deliveries").json()["deliveries"]


def until(look: Callable[[], Any], true: Callable[[Any], bool]) -> None:
    """Look again until it is so: what a receiver has is noted a moment later."""
    deadline = time.monotonic() + WAIT
    while not true(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


def types(got: list[Got]) -> list[str]:
    return [one.body["type"] for one in got]


def test_the_whole_way_of_a_suggestion_is_told(open_studio: ServedStudio, receiver: Receiver) -> None:
    with open_studio.client() as owner:
        at = At(owner, open_studio.canvas("It was a dark night. Nobody slept."))
        hook = at.hook(receiver)
        assert hook["secret"].startswith("whsec_")
        taken = at.suggest("dark", "bright", reason="why not", skill="rewrite", model="small")
        dropped = at.suggest("Nobody", "Everybody")
        growing = at.act(type="suggest", page=at.page, hunks=[{"find": "night"}], streaming=True)["id"]
        at.act(type="extend", suggestion=growing, text="day")
        at.act(type="finish", suggestion=growing)
        accepted = at.act(type="accept", suggestion=taken)
        rejected = at.act(type="reject", suggestion=dropped)
        at.act(type="withdraw", suggestion=growing)
        thread = at.act(type="comment", page=at.page, quote="slept", text="Really?")["id"]
        at.act(type="reply", thread=thread, text="Yes.")
        at.act(type="resolve", thread=thread)
        got = receiver.wait(10)
        head = owner.get(f"{at.path}/ledger/verify").json()["head"]
        me = owner.get(f"{at.path}").json()["you"]
        assert owner.get(f"{at.path}/webhooks").json() == {
            "webhooks": [{name: value for name, value in hook.items() if name != "secret"}]
        }
    assert types(got) == [
        *("suggestion.made", "suggestion.made", "suggestion.made", "suggestion.finished"),
        *("decision.accepted", "decision.rejected", "decision.withdrawn"),
        *("comment.made", "comment.replied", "comment.resolved"),
    ]
    assert all(one.signed_with(hook["secret"]) for one in got)
    told = {(one.body["type"], (one.body.get("suggestion") or {}).get("id")): one.body for one in got}
    about = {"page": at.page, "author": me["id"], "name": me["name"], "author_kind": "person"}
    assert told["suggestion.made", taken]["suggestion"] == {
        "id": taken,
        **about,
        "reason": "why not",
        "skill": "rewrite",
        "model": "small",
        "status": "open",
        "hunks": [{"hunk": 0, "was": "dark", "now": "bright"}],
    }
    assert told["suggestion.made", taken]["by"] == {"id": me["id"], "name": me["name"], "kind": "person"}
    finished = told["suggestion.finished", growing]["suggestion"]
    assert (finished["status"], finished["hunks"]) == ("open", [{"hunk": 0, "was": "night", "now": "day"}])
    decided = told["decision.accepted", taken]
    assert decided["decision"] == {"id": accepted["decision"], "outcome": "accepted", "by": decided["by"]}
    assert decided["suggestion"]["status"] == "accepted"
    assert [(hunk["was"], hunk["now"]) for hunk in decided["suggestion"]["hunks"]] == [("dark", "bright")]
    assert told["decision.rejected", dropped]["decision"]["id"] == rejected["decision"]
    assert told["decision.withdrawn", growing]["suggestion"]["status"] == "withdrawn"
    assert told["comment.made", None]["thread"] == {
        "id": thread,
        "page": at.page,
        "quote": "slept",
        "status": "open",
        "text": "Really?",
    }
    assert told["comment.replied", None]["thread"]["text"] == "Yes."
    assert told["comment.resolved", None]["thread"]["status"] == "resolved"
    assert got[-1].body["ledger"]["hash"] == head


def test_many_decided_at_once_are_one_event(open_studio: ServedStudio, receiver: Receiver) -> None:
    with open_studio.client() as owner:
        at = At(owner, open_studio.canvas("one two three four"))
        ids = [at.suggest(word, word.upper()) for word in ("one", "two", "three", "four")]
        hook = at.hook(receiver, "decision")
        at.act(type="accept_all", suggestions=ids[:2])
        at.act(type="reject_all")
        got = receiver.wait(2)
        assert types(got) == ["decision.accepted", "decision.rejected"]
        assert all(one.signed_with(hook["secret"]) for one in got)
    for one, (first, second) in zip(got, (ids[:2], ids[2:]), strict=True):
        assert "suggestion" not in one.body
        told = {each["id"]: each["hunks"] for each in one.body["suggestions"]}
        assert told.keys() == {first, second}
    assert {hunk["now"] for each in got[0].body["suggestions"] for hunk in each["hunks"]} == {"ONE", "TWO"}


def test_only_owners_see_make_and_end_webhooks(open_studio: ServedStudio, receiver: Receiver) -> None:
    canvas = open_studio.canvas("Text.")
    path = f"/api/canvases/{canvas['id']}/webhooks"
    with open_studio.client() as owner:
        hook = At(owner, canvas).hook(receiver)
    body = {"url": receiver.url, "events": ["decision"]}
    for role in ("viewer", "commenter", "editor"):
        with open_studio.client(open_studio.make_token(role)) as other:
            for answer in (
                other.get(path),
                other.post(path, json=body),
                other.post(f"{path}/{hook['id']}/test"),
                other.get(f"{path}/{hook['id']}/deliveries"),
                other.delete(f"{path}/{hook['id']}"),
                other.get("/api/webhooks"),
                other.post("/api/webhooks", json=body),
                other.delete(f"/api/webhooks/{hook['id']}"),
            ):
                assert answer.status_code == 403, answer.url
    with open_studio.client(open_studio.make_token("owner", canvas["id"])) as here:  # of one canvas
        assert here.get(path).status_code == 200
        assert here.get("/api/webhooks").status_code == 403
        assert here.post("/api/webhooks", json=body).status_code == 403
    with open_studio.client() as owner:
        other_canvas = open_studio.canvas("Other.")["id"]
        for answer in (
            owner.delete(f"/api/canvases/{other_canvas}/webhooks/{hook['id']}"),
            owner.post(f"/api/canvases/{other_canvas}/webhooks/{hook['id']}/test"),
            owner.delete(f"/api/webhooks/{hook['id']}"),
            owner.delete(f"{path}/nothing"),
        ):
            assert answer.status_code == 404
        assert owner.delete(f"{path}/{hook['id']}").status_code == 204
        assert owner.get(path).json() == {"webhooks": []}


def test_a_ping_tells_at_once_how_it_went(open_studio: ServedStudio, receiver: Receiver) -> None:
    with open_studio.client() as owner:
        at = At(owner, open_studio.canvas("Text."))
        hook = at.hook(receiver)
        ping = f"{at.path}/webhooks/{hook['id']}/test"
        assert owner.post(ping).json() == {"delivered": True, "answer": "204"}
        receiver.then = [answers(500)]
        assert owner.post(ping).json() == {"delivered": False, "answer": "500"}
    assert types(receiver.got) == ["ping", "ping"]
    assert all(one.signed_with(hook["secret"]) for one in receiver.got)
    assert receiver.got[0].body["id"] != receiver.got[1].body["id"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"url": "ftp://example.com/", "events": ["decision"]}, 422),
        ({"url": "https://user:pass@example.com/"}, 422),
        ({"url": "http://no-such-host.invalid/"}, 422),
        ({"url": "http://192.168.0.1/", "events": ["decision"]}, 422),
        ({"url": "http://127.0.0.1/", "events": ["weather"]}, 422),
        ({"url": "http://127.0.0.1/", "events": []}, 422),
        ({"url": "http://127.0.0.1/", "more": 1}, 422),
        ({}, 422),
    ],
)
def test_what_cannot_be_a_webhook_is_refused(open_studio: ServedStudio, body: dict[str, Any], status: int) -> None:
    with open_studio.client() as owner:
        canvas = open_studio.canvas("Text.")["id"]
        answer = owner.post(f"/api/canvases/{canvas}/webhooks", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, "invalid"), answer.text
        assert owner.get(f"/api/canvases/{canvas}/webhooks").json() == {"webhooks": []}


def test_this_machine_is_not_to_be_reached_unless_its_operator_says_so(
    studio: ServedStudio, receiver: Receiver
) -> None:
    with studio.client() as owner:
        canvas = studio.canvas("Text.")["id"]
        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), "http://169.254.169.254/latest"):
            answer = owner.post(f"/api/canvases/{canvas}/webhooks", json={"url": url})
            assert answer.status_code == 422
            assert "STUDIOLO_WEBHOOK_NETWORKS" in answer.json()["error"]["hint"]
    assert receiver.got == []


def test_a_studio_owner_hears_of_all_canvases(start_studio: StartStudio, receiver: Receiver) -> None:
    studio = start_studio(**ALLOWED)
    with studio.client() as owner:
        made = owner.post("/api/webhooks", json={"url": receiver.url, "events": ["suggestion"]}).json()
        canvases = [At(owner, studio.canvas("dark")) for _ in range(3)]
        for at in canvases:
            at.suggest("dark", "bright")
        got = receiver.wait(3)
        assert {one.body["canvas"] for one in got} == {at.id for at in canvases}
        assert owner.post(f"/api/webhooks/{made['id']}/test").json()["delivered"]
        until(
            lambda: owner.get(f"/api/webhooks/{made['id']}/deliveries").json(), lambda one: len(one["deliveries"]) == 3
        )
        metrics = owner.get("/api/metrics").text
        assert 'studiolo_webhook_deliveries_total{state="delivered"} 3.0' in metrics
        assert owner.delete(f"/api/webhooks/{made['id']}").status_code == 204


def test_nothing_is_lost_when_the_studio_is_killed(start_studio: StartStudio, receiver: Receiver) -> None:
    """Killed between commit and delivery, and again while the receiver has it but has not answered."""
    studio = start_studio(**ALLOWED)
    words = [f"word{n:02}" for n in range(12)]
    with studio.client() as owner:
        at = At(owner, studio.canvas(" ".join(words)))
        hook = at.hook(receiver, "suggestion")
        receiver.then = [lambda _: time.sleep(2)]
        ids = [at.suggest(word, word.upper()) for word in words[:6]]  # all committed, the first one on its way
        receiver.wait(1)
    studio.stop(signal.SIGKILL)
    assert len(receiver.got) == 1
    studio.start()
    receiver.wait(7)
    with studio.client() as owner:
        at.client = owner
        ids += [at.suggest(word, word.upper()) for word in words[6:]]
    studio.stop(signal.SIGKILL)
    studio.start()
    until(lambda: {one.body["suggestion"]["id"] for one in list(receiver.got)}, lambda told: told == set(ids))
    told = [one.body["suggestion"]["id"] for one in receiver.got]
    assert sorted(told, key=ids.index) == told  # in order; whatever comes twice comes at once
    by_id = {one.headers["webhook-id"]: one.body["suggestion"]["id"] for one in receiver.got}
    assert sorted(by_id.values(), key=ids.index) == ids  # and is known by its id
    assert all(one.signed_with(hook["secret"]) for one in receiver.got)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}")
    files = ("-addext", f"subjectAltName=IP:{name}", "-keyout", key, "-out", cert)
    subprocess.run([*made, *files], check=True, capture_output=True)
    return cert, key


def test_a_receiver_with_a_wrong_certificate_is_told_nothing(start_studio: StartStudio, tmp_path: Path) -> None:
    """Neither one that nobody vouches for, nor one that is for another address."""
    (tmp_path / "unknown").mkdir()
    good, others = certificate(tmp_path, "127.0.0.1"), certificate(tmp_path, "127.0.0.9")
    unknown = certificate(tmp_path / "unknown", "127.0.0.1")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(good[0].read_text() + others[0].read_text())
    studio = start_studio(**ALLOWED, SSL_CERT_FILE=str(trusted))
    receivers = [Receiver(one) for one in (good, others, unknown)]
    said: list[dict[str, Any]] = []
    with studio.client() as owner:
        at = At(owner, studio.canvas("Text."))
        for receiver in receivers:
            hook = at.hook(receiver)
            said.append(owner.post(f"{at.path}/webhooks/{hook['id']}/test").json())
    bad = {"delivered": False, "answer": "its certificate is not good"}
    assert said == [{"delivered": True, "answer": "204"}, bad, bad]
    assert [len(receiver.got) for receiver in receivers] == [1, 0, 0]
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def two_nodes(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[list[ServedStudio]]:
    """Two nodes of one studio, whose operator allows this machine."""
    environ = {"STUDIOLO_DATABASE_URL": database_url, "STUDIOLO_REDIS_URL": redis_url, **ALLOWED}
    nodes: list[ServedStudio] = []
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            nodes.append(serve(tmp_path / name, environ))
        yield nodes
    finally:
        for node in nodes:
            node.stop(signal.SIGKILL)


def test_two_nodes_tell_everything_once(two_nodes: list[ServedStudio], receiver: Receiver) -> None:
    words = [f"word{n:02}" for n in range(30)]
    canvas = two_nodes[0].canvas(" ".join(words))
    with two_nodes[0].client() as one, two_nodes[1].client() as other:
        ats = [At(client, canvas) for client in (one, other)]
        hook = ats[0].hook(receiver, "suggestion", "decision")
        ids: list[str] = []
        for n, word in enumerate(words):
            ids.append(ats[n % 2].suggest(word, word.upper()))
            ats[(n + 1) % 2].act(type="reject", suggestion=ids[-1])
        got = receiver.wait(60)
        assert [each.body["suggestion"]["id"] for each in got] == [id for id in ids for _ in range(2)]
        assert types(got) == ["suggestion.made", "decision.rejected"] * 30
        assert all(each.signed_with(hook["secret"]) for each in got)
        path = f"{ats[1].path}/webhooks/{hook['id']}/deliveries"
        until(lambda: other.get(path).json()["waiting"], lambda waiting: waiting == 0)  # the last answer is noted, too
        two_nodes[0].stop(signal.SIGKILL)
        last = ats[1].suggest("word00", "last")
        assert receiver.wait(61)[60].body["suggestion"]["id"] == last
        until(lambda: other.get(path).json()["waiting"], lambda waiting: waiting == 0)
        assert len(receiver.got) == 61
