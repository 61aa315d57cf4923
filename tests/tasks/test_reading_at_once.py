"""Several sources are read at the same time, each of another host; whatever ends the studio, none is read twice."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.conftest import StartStudio
from tests.models.fake_provider import FakeProvider
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import PATIENCE, Desk
from tests.tasks.test_deep_research import PARTS, QUESTION
from tests.tasks.test_research_survives import until
from tests.tasks.thinking import Researcher, form, material
from tests.tasks.web import vesper
from tests.tasks.web.vesper import SAID, TOPIC, Web
from tests.tools.site import Page

SITES = ("wiki", "ministry", "herald", "copy")


class Meeting:
    """Pages that are shown only once as many readers as there are sites have come; and how many came to one at once."""

    def __init__(self, web: Web, many: int) -> None:
        self.barrier = threading.Barrier(many)
        self.lock = threading.Lock()
        self.here: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        for site in SITES[:many]:
            web.sites[site].pages["/opening"] = self._page(site, web.sites[site].pages["/opening"])

    def _page(self, site: str, shown: Page) -> Page:
        def page(request: BaseHTTPRequestHandler) -> None:
            with self.lock:
                self.here[site] += 1
                self.most[site] = max(self.most[site], self.here[site])
            self.barrier.wait(PATIENCE)
            with self.lock:
                self.here[site] -= 1
            shown(request)

        return page


async def test_sources_of_several_hosts_are_read_at_the_same_time(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web)
    here.kit.search = None
    provider.thinks = Researcher(PARTS[:1], TOPIC, mends=1_000)
    meeting = Meeting(web, 4)  # with fewer readers at once nobody gets to read anything
    addresses = " ".join(web.url(site, "/opening") for site in SITES)
    task = await here.do("deep-research", {"question": QUESTION, "ask": False, "addresses": addresses})
    assert task.state == "done", task.problem
    assert not meeting.barrier.broken and all(meeting.most[site] == 1 for site in SITES)
    read = [here.results[task.id][step.id] for step in task.plan if step.do == "research_read"]
    assert [one["url"] for one in read] == addresses.split() and all(one["claims"] for one in read)
    visits = Counter(visit for visit in web.visits if "robots" not in visit)
    assert set(visits.values()) == {1}
    asked = [body for body in provider.chats if form(body) == {"claims"}]
    assert len(asked) == 4  # each portion once


async def test_pages_of_one_host_are_read_one_after_the_other(desk: OpenDesk, provider: FakeProvider, web: Web) -> None:
    here: Desk = await desk(None, web)
    here.kit.search = None
    provider.thinks = Researcher(PARTS[:1], TOPIC)
    at_once, most, lock = Counter[str](), Counter[str](), threading.Lock()
    paths = ("/opening", "/power", "/engineer")

    def counted(shown: Page) -> Page:
        def page(request: BaseHTTPRequestHandler) -> None:
            with lock:
                at_once["wiki"] += 1
                most["wiki"] = max(most["wiki"], at_once["wiki"])
            shown(request)
            with lock:
                at_once["wiki"] -= 1

        return page

    for path in paths:
        web.sites["wiki"].pages[path] = counted(web.sites["wiki"].pages[path])
    addresses = " ".join(web.url("wiki", path) for path in paths)
    task = await here.do("deep-research", {"question": QUESTION, "ask": False, "addresses": addresses})
    assert task.state == "done" and most["wiki"] == 1


def test_what_was_read_ahead_is_not_read_again_when_the_studio_is_killed(start_studio: StartStudio) -> None:
    web = vesper.spread(apart=True)
    go_on = threading.Event()
    shown = web.sites["wiki"].pages["/opening"]

    def slowly(request: BaseHTTPRequestHandler) -> None:
        go_on.wait(PATIENCE)
        shown(request)

    web.sites["wiki"].pages["/opening"] = slowly
    others = [web.url(site, "/opening") for site in SITES[1:]]
    try:
        with FakeProvider() as provider:
            provider.thinks = Researcher(PARTS[:1], vesper.TOPIC, mends=1_000)
            environ = {
                "OPENAI_API_KEY": "sk-none",
                "OPENAI_BASE_URL": f"{provider.url}/v1",
                "STUDIOLO_MODEL": "openai:fake-model",
                "STUDIOLO_TOOL_NETWORKS": "127.0.1.0/24",
            }
            studio = start_studio(**environ)

            def read_ahead(_now: dict[str, Any]) -> bool:
                asked = "".join(material(body) for body in provider.chats if form(body) == {"claims"})
                return all(SAID["opening"][site] in asked for site in SITES[1:])

            with studio.client() as owner:
                (studio.home / "tools.toml").write_text('[tools]\nweb = "allow"\n')
                canvas = owner.post("/api/canvases", json={"title": "Barrage"}).json()["id"]
                inputs = {"question": QUESTION, "ask": False}
                inputs["addresses"] = " ".join([web.url("wiki", "/opening"), *others])
                body = {"kind": "deep-research", "inputs": inputs}
                begun = owner.post(f"/api/canvases/{canvas}/tasks", json=body)
                assert begun.status_code == 201, begun.text
                task = begun.json()["id"]
                until(owner, task, read_ahead)  # its text is kept before a model is asked about it
            studio.stop(signal.SIGKILL)
            go_on.set()
            studio.start()
            with studio.client() as owner:
                done = until(owner, task, lambda now: now["state"] == "done")
    finally:
        go_on.set()
        web.close()
    assert done["state"] == "done"
    times = Counter(visit for visit in web.visits if "robots.txt" not in visit)
    assert [times[url] for url in others] == [1, 1, 1]
