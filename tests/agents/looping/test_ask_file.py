"""`studiolo ask FILE` with a model that calls tools: it works in steps, and asks whoever is at the terminal."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from studiolo.agents.ask_file import asked
from studiolo.agents.kit import Kit
from studiolo.agents.toolbox.permits import PolicyFile
from tests.agents.looping.conftest import Player
from tests.agents.test_ask_file import Terminal

TEXT = "The old lamp went out. It was a dark night.\n"
ASKS = [("ask_person", {"question": "Which word?", "choices": ["lantern", "torch"]})]
OUTLINE = [("outline", {})]


def suggests(find: str, replace: str) -> Any:
    """A call that is made once the model has been told the page's id."""
    return [("suggest", {"page": "PAGE", "changes": [{"find": find, "replace": replace}], "reason": "A better word"})]


class Reader(Player):
    """A model that finds the page's id in what it is sent."""

    async def _streamed(self, messages: Any, info: Any) -> Any:  # type: ignore[override]
        prompt = str(messages[0].parts[-1].content)
        page = prompt.rpartition("Page ")[2].partition(" is open")[0]
        self.answers = [json.loads(json.dumps(answer).replace("PAGE", page)) for answer in self.answers]
        async for piece in super()._streamed(messages, info):
            yield piece


def run(path: Path, model: Player, answers: str | None = None, **given: Any) -> tuple[str, str]:
    args = argparse.Namespace(
        file=path, instruction="Find a better word.", agent=None, model=None, skill=None, accept=False, json=False
    )
    vars(args).update(given)
    read, write = (io.StringIO(), io.StringIO()) if answers is None else (Terminal(answers), Terminal())
    note = io.StringIO()
    home = path.parent / "home"
    home.mkdir()
    (home / "tools.toml").write_text('[tools]\noutline = "ask"\n')

    async def close() -> None: ...

    kit = Kit(policy=PolicyFile(home))
    assert asyncio.run(asked(args, model, close, read, write, note, kit=kit)) == 0
    return write.getvalue(), note.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chapter.md"
    path.write_text(TEXT)
    return path


def test_what_the_loop_proposes_is_shown_and_taken(file: Path) -> None:
    model = Reader([suggests("lamp", "lantern"), "I proposed another word."])
    out, _ = run(file, model, accept=True)
    assert "I proposed another word." in out and file.read_text() == TEXT.replace("lamp", "lantern")


def test_a_question_is_asked_at_the_terminal(file: Path) -> None:
    model = Reader([ASKS, suggests("lamp", "torch"), "Done."])
    out, _ = run(file, model, "2\nn\n")
    assert "Which word?" in out and "2. torch" in out
    assert "torch" in str(model.sent[1][-1])
    assert file.read_text() == TEXT


@pytest.mark.parametrize(("typed", "allowed"), [("y\n", True), ("n\n", False), ("\n", False), ("a\n", True)])
def test_what_must_be_allowed_is_asked_at_the_terminal(file: Path, typed: str, allowed: bool) -> None:
    model = Reader([OUTLINE, "Done."])
    out, _ = run(file, model, typed)
    assert "Allow it?" in out
    assert ("does not allow this" in str(model.sent[1][-1])) is not allowed


def test_where_nobody_is_nothing_is_allowed_and_the_agent_decides(file: Path) -> None:
    model = Reader([[*ASKS, *OUTLINE], "I decided for “lantern”."])
    out, _ = run(file, model)
    told = str(model.sent[1][-1])
    assert "Nobody is there to answer." in told and "does not allow this" in told
    assert "I decided for “lantern”." in out
