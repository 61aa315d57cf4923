"""Watching: only what is new is told, with words that stand there, and in one line when nothing is."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.models.fake_provider import FakeProvider
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import Desk
from tests.tasks.thinking import Answers, material
from tests.tasks.web.vesper import TOPIC, Web
from tests.tools.site import page

OLD = "<p>The council met on Monday in the old hall as always.</p>"
NEW = "<p>On Friday the council closed the road over the barrage for nine weeks.</p>"
OTHER = "<p>A new bench stands in the garden behind the town library now.</p>"


def news(body: dict[str, Any]) -> dict[str, Any]:
    """It tells what has a road in it, and makes one thing up."""
    things = re.findall(r"^\[(\d+)\] .*\n(.+)$", material(body), re.MULTILINE)
    lines = [
        {"number": int(number), "text": "The council closed the road for nine weeks.", "quote": text}
        for number, text in things
        if "road" in text
    ]
    return {"lines": [*lines, {"number": 7, "text": "The mayor resigned in 2031.", "quote": "The mayor resigned"}]}


async def test_a_page_is_watched_and_only_what_is_new_is_told(desk: OpenDesk, provider: FakeProvider, web: Web) -> None:
    here: Desk = await desk([("News", "")], web)
    provider.thinks = Answers({"lines": news})
    url = web.url("council", "/today")

    def today(*parts: str) -> None:
        web.sites["council"].pages["/today"] = page(
            f"<html><head><title>Today</title></head><body><main><h1>Today</h1>{''.join(parts)}</main></body></html>"
        )

    today(OLD)
    inputs = {"about": "the road", "url": url, "page": here.pages["News"]}
    task = await here.do("watch", inputs)
    assert task.outcome.startswith("From now on only what is new is told") and not here.open_suggestions()
    task = await here.do("watch", inputs)
    assert task.outcome == "Nothing is new about the road." and not provider.asked

    today(NEW, OLD, OTHER)
    task = await here.do("watch", inputs)
    assert task.outcome == "1 new about the road."
    (suggestion,) = here.open_suggestions()
    text = suggestion["hunks"][0]["replace"]
    assert "“On Friday the council closed the road over the barrage for nine weeks.”" in text and url in text
    assert "mayor" not in text and "bench" not in text
    assert json.loads(suggestion["evidence"])[0]["url"] == url
    assert "always" not in material(provider.thinks.requests[0])  # only what is new is read by a model

    today(OTHER)
    today(OLD, NEW)
    task = await here.do("watch", inputs)
    assert task.outcome == "Nothing is new about the road."  # what went and came back is not new


async def test_a_search_is_watched_and_told_in_the_conversation_by_a_model_that_fills_in_no_forms(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web, tools=False, model="smollm2-135m")
    inputs = {"about": f"{TOPIC} silt"}
    await here.do("watch", inputs)
    assert here.kit.search is not None
    here.kit.search._remembered.clear()  # pyright: ignore[reportPrivateUsage]
    web.texts[web.url("herald", "/silt/today")] = "Divers have measured the silt of the Vesper Sound barrage anew."
    web.titles[web.url("herald", "/silt/today")] = "Silt of the Vesper Sound barrage measured by divers"
    web.renew()
    task = await here.do("watch", inputs)
    (message,) = here.view["chat"]
    assert "“Divers have measured the silt of the Vesper Sound barrage anew.”" in message["text"]
    assert task.outcome.endswith("new about Vesper Sound barrage silt.")


async def test_what_cannot_be_looked_at_is_said_and_forgets_nothing(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web)
    inputs = {"about": "the road", "url": web.url("council", "/today")}
    web.sites["council"].pages["/today"] = page(f"<html><body><main>{OLD}</main></body></html>")
    await here.do("watch", inputs)
    web.sites["council"].pages["/today"] = page("gone", status=404)
    task = await here.do("watch", inputs)
    assert task.state == "done" and task.outcome.startswith("Nobody could look for the road")
    web.sites["council"].pages["/today"] = page(f"<html><body><main>{OLD}</main></body></html>")
    task = await here.do("watch", inputs)
    assert task.outcome == "Nothing is new about the road."
