"""Two agents, a line editor and two people in one page: every stage of a round is seen by both, and one decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider

from .desk import Desk
from .play import BURIED, DRAFT, MEANWHILE, POLISHED, REVISED, STAYS, TELLS, THANKS, Play

Person = Callable[..., Desk]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def studio(tmp_path: Path, provider: FakeProvider) -> Iterator[ServedStudio]:
    fake = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}
    served = serve(tmp_path, fake)
    yield served
    assert served.stop() == 0, served.log()


def test_a_draft_is_criticised_revised_and_polished_before_two_people_and_one_decides(
    studio: ServedStudio, provider: FakeProvider, person: Person
) -> None:
    play = Play(studio, provider, person(), person())
    play.begin()
    play.draft()
    suggestion = play.suggestion
    assert suggestion["author"] == "co-author" and suggestion["hunks"][0]["replace"].strip() == DRAFT
    assert "rang at the hour" not in play.view()["pages"][0]["text"]

    play.critique()
    threads = play.view()["threads"]
    assert [thread["comments"][0]["text"] for thread in threads] == [TELLS, BURIED]
    assert {thread["about"] for thread in threads} == {suggestion["id"]}
    assert {thread["author"] for thread in threads} == {"critic"}

    play.revise()
    assert any(MEANWHILE in str(body) for body in provider.chats), "what Tomas said was read"
    assert play.suggestion["id"] == suggestion["id"] and play.suggestion["hunks"][0]["replace"].strip() == REVISED

    play.polish()
    hunk = play.suggestion["hunks"][0]
    assert hunk["replace"].strip() == POLISHED and hunk["proposed"].strip() == REVISED
    assert hunk["amended_by"] == "line-editor"
    assert [turn["state"] for turn in play.round()["turns"]] == ["done"] * 4

    play.decide()
    view = play.view()
    assert view["pages"][0]["text"].rstrip().endswith(POLISHED)
    assert view["suggestions"][0]["status"] == "accepted"
    assert [thread["status"] for thread in view["threads"]] == ["resolved", "resolved"]
    assert [said["text"] for said in view["threads"][0]["comments"][-2:]] == [THANKS, STAYS]
    assert play.nadia.text() == play.tomas.text()
