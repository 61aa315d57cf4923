"""Kinds with a small model that is given tools: Qwen2.5-Coder-1.5B, where its weights are (STUDIOLO_TEST_QWEN names the
file). What it writes is weak; what stands in the report is proved or marked all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studiolo.tasks.doing.reporting import MARK
from tests.models.fake_provider import FakeProvider
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import Desk
from tests.tasks.test_deep_research import everywhere, notes_of, report_of, sentences_of
from tests.tasks.web.vesper import Web

QWEN = os.environ.get("STUDIOLO_TEST_QWEN", "")
pytestmark = pytest.mark.skipif(not QWEN, reason="STUDIOLO_TEST_QWEN names no weights")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "given.toml"
    path.write_text(f'[[models]]\nname = "qwen"\nprovider = "gguf"\npath = "{QWEN}"\ntools = true\n')
    return path


async def test_deep_research_with_a_small_model_says_nothing_that_is_not_there(
    desk: OpenDesk, provider: FakeProvider, web: Web, models: Path
) -> None:
    here: Desk = await desk(None, web, tools=False, models=models, model="qwen")
    here.patience = 3_000.0
    question = "What is the capacity of the Vesper Sound barrage?"
    task = await here.do("deep-research", {"question": question, "ask": False, "searches": 2, "pages": 2})
    for step in task.plan:
        print(step.state, step.do, "|", step.title, "|", step.note or step.error)
    print(task.state, task.outcome, task.notes, task.spent, task.problem)
    assert task.state == "done", task.problem
    report = report_of(here, task)
    for heading, text in report.items():
        print(f"## {heading}\n{text}\n")
    notes = notes_of(report) if "Sources" in report else {}
    for quote, _ in notes.values():
        assert everywhere(web, quote), quote
    for sentence in sentences_of(report.get("In short", "")):
        assert MARK in sentence or "[^" in sentence, sentence
    assert not any("/collect" in visit for visit in web.visits)
