"""Data refresh: when a file has changed, exactly the sentences whose numbers changed are suggested."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from studiolo.tasks.doing.refreshing import tells, written
from studiolo.tools.attachments import Attachment
from tests.models.fake_provider import FakeProvider
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import Desk
from tests.tasks.thinking import Answers, material

BEFORE = "region,revenue,share\nNorth,1234,0.42\nSouth,987,0.58\n"
AFTER = "region,revenue,share\nNorth,1310,0.45\nSouth,987,0.58\n"
SQL = "select region, revenue, share from sales"
REPORT = (
    "The year was quiet.\n\nThe North brought in 1,234 crowns, which is less than ever. The South brought in 987 "
    "crowns, as before. The North made 42 % of the whole.\n\nIn 1234 a chronicle names the town.\n\n"
    "| Region | Revenue |\n|---|---|\n| North | 1,234 |\n| South | 987 |\n"
)


async def put(desk: Desk, text: str, name: str = "sales.csv") -> Attachment:
    assert desk.kit.files is not None
    file, _ = await desk.kit.files.add(desk.room.id, text.encode(), name, desk.by.id, "text/csv")
    return file


def words(body: dict[str, Any]) -> dict[str, Any]:
    """It finds that “less than ever” no longer fits, and mistakes a number in another sentence."""
    found = re.findall(r"^\[(\d+)\] before: .*\n +now: (.*)$", material(body), re.MULTILINE)
    return {
        "sentences": [
            {"number": int(at), "text": now.replace("less than ever", "more than before")}
            if "less than ever" in now
            else {"number": int(at), "text": now.replace("45", "54")}
            for at, now in found
        ]
    }


async def test_exactly_the_sentences_whose_numbers_changed_are_suggested(
    desk: OpenDesk, provider: FakeProvider
) -> None:
    here: Desk = await desk([("Report", REPORT), ("Analysis", f"```sql\n{SQL}\n```\n", "note")])
    provider.thinks = Answers({"sentences": words})
    await put(here, BEFORE)
    inputs = {"file": "sales.csv", "analysis": here.pages["Analysis"], "pages": [here.pages["Report"]]}
    task = await here.do("data-refresh", inputs)
    assert task.state == "done", task.problem
    assert task.outcome == "Noted 4 numbers of sales.csv: from now on changes are told."
    task = await here.do("data-refresh", inputs)
    assert task.outcome == "sales.csv has not changed." and not provider.asked

    await put(here, AFTER)
    task = await here.do("data-refresh", inputs)
    assert task.state == "done", task.problem
    (suggestion,) = here.open_suggestions()
    changed = {hunk["quote"]: hunk["replace"] for hunk in suggestion["hunks"]}
    assert changed == {
        "The North brought in 1,234 crowns, which is less than ever.": (
            "The North brought in 1,310 crowns, which is more than before."
        ),
        "The North made 42 % of the whole.": "The North made 45 % of the whole.",  # 54 was the model's mistake
        "| North | 1,234 |": "| North | 1,310 |",
    }
    assert suggestion["author"] == "analyst"
    assert "North · revenue: 1234 → 1310" in [
        one["text"].partition(",")[0] for one in json.loads(suggestion["evidence"])
    ]
    assert task.outcome == "2 numbers changed; 3 sentences to be judged."
    assert "1234 a chronicle" in here.room.canvas.page_text(here.pages["Report"])


async def test_an_older_file_of_the_same_name_is_what_it_was_before(desk: OpenDesk) -> None:
    here: Desk = await desk([("Report", REPORT)], tools=False, model="smollm2-135m")
    await put(here, BEFORE)
    await put(here, AFTER)
    task = await here.do("data-refresh", {"file": "sales.csv", "analysis": SQL})
    (suggestion,) = here.open_suggestions()
    assert "The North brought in 1,310 crowns, which is less than ever." in [
        hunk["replace"] for hunk in suggestion["hunks"]
    ]
    assert task.outcome.startswith("2 numbers changed; 3 sentences")


async def test_a_program_gives_numbers_by_name(desk: OpenDesk) -> None:
    here: Desk = await desk([("Report", "We sold 2221 things in the South and the North.")], tools=False)
    here.model = "smollm2-135m"
    await put(here, BEFORE)
    await put(here, AFTER)
    code = (
        "import csv\nrows = list(csv.DictReader(open('sales.csv')))\n"
        "print('total sold:', sum(int(row['revenue']) for row in rows))"
    )
    await here.do("data-refresh", {"file": "sales.csv", "analysis": code})
    (suggestion,) = here.open_suggestions()
    assert suggestion["hunks"][0]["replace"] == "We sold 2297 things in the South and the North."


async def test_what_is_wrong_with_the_analysis_is_said(desk: OpenDesk) -> None:
    here: Desk = await desk([("Report", REPORT)], tools=False, model="smollm2-135m")
    await put(here, BEFORE)
    task = await here.do("data-refresh", {"file": "sales.csv", "analysis": "select nothing from sales"})
    assert task.state == "failed" and task.problem and "nothing" in task.problem["message"]
    task = await here.do("data-refresh", {"file": "other.csv", "analysis": SQL})
    assert task.problem and "There is no file “other.csv”" in task.problem["message"]


@pytest.mark.parametrize(
    ("token", "unit", "old", "new", "becomes"),
    [
        ("1,234", "", "1234", "1310", "1,310"),
        ("1234", "", "1234", "1310.4", "1310"),
        ("12.3", " %", "0.1234", "0.2", "20.0"),
        ("12", "%", "12.4", "13.6", "14"),
        ("1.2", " million", "1234000", "1310000", "1.3"),
        ("1,235", "", "1234", "1310", None),
        ("12", "", "0.12", "0.2", None),
    ],
)
def test_a_number_is_written_as_the_old_one_was(token: str, unit: str, old: str, new: str, becomes: str | None) -> None:
    assert tells(token, unit, Decimal(old)) == (becomes is not None)
    if becomes is not None:
        assert written(token, unit, Decimal(old), Decimal(new)) == becomes
