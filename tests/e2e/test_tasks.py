"""Tasks, as people meet them: one is begun from the canvas, changed while it works, answered by somebody else on a
phone, and its end is told wherever one is, by mail, too. Others are stopped, tried again, and begun by themselves."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, expect

from tests.conftest import ServedStudio, serve
from tests.models.fake_provider import FakeProvider, Turn
from tests.web.mails import Mails

from .desk import Desk, until
from .play import TEXT
from .test_accessibility import DESKTOP, PHONE, complaints

Person = Callable[..., Desk]
SOON = 60_000  # milliseconds that a step may take on a busy machine
QUESTION = "Who rings the bell?"
BELOW = "Somebody from below"
ADDED = "And below, something rang back.\n"
KIND = f"""---
name: Proof before print
description: Reads a page, asks what it does not know, and proposes how it ends.
title: "Proof of {{page}}"
inputs:
  page: {{label: Page, kind: page}}
  length: {{label: Length, kind: choice, choices: [short, long], default: short}}
agents: [critic, co-author]
steps:
  - {{id: read, do: ask_agent, title: "Reads {{page}}", agent: critic, page: "{{page}}"}}
  - {{id: which, do: ask_people, title: Asks who rings, question: "{QUESTION}", choices: ["{BELOW}", Nobody]}}
  - {{id: praise, do: ask_agent, title: Praises it, agent: critic, page: "{{page}}"}}
  - {{id: mend, do: ask_agent, title: Proposes an end, agent: co-author, page: "{{page}}"}}
---
For print.

## read
READ IT ALOUD.

## praise
PRAISE IT.

## mend
FIND AN END.
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

NAMES = """---
name: Names things
description: Asks for a name.
title: "A name for {what}"
inputs:
  what: {label: What, kind: text}
  greeting: {label: Greeting, kind: text, default: Hello.}
steps:
  - {id: greet, do: say, title: "Says {greeting}", text: "{greeting}"}
  - {id: ask, do: ask_people, title: "Asks for a name for {what}", question: "What is {what} called?"}
  - {id: end, do: say, title: Says that it is settled, text: "Settled."}
---
"""
READS = """---
name: Reads a file
description: Takes claims out of a file, and asks whether they hold.
title: How long the lamp burned, and when the bell was cast
inputs:
  file: {label: File, kind: source}
steps:
  - {id: read, do: research_read, title: Reads the file, file: "{file}"}
  - {id: ask, do: ask_people, title: Asks whether it holds, question: "Does it hold?"}
---
"""
LOOKS = """---
name: Looks
description: Looks at a page.
inputs:
  url: {label: Address, kind: text}
steps:
  - {id: look, do: look, title: Looks at the page, url: "{url}"}
  - {id: tell, do: tell_new, title: Tells what is new}
---
"""


class Agents:
    """What the agents of the kind do. Reading goes on until its gate is opened."""

    def __init__(self, provider: FakeProvider) -> None:
        self.reads = threading.Event()
        self.fails = False
        self.asked: list[str] = []
        provider.script = [self.answer]

    def answer(self, body: dict[str, Any]) -> Turn:
        said = "\n".join(str(message.get("content")) for message in body["messages"] if message["role"] == "user")
        called = any(message["role"] == "tool" for message in body["messages"])
        if "READ IT ALOUD" in said:
            self.reads.wait(60)
            return Turn("It reads well aloud.", wait=self.reads, hang_up=self.fails)
        self.asked.append(said)
        if "FIND AN END" in said and not called:
            page = (re.findall(r"page ([0-9a-f]{16})", said) or re.findall(r"\b[0-9a-f]{16}\b", said))[0]
            return Turn(calls=[("insert", {"page": page, "text": f"\n{ADDED}", "reason": "It needs an answer."})])
        return Turn("There it is.")


class Stage:
    """A studio with a kind of its own, a canvas, and its owner."""

    def __init__(self, studio: ServedStudio, nadia: Desk) -> None:
        self.studio, self.nadia = studio, nadia
        nadia.set_up(f"{studio.url}/?setup={studio.setup}", "Nadia")
        with studio.client() as client:
            pages = [{"title": "The lamp room", "text": TEXT, "kind": "prose"}]
            made = client.post("/api/canvases", json={"title": "The keeper", "pages": pages}).json()
            self.canvas: str = made["id"]
            self.page: str = made["pages"][0]["id"]
            share = client.post(f"/api/canvases/{self.canvas}/shares", json={"role": "editor"}).json()
        self.share: str = share["url"]

    def tasks(self) -> list[dict[str, Any]]:
        with self.studio.client() as client:
            return client.get(f"/api/canvases/{self.canvas}/tasks").json()["tasks"]

    def begin(self) -> None:
        """Nadia begins a task from the canvas, by key."""
        self.nadia.open(f"{self.studio.url}/c/{self.canvas}")
        self.nadia.command("Begin a task")
        dialog = self.nadia.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Proof before print").click()
        expect(dialog.get_by_label("Page", exact=True)).to_have_value(self.page, timeout=SOON)
        dialog.get_by_role("button", name="Begin", exact=True).click()
        expect(dialog).to_be_hidden(timeout=SOON)

    def look(self, desk: Desk) -> None:
        """Open the page of the newest task."""
        task = self.tasks()[0]
        desk.page.goto(f"{self.studio.url}/tasks/{task['id']}")
        expect(desk.page.get_by_role("heading", name=task["title"])).to_be_visible(timeout=SOON)

    def begin_as(self, desk: Desk, kind: str, **inputs: str) -> None:
        """Begin a task in somebody's name, and open its page."""
        desk.page.goto(self.studio.url)
        desk.page.evaluate(
            """([canvas, body]) => fetch(`/api/canvases/${canvas}/tasks`, {
                method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body)
            }).then(answer => { if (!answer.ok) throw new Error(answer.status) })""",
            [self.canvas, {"kind": kind, "inputs": inputs}],
        )
        self.look(desk)

    def said(self) -> list[str]:
        with self.studio.client() as client:
            return [one["text"] for one in client.get(f"/api/canvases/{self.canvas}").json()["chat"]]


class Heard:
    """What the toasts of a page have said since then: each is there for some seconds only."""

    def __init__(self, desk: Desk) -> None:
        self.page = desk.page
        self.page.evaluate(
            """() => {
                window.heard = []
                const toasts = document.querySelector('.toasts')
                const look = () => toasts.querySelectorAll('p').forEach(p => window.heard.push(p.innerText))
                new MutationObserver(look).observe(toasts, { childList: true, subtree: true })
            }"""
        )

    def toasts(self) -> str:
        return "\n".join(self.page.evaluate("window.heard"))


def step(desk: Desk, title: str) -> Locator:
    """A step that has begun."""
    return desk.page.locator("ol.steps > li").filter(has=desk.page.get_by_role("button", name=title))


def coming(desk: Desk) -> Locator:
    return desk.page.get_by_role("list", name="Still to come").get_by_role("listitem")


def state(desk: Desk) -> Locator:
    return desk.page.locator("main p.line")


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def agents(provider: FakeProvider) -> Iterator[Agents]:
    agents = Agents(provider)
    yield agents
    agents.reads.set()


@pytest.fixture
def studio(tmp_path: Path, provider: FakeProvider) -> Iterator[ServedStudio]:
    (tmp_path / "tasks").mkdir()
    for name, text in {"proof": KIND, "names": NAMES, "reads": READS, "looks": LOOKS}.items():
        (tmp_path / "tasks" / f"{name}.md").write_text(text, encoding="utf-8")
    fake = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1", "STUDIOLO_MODEL": "openai:fake-model"}
    served = serve(tmp_path, fake)
    yield served
    assert served.stop() == 0, served.log()


def test_a_task_is_begun_changed_while_it_works_and_answered_by_somebody_else(
    studio: ServedStudio, agents: Agents, person: Person
) -> None:
    stage = Stage(studio, person())
    nadia, tomas = stage.nadia, person(**PHONE)
    tomas.join(stage.share, "Tomas")
    stage.begin()
    panel = nadia.page.get_by_label("Tasks of this canvas")
    panel.get_by_role("link", name="Proof of The lamp room").click()
    stage.look(tomas)
    for desk in (nadia, tomas):
        expect(step(desk, "Reads The lamp room")).to_have_attribute("aria-current", "step", timeout=SOON)
        expect(coming(desk)).to_have_count(3)

    # She moves a step by key, words another otherwise, and takes one out; he sees it.
    last = nadia.page.get_by_role("button", name="Proposes an end: change its words")
    last.focus()
    nadia.page.keyboard.press("Alt+ArrowUp")
    expect(coming(tomas).nth(1)).to_contain_text("Proposes an end", timeout=SOON)
    expect(last).to_be_focused()
    nadia.page.keyboard.press("Enter")
    nadia.page.get_by_label("What it is to do").fill("FIND AN END that is an answer.")
    nadia.page.get_by_label("Called").fill("Proposes an answer")
    nadia.page.get_by_role("button", name="Keep", exact=True).click()
    expect(coming(tomas).nth(1)).to_contain_text("Proposes an answer", timeout=SOON)
    nadia.page.get_by_role("button", name="Take out: Praises it").click()
    expect(coming(tomas)).to_have_count(2, timeout=SOON)
    nadia.page.get_by_label("Say something to the task").fill("Nobody panics.")
    nadia.page.keyboard.press("Enter")
    expect(tomas.page.get_by_text("Nobody panics.")).to_be_visible(timeout=SOON)

    # He answers under his thumb; she is elsewhere by then.
    with nadia.page.expect_request("**/api/tasks/events", timeout=SOON):  # she is told of her tasks from then on
        nadia.page.goto(studio.url)
    heard = Heard(nadia)
    agents.reads.set()
    ask = tomas.page.get_by_role("group", name="It asks")
    expect(ask).to_contain_text(QUESTION, timeout=SOON)
    expect(ask.get_by_role("button", name=BELOW)).to_be_in_viewport()
    until(lambda: "“Proof of The lamp room” asks you something." in heard.toasts(), 60)
    ask.get_by_role("button", name=BELOW).tap()
    expect(state(tomas)).to_contain_text("Done", timeout=SOON)
    assert "an answer" in agents.asked[0] and "Nobody panics." in agents.asked[0]
    assert not any("PRAISE IT" in said for said in agents.asked)
    until(lambda: "“Proof of The lamp room” is done." in heard.toasts(), 60)
    stage.look(nadia)
    expect(step(nadia, "Asks who rings")).to_contain_text(f"Tomas: {BELOW}")
    nadia.page.get_by_role("link", name="A suggestion in “The lamp room”").click()
    nadia.ready()
    expect(nadia.card(has_text="It needs an answer.")).to_be_visible(timeout=SOON)


def test_a_task_is_tried_again_and_another_is_stopped(studio: ServedStudio, agents: Agents, person: Person) -> None:
    stage = Stage(studio, person())
    nadia = stage.nadia
    agents.fails = True
    agents.reads.set()
    stage.begin()
    stage.look(nadia)
    expect(state(nadia)).to_contain_text("Could not go on", timeout=2 * SOON)
    agents.fails = False
    step(nadia, "Reads The lamp room").get_by_role("button", name="Try this again").click()
    expect(nadia.page.get_by_role("group", name="It asks")).to_contain_text(QUESTION, timeout=2 * SOON)

    # It is answered in the inbox, and what came of it is there, too.
    page = nadia.page
    page.goto(f"{studio.url}/inbox")
    page.get_by_role("group", name="It asks").get_by_role("button", name=BELOW).click(timeout=SOON)
    until(lambda: [task["state"] for task in stage.tasks()] == ["done"], 60)
    row = page.locator('[data-inbox] [data-kind="task"]')
    expect(row).to_contain_text("1 change", timeout=SOON)
    row.click()
    page.get_by_role("button", name="Accept it").click()
    expect(row).to_have_count(0, timeout=SOON)

    agents.reads.clear()
    stage.begin()
    stage.look(nadia)
    expect(step(nadia, "Reads The lamp room")).to_have_attribute("aria-current", "step", timeout=SOON)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    expect(state(nadia)).to_contain_text("Stopped", timeout=SOON)
    expect(page.get_by_role("heading", name="It did not come to this")).to_be_visible()
    assert [task["state"] for task in stage.tasks()] == ["cancelled", "done"]


def test_a_new_task_goes_on_from_a_step_with_other_words(studio: ServedStudio, agents: Agents, person: Person) -> None:
    stage = Stage(studio, person())
    page = stage.nadia.page
    stage.begin_as(stage.nadia, "names", what="the boat")
    ask = page.get_by_role("group", name="It asks")
    expect(ask).to_contain_text("What is the boat called?", timeout=SOON)
    step(stage.nadia, "Asks for a name").get_by_role("button", name="Asks for a name").click()
    page.get_by_role("button", name="Begin anew from here").click()

    form = page.get_by_role("dialog", name="Begin anew from")
    told = form.get_by_role("status")
    expect(form.get_by_label("What", exact=True)).to_have_value("the boat", timeout=SOON)
    form.get_by_label("What", exact=True).fill("the ship")
    expect(told).to_contain_text("Asks for a name for the ship", timeout=SOON)
    kept = told.locator("div").filter(has_text="Taken over as it is")
    expect(kept).to_contain_text("Says Hello.")
    assert complaints(page) == []
    # What came before depends on this: then it is not taken over.
    form.get_by_label("Greeting").fill("Good day.")
    expect(kept).to_contain_text("Nothing", timeout=SOON)
    form.get_by_label("Greeting").fill("Hello.")
    expect(kept).to_contain_text("Says Hello.", timeout=SOON)
    form.get_by_role("button", name="Begin", exact=True).click()
    expect(page.get_by_role("heading", name="A name for the ship")).to_be_visible(timeout=SOON)
    expect(ask).to_contain_text("What is the ship called?", timeout=SOON)
    assert stage.said().count("Hello.") == 1

    # And once more from the beginning, with what was filled in.
    page.get_by_role("button", name="More about this task").click()
    page.get_by_role("menuitem", name="Begin again").click()
    form = page.get_by_role("dialog", name="Names things")
    expect(form.get_by_label("What", exact=True)).to_have_value("the ship", timeout=SOON)
    form.get_by_role("button", name="Begin", exact=True).click()
    until(lambda: stage.said().count("Hello.") == 2, 60)


def test_what_was_found_counts_no_more_when_somebody_says_so(
    studio: ServedStudio, agents: Agents, provider: FakeProvider, person: Person
) -> None:
    stage = Stage(studio, person())
    page = stage.nadia.page
    facts = ["The lamp burned for nine winters.", "The bell was cast in 1912."]
    provider.thinks = lambda _: {"claims": [{"statement": fact, "quote": fact, "part": 1} for fact in facts]}
    with studio.client() as owner:
        file = ("lamp.txt", " ".join(facts).encode(), "text/plain")
        put = owner.post(f"/api/canvases/{stage.canvas}/attachments", files={"file": file})
        assert put.status_code == 201, put.text
    stage.begin_as(stage.nadia, "reads", file=put.json()["id"])
    found = page.get_by_role("region", name="Found so far")
    expect(found.get_by_role("listitem")).to_have_count(2, timeout=SOON)
    expect(page.get_by_role("group", name="It asks")).to_be_visible(timeout=SOON)
    found.get_by_role("button", name=f"Let this not count: {facts[0]}").click()
    expect(found).to_contain_text("1 thing does not count any more", timeout=SOON)
    expect(found.get_by_text(facts[0])).to_have_count(0)
    page.get_by_role("button", name="Nothing from lamp.txt").click()
    expect(found).to_contain_text("2 things do not count any more", timeout=SOON)
    [task] = stage.tasks()
    assert all(one["dropped"]["name"] == "Nadia" for one in task["found"])


def test_a_task_rests_and_goes_on_and_a_step_is_ended_in_its_middle(
    studio: ServedStudio, agents: Agents, person: Person
) -> None:
    stage = Stage(studio, person())
    nadia, page = stage.nadia, stage.nadia.page
    stage.begin_as(nadia, "proof", page=stage.page)
    reads = step(nadia, "Reads The lamp room")
    expect(reads).to_have_attribute("aria-current", "step", timeout=SOON)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(state(nadia)).to_contain_text("Rests after this step", timeout=SOON)

    # It need not end first: it goes on without it, and rests then.
    reads.get_by_role("button", name="Reads The lamp room").click()
    reads.get_by_role("button", name="Go on without it").click()
    expect(reads).to_contain_text("skipped it", timeout=SOON)
    expect(state(nadia)).to_contain_text("Paused", timeout=SOON)
    expect(page.get_by_role("group", name="It asks")).to_have_count(0)
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page.get_by_role("group", name="It asks")).to_contain_text(QUESTION, timeout=SOON)
    assert [one["state"] for one in stage.tasks()[0]["plan"]][:2] == ["skipped", "waiting"]


def test_two_people_change_the_plan_at_the_same_time(studio: ServedStudio, agents: Agents, person: Person) -> None:
    stage = Stage(studio, person())
    nadia, tomas = stage.nadia, person()
    tomas.join(stage.share, "Tomas")
    agents.reads.set()
    stage.begin_as(tomas, "proof", page=stage.page)
    stage.look(nadia)
    for desk in (nadia, tomas):
        expect(desk.page.get_by_role("group", name="It asks")).to_contain_text(QUESTION, timeout=2 * SOON)
        desk.page.get_by_role("button", name="Proposes an end: change its words").click()
    # Both have begun to write before either has said it.
    nadia.page.get_by_label("What it is to do").fill("FIND AN END that answers.")
    tomas.page.get_by_label("Called").fill("Proposes two ends")
    nadia.page.get_by_role("button", name="Keep", exact=True).click()
    until(lambda: stage.tasks()[0]["plan"][3]["given"]["instructions"] == "FIND AN END that answers.", 60)
    tomas.page.get_by_role("button", name="Keep", exact=True).click()
    for desk in (nadia, tomas):
        expect(coming(desk).nth(1)).to_contain_text("Proposes two ends", timeout=SOON)

    # One takes a step out while the other adds one.
    nadia.page.get_by_role("button", name="Add a step").click()
    nadia.page.get_by_role("menuitem", name="An agent does something").click()
    nadia.page.get_by_label("What it is to do").fill("PRAISE IT again.")
    tomas.page.get_by_role("button", name="Take out: Praises it").click()
    expect(coming(nadia)).to_have_count(1, timeout=SOON)
    nadia.page.get_by_role("button", name="Add", exact=True).click()
    for desk in (nadia, tomas):
        expect(coming(desk)).to_have_count(2, timeout=SOON)
        expect(coming(desk).nth(0)).to_contain_text("Proposes two ends")
        expect(coming(desk).nth(1)).to_contain_text("PRAISE IT again.")
    plan = stage.tasks()[0]["plan"]
    assert plan[2]["given"]["instructions"] == "FIND AN END that answers." and len(plan) == 4


def test_it_is_allowed_from_a_phone_what_leaves_the_studio(
    studio: ServedStudio, agents: Agents, person: Person
) -> None:
    stage = Stage(studio, person(**PHONE))
    page = stage.nadia.page
    stage.begin_as(stage.nadia, "looks", url="http://127.0.0.1:9/bell")
    ask = page.get_by_role("group", name="May it?")
    expect(ask).to_contain_text("127.0.0.1", timeout=SOON)
    once, never = (ask.get_by_role("button", name=name) for name in ("Allow once", "No…"))
    for button in (once, never):
        expect(button).to_be_in_viewport()
        box = button.bounding_box()
        assert box is not None and box["height"] >= 44
    assert complaints(page) == []
    once.tap()
    expect(ask).to_have_count(0, timeout=SOON)
    expect(page.get_by_role("region", name="What it asked")).to_be_visible(timeout=SOON)
    until(lambda: stage.tasks()[0]["cards"][0].get("answer") == "once", 60)
    until(lambda: stage.tasks()[0]["state"] in ("done", "failed"), 60)  # nothing is there to be read


def test_a_task_begins_by_itself_when_somebody_says_in_words(
    studio: ServedStudio, agents: Agents, person: Person
) -> None:
    stage = Stage(studio, person())
    page = stage.nadia.page
    page.get_by_role("link", name="Tasks", exact=True).click()
    page.get_by_role("button", name="Begin a task").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Proof before print").click()
    expect(dialog.get_by_label("In which canvas?")).to_have_value(stage.canvas, timeout=SOON)
    expect(dialog.get_by_label("Page", exact=True)).to_have_value(stage.page, timeout=SOON)
    dialog.get_by_role("radio", name="On a schedule").check()
    when = dialog.get_by_label("When?")
    when.fill("every blue moon")
    expect(when).to_have_attribute("aria-invalid", "true", timeout=SOON)
    expect(dialog.get_by_role("button", name="Schedule it")).to_be_disabled()
    when.fill("every weekday at 8")
    expect(dialog.get_by_text("Every weekday (Monday to Friday) at 08:00")).to_be_visible(timeout=SOON)
    expect(dialog.get_by_role("list", name="The next times").get_by_role("listitem")).to_have_count(5)
    dialog.get_by_role("button", name="Schedule it").click()
    expect(dialog).to_be_hidden(timeout=SOON)

    planned = page.get_by_role("region", name="Begins by itself")
    expect(planned).to_contain_text("Every weekday (Monday to Friday) at 08:00", timeout=SOON)
    expect(planned).to_contain_text("Next:")

    def choose(what: str) -> None:
        planned.get_by_role("button", name="More about").click()
        page.get_by_role("menuitem", name=what).click()

    choose("Pause")
    expect(planned).to_contain_text("Paused", timeout=SOON)
    choose("Run it now")
    expect(page.get_by_role("region", name="At work")).to_contain_text("Proof of The lamp room", timeout=SOON)
    agents.reads.set()
    expect(page.get_by_role("region", name="Waits for you")).to_contain_text(QUESTION, timeout=2 * SOON)
    choose("What came of it")
    expect(page.get_by_role("dialog").get_by_role("link", name="Proof of The lamp room")).to_be_visible(timeout=SOON)
    page.keyboard.press("Escape")
    choose("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(planned).to_have_count(0, timeout=SOON)
    assert [task["state"] for task in stage.tasks()] == ["waiting"]


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_tasks_are_for_everybody(
    studio: ServedStudio, agents: Agents, person: Person, size: dict[str, Any], scheme: str
) -> None:
    stage = Stage(studio, person(**size, color_scheme=scheme))
    page = stage.nadia.page

    def look_at() -> None:
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"]

    page.get_by_role("link", name="Tasks", exact=True).click()
    empty = page.get_by_role("heading", name="Hand over work, and come back to it.")
    expect(empty).to_be_visible(timeout=SOON)
    look_at()
    page.get_by_role("button", name="Begin a task").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Continue a story")).to_be_visible(timeout=SOON)
    dialog.get_by_role("button", name="Proof before print").click()
    expect(dialog.get_by_label("Page", exact=True)).to_have_value(stage.page, timeout=SOON)
    look_at()
    agents.reads.set()
    dialog.get_by_role("button", name="Begin", exact=True).click()
    waits = page.get_by_role("region", name="Waits for you")
    expect(waits).to_contain_text(QUESTION, timeout=2 * SOON)
    look_at()
    waits.get_by_role("link", name="Proof of The lamp room").click()
    expect(page.get_by_role("group", name="It asks")).to_contain_text(QUESTION, timeout=SOON)
    page.get_by_role("button", name="Proposes an end: change its words").click()
    expect(page.get_by_label("What it is to do")).to_be_focused()
    look_at()
    page.keyboard.press("Escape")
    expect(page.get_by_label("What it is to do")).to_have_count(0)
    page.get_by_role("group", name="It asks").get_by_role("button", name=BELOW).click()
    expect(state(stage.nadia)).to_contain_text("Done", timeout=2 * SOON)
    look_at()


@pytest.fixture
def mails() -> Iterator[Mails]:
    server = Mails()
    yield server
    server.close()


@pytest.fixture
def post(tmp_path: Path, mails: Mails) -> Iterator[ServedStudio]:
    """A studio that sends mail."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "says.md").write_text(SAYS, encoding="utf-8")
    smtp = {"STUDIOLO_SMTP_URL": f"smtp://127.0.0.1:{mails.port}", "STUDIOLO_MAIL_FROM": "studiolo@example.com"}
    served = serve(tmp_path, {**smtp, "STUDIOLO_URL": "https://studio.example.com"})
    yield served
    assert served.stop() == 0, served.log()


def link(studio: ServedStudio, mails: Mails, count: int, purpose: str) -> str:
    """The link of the mail that came as so many-eth, at the address where the studio of the test is."""
    until(lambda: len(mails.got) >= count, 90)
    words = mails.got[count - 1].get_content().split()
    [found] = [word for word in words if word.startswith(f"https://studio.example.com/mail/{purpose}?")]
    return f"{studio.url}{urlsplit(found).path}?{urlsplit(found).query}"


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_news_come_by_mail_once_the_address_is_confirmed_until_a_link_ends_them(
    post: ServedStudio, mails: Mails, person: Person, size: dict[str, Any], scheme: str
) -> None:
    nadia = person(**size, color_scheme=scheme)
    nadia.set_up(f"{post.url}/?setup={post.setup}", "Nadia")
    page = nadia.page

    def settings() -> Locator:
        page.get_by_role("button", name="You: Nadia").click()
        page.get_by_role("menuitem", name="News by mail").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("Your address")).to_be_visible(timeout=SOON)
        assert complaints(page) == []
        return dialog

    dialog = settings()
    standing = dialog.get_by_role("status")
    dialog.get_by_label("could not go on").uncheck()
    dialog.get_by_label("Your address").fill("nadia@example.com")
    page.keyboard.press("Enter")
    expect(standing).to_contain_text("nadia@example.com waits for you to confirm it.", timeout=SOON)
    dialog.get_by_role("button", name="Send the link again").click()
    assert complaints(page) == []

    # She follows the link where she reads her mail, and is not signed in there.
    reader = person(**size, color_scheme=scheme)
    reader.page.goto(link(post, mails, 2, "confirm"))
    assert complaints(reader.page) == []
    expect(standing).to_contain_text("waits for you")
    reader.page.get_by_role("button", name="Confirm").click()
    expect(reader.page.get_by_role("heading", name="Confirmed")).to_be_visible(timeout=SOON)
    expect(standing).to_contain_text("nadia@example.com is confirmed.", timeout=SOON)
    assert complaints(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.get_by_role("button", name="Start with a blank page").click()
    nadia.ready()
    canvas = page.url.rpartition("/c/")[2].split("/")[0]
    page.evaluate(
        """canvas => fetch(`/api/canvases/${canvas}/tasks`, {
            method: 'POST', headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ kind: 'says', inputs: { what: 'Rain.' }, title: 'The weather' })
        }).then(answer => { if (!answer.ok) throw new Error(answer.status) })""",
        canvas,
    )
    ends = link(post, mails, 3, "end")
    assert mails.got[2]["Subject"] == "Done: The weather"
    reader.page.goto(ends)
    reader.page.get_by_role("button", name="No more mails").click()
    expect(reader.page.get_by_text("Your address was forgotten.")).to_be_visible(timeout=SOON)
    reader.page.goto(ends)
    expect(reader.page.get_by_role("heading", name="This link does not work any more")).to_be_visible(timeout=SOON)
    assert complaints(reader.page) == []
    page.goto(post.url)
    expect(settings().get_by_role("status")).to_contain_text("You get no mails.", timeout=SOON)
