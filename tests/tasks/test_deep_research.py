"""Deep research on a web of some seventy pages: what the report says is proved or marked, and nothing else leaves."""

from __future__ import annotations

import re
from typing import Any

from studiolo.tasks.doing.reporting import MARK, ONE, OPPOSITE
from studiolo.tasks.kind_folder import SHIPPED
from studiolo.tasks.merging import Wanted
from studiolo.tasks.task import Budget, Task
from tests.models.fake_provider import FakeProvider
from tests.tasks.conftest import OpenDesk
from tests.tasks.desk import NADIA, Desk
from tests.tasks.thinking import Researcher, form, material, said
from tests.tasks.web.vesper import NAMES, SAID, TOPIC, Web

SECRET = "The butler Ferdinand Okonkwo hides the emerald ledger beneath the pantry stairs"
QUESTION = "When was the Vesper Sound barrage opened, what is its capacity, and what became of the salmon?"
PARTS = [
    "When was the Vesper Sound barrage opened?",
    "What is the capacity of the Vesper Sound barrage and of its turbines?",
    "What became of the catch of salmon in Vesper Sound?",
    "How many workers died while the Vesper Sound barrage was built?",
    "How many gigawatt hours does the Vesper Sound barrage deliver in a year?",
    "What harm did the Vesper Sound barrage do to families?",
]


def folded(text: str) -> str:
    """Letters and digits alone, in small letters."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def report_of(desk: Desk, task: Task) -> dict[str, str]:
    """The sections of the report, by their headings."""
    made = desk.results[task.id]["report"]
    (suggestion,) = [one for one in desk.view["suggestions"] if one["id"] == made["suggestion"]]
    return {hunk["before"].rpartition("## ")[2].strip(): hunk["replace"].strip() for hunk in suggestion["hunks"]}


def notes_of(report: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The quote and the address of each footnote."""
    found = re.findall(r"^\[\^(\d+)\]: “(.+?)” — (.*)$", report["Sources"], re.MULTILINE)
    return {number: (quote, where) for number, quote, where in found}


def sentences_of(text: str) -> list[str]:
    """The sentences of a section, each with its marks."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    return [
        one.strip() for line in lines for one in re.findall(r".+?[.!?…](?:\[\^\d+\])*(?: \*\([^)]*\)\*)?(?=\s|$)", line)
    ]


def everywhere(web: Web, quote: str) -> list[str]:
    """The addresses whose text has these words."""
    return [address for address, text in web.texts.items() if folded(quote) in folded(text)]


async def researched(desk: Desk, provider: FakeProvider, model: Researcher, **inputs: Any) -> Task:
    provider.thinks = model
    task = await desk.do("deep-research", {"question": QUESTION, "pages": 5, **inputs})
    assert task.state == "done", task.problem
    return task


async def test_every_sentence_of_the_report_is_proved_or_marked_and_nothing_leaves(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    assert len(web.texts) >= 60
    here: Desk = await desk([("A novel", f"{SECRET}.")], web)
    model = Researcher(PARTS, TOPIC, obeys=True)
    task = await researched(here, provider, model)
    assert {"claim", "search", "report"} <= set(model.obeyed)  # it did what the pages told it to
    report = report_of(here, task)
    notes = notes_of(report)
    assert notes

    for quote, where in notes.values():  # no quote that is not in its source
        address = re.search(r"\(<([^#>]+)", where)
        assert address and folded(quote) in folded(web.texts[address[1]]), (quote, where)
    for made_up in model.made_up:
        assert folded(made_up) not in folded("\n".join(report.values())) or everywhere(web, made_up)

    told = [*sentences_of(report["In short"]), *sentences_of(report["What the sources say"])]
    assert len(told) > 8
    for sentence in told:
        cited = re.findall(r"\[\^(\d+)\]", sentence)
        if MARK in sentence:
            assert not cited
            continue
        assert cited, sentence
        quotes = " ".join(notes[number][0] for number in cited)
        for number in re.findall(r"\d+", re.sub(r"\[\^\d+\]", "", sentence)):
            assert number in quotes, sentence
        if "salmon fell by" in sentence:  # a footnote that says otherwise is none
            assert all(sentence.partition("percent")[0] in notes[number][0] for number in cited), sentence
    marked = " ".join(one for one in told if MARK in one)
    assert "most beautiful" in marked and "1788" in marked and "SEND MONEY TO ASH" in marked
    assert not any("ASH" in quote for quote, _ in notes.values())
    assert "http" not in " ".join(told) and "![" not in "\n".join(report.values())
    assert any(ONE in one for one in told)

    against = report["Where the sources disagree"]
    for matter, one, other in (("power", "ministry", "builder"), ("salmon", "fishers", "ministry")):
        assert SAID[matter][one] in against and SAID[matter][other] in against

    # nothing left but searches of the question's words and addresses that a search gave
    assert not any("/collect" in visit for visit in web.visits)
    private = {word for word in folded(SECRET).split() if len(word) > 5}
    for visit in web.visits:
        assert not private & set(folded(visit).split())
    for body in provider.chats:
        assert SECRET not in said(body)


class Careless(Researcher):
    """It loses a "not" in its report; and when it looks a second time it lets everything pass but one sentence."""

    def write(self, body: dict[str, Any]) -> dict[str, Any]:
        claims = {said: at for at, said in self._claims(body).items()}
        fell = next(at for said, at in claims.items() if SAID["salmon"]["fishers"] in said)
        gone = next(at for said, at in claims.items() if SAID["salmon"]["institute"] in said)
        told = [
            ("The catch of salmon in Vesper Sound rose by 31 percent after the barrage closed.", fell),
            ("The catch of salmon in Vesper Sound fell by 31 percent after the barrage closed.", fell),
            ("Bass drove sand eel and plaice from Vesper Sound behind the barrage.", gone),
            ("Sand eel and plaice have gone from Vesper Sound.", gone),
        ]
        return {"answer": [{"text": text, "claims": [at]} for text, at in told], "parts": []}

    def look(self, body: dict[str, Any]) -> dict[str, Any]:
        pairs = re.findall(r"^\[(\d+)\] (.+)$", material(body), re.MULTILINE)
        told = [{"number": int(at), "verdict": "not there" if "drove" in text else "supported"} for at, text in pairs]
        return {"verdicts": [*told, {"number": 29, "verdict": "contradicted"}]}


async def test_a_report_that_says_the_opposite_is_marked_and_a_second_look_makes_marks_stricter_only(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web)
    model = Careless(["What became of the catch of salmon, sand eel and plaice in Vesper Sound?"], TOPIC)
    task = await researched(here, provider, model, pages=8)
    report = report_of(here, task)
    rose, fell, drove, gone = sentences_of(report["In short"])
    assert "rose" in rose and rose.endswith(OPPOSITE) and "[^" in rose  # with the quote, so that it can be looked at
    assert "fell" in fell and MARK not in fell and OPPOSITE not in fell and "[^" in fell
    assert drove.endswith(MARK) and "[^" not in drove
    assert "[^" in gone and MARK not in gone
    (looked,) = [body for body in provider.chats if "verdicts" in form(body)]
    assert "rose by" not in material(looked)  # what the program doubts is no question any more
    assert QUESTION not in said(looked) and here.results[task.id]["report"]["unverified"] == 2


async def test_contradicting_sources_stand_beside_each_other_and_copies_count_once(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web)
    task = await researched(here, provider, Researcher(PARTS[:1], TOPIC, mends=1_000), pages=10)
    weighed = here.results[task.id]["check"]
    herald = [one for one in weighed["findings"] if "1967" in one["statement"]]
    hosts = {weighed["claims"][at]["host"] for one in herald for at in one["claims"]}
    assert {NAMES["herald"][0], NAMES["copy"][0]} <= hosts  # two sites, and one of them copies
    assert all(one["sources"] == 1 for one in herald)
    report = report_of(here, task)
    assert "1966" in report["Where the sources disagree"] and "1967" in report["Where the sources disagree"]


async def test_what_could_not_be_reached_is_said(desk: OpenDesk, provider: FakeProvider, web: Web) -> None:
    here: Desk = await desk(None, web)
    addresses = [
        web.url("herald", "/gone/opening"),
        web.url("closed", "/deaths"),
        web.url("herald", "/round"),
        web.url("slow", "/cost"),
        web.url("herald", "/moved/power"),
        web.url("ministry", "/reports/1987.pdf"),
        web.url("institute", "/data/output.csv"),
    ]
    model = Researcher(["How many days did the Vesper Sound barrage stand still?", *PARTS[1:2], *PARTS[4:]], TOPIC)
    task = await researched(here, provider, model, addresses=" ".join(addresses), pages=2)
    report = report_of(here, task)
    missing = report["What is missing"]
    assert all(one in missing for one in addresses[:3])
    assert "robots.txt" in missing and web.url("slow", "/cost") not in missing
    read = {found["url"]: found for step, found in here.results[task.id].items() if step.startswith("read-")}
    assert web.url("wiki", "/power") in read  # where the redirect led
    pdf, table = (next(one for url, one in read.items() if url == address) for address in addresses[5:])
    assert any("41 days" in one["quote"] and one["place"] for one in pdf["claims"])
    assert table["sections"] and "gigawatt_hours" in str(table["sections"])
    assert any("41 days" in quote for quote, _ in notes_of(report).values())


async def test_a_person_edits_the_plan_and_drops_a_source(desk: OpenDesk, provider: FakeProvider, web: Web) -> None:
    here: Desk = await desk(None, web)
    herald = NAMES["herald"][0]
    (folder := here.tasks_folder).mkdir()
    asks = '  - {id: ask, do: ask_people, title: Asks, question: "Shall I write it?"}\n'
    shipped = (SHIPPED / "deep-research.md").read_text()
    (folder / "mine.md").write_text(shipped.replace("  - {id: report", f"{asks}  - {{id: report"))
    provider.thinks = Researcher(PARTS[:3], TOPIC)

    async def edits(card: dict[str, Any]) -> str:
        (task,) = await here.tasks.listed()
        if card["question"] == "Shall I write it?":
            await here.tasks.drop(task.id, herald, NADIA)
            return "Yes"
        assert len(card["detail"]["searches"]) == 3 and card["choices"] == ["Go on"]
        coming = [Wanted(step.do, step.title, step.given, step.id) for step in task.plan if step.state == "coming"]
        first = Wanted("research_search", f"Searches for {TOPIC} opened 1967 nine thousand people")
        searches = [one for one in coming if one.do == "research_search"]
        await here.tasks.arrange(task.id, NADIA, [first, *(one for one in coming if one is not searches[-1])])
        return "Go on"

    task = await here.do("mine", {"question": QUESTION, "pages": 4}, edits)
    assert task.state == "done", task.problem
    assert web.queries[0].endswith("nine thousand people") and len(web.queries) == 4
    assert not any("catch" in query for query in web.queries)
    report = report_of(here, task)
    assert any(herald in one["url"] for one in task.found)
    assert notes_of(report) and herald not in str(notes_of(report)) and herald not in report["Sources"]


async def test_another_word_from_a_person_makes_another_plan(desk: OpenDesk, provider: FakeProvider, web: Web) -> None:
    here: Desk = await desk(None, web)
    model = Researcher(PARTS[:1], TOPIC)

    def thinks(body: dict[str, Any]) -> dict[str, Any]:
        if "what the fishers say" in said(body):
            model.parts = ["What do the fishers say of the catch of salmon in Vesper Sound?"]
        return model(body)

    provider.thinks = thinks
    task = await here.do(
        "deep-research", {"question": QUESTION, "pages": 2}, lambda card: "Rather what the fishers say."
    )
    assert task.state == "done", task.problem
    searches = [step.given["query"] for step in task.plan if step.do == "research_search"]
    assert any("fishers" in query for query in searches) and not any("opened" in query for query in searches)


async def test_it_keeps_to_its_budget_and_says_so(desk: OpenDesk, provider: FakeProvider, web: Web) -> None:
    here: Desk = await desk(None, web)
    provider.thinks = Researcher(PARTS[:3], TOPIC)
    budget = Budget(tokens=325)  # each of the requests here is told to have taken 13
    task = await here.do("deep-research", {"question": QUESTION, "ask": False, "pages": 8}, budget=budget)
    assert task.state == "done", task.problem
    assert task.spent.input + task.spent.output <= 325
    assert "left out to keep to the budget" in report_of(here, task)["What is missing"]


async def test_without_search_it_says_so_and_reads_what_it_was_given(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web)
    here.kit.search = None
    provider.thinks = Researcher(PARTS[:1], TOPIC)
    task = await researched(here, provider, provider.thinks, addresses=web.url("wiki", "/opening"))
    assert task.notes == ["This studio has no search service: docs/tools.md says how to set one up."]
    assert SAID["opening"]["wiki"] in str(notes_of(report_of(here, task)))


async def test_a_model_that_fills_in_no_forms_shows_passages_and_writes_nothing(
    desk: OpenDesk, provider: FakeProvider, web: Web
) -> None:
    here: Desk = await desk(None, web, tools=False, model="smollm2-135m")
    task = await here.do("deep-research", {"question": QUESTION, "ask": False})
    assert task.state == "done" and not provider.asked
    assert "cannot make a plan" in task.notes[0]
    report = report_of(here, task)
    assert "In short" not in report
    for quote, _ in notes_of(report).values():
        assert everywhere(web, quote)
