"""Ask: an answer in the conversation that streams, resting on passages of the canvas, with its quotes checked."""

from __future__ import annotations

import json
import re
from contextlib import aclosing
from dataclasses import replace

from studiolo.agents import checks, context, place
from studiolo.agents.context import Passage
from studiolo.agents.errors import failed_checks
from studiolo.agents.joint import Continuation
from studiolo.agents.place import Place
from studiolo.agents.prose import paragraphs, sentences, words
from studiolo.agents.skills.continuing import recall
from studiolo.agents.voice import Request
from studiolo.agents.work import Utterance, Work
from studiolo.canvas import Canvas
from studiolo.canvas.errors import Conflict, Invalid
from studiolo.canvas.quotes import Quote, resolve

_QUOTED = re.compile(r"“([^”]{8,400})”|\"([^\"\n]{8,400})\"")
_BAKER = (
    "Text:\nThe baker closed his shop early, because his daughter was ill. For the third night in a row, someone had "
    "left a gold coin on the step. He put it into a blue jar.\n\nQuestion: "
)
EXAMPLES = (
    (
        _BAKER + "Why did the baker close early?",
        "Quote: The baker closed his shop early, because his daughter was ill.\nAnswer: Because his daughter was ill.",
    ),
    (_BAKER + "What colour is the jar?", "Quote: He put it into a blue jar.\nAnswer: The jar is blue."),
)
LEAST_QUOTE = 3  # words; shorter ones are terms and scare quotes


async def perform(work: Work) -> None:
    """Stream an answer into the conversation; then check every passage it quotes."""
    question = work.ask.prompt.strip()
    if not question:
        raise Invalid("There is no question.", "Write what you want to know.")
    page = work.place
    if page is not None:
        work.show("thinking", page.page, place.cursor(work.surface.canvas, page.page, page.span))
    else:
        work.show("thinking")
    sources = _sources(work, page, question) if work.small else []
    evidence = await _evidence(work, sources, question)
    request = _small(sources, evidence, question) if work.small else _large(work, page, question)
    goal = 40 if work.small else 400
    report = checks.Report(())
    async with Utterance(work) as message:
        work.show("writing")
        for attempt in range(3 if work.small else 2):
            flow = Continuation("", goal, exact=False, paragraph=work.small)
            text = ""
            hot = request if attempt == 0 else replace(request, temperature=max(0.6, request.temperature))
            async with aclosing(work.voice.stream(hot)) as chunks:
                async for chunk in chunks:
                    ready = flow.feed(chunk)
                    text += ready
                    # A second attempt must not run on from a first one that is already in the message.
                    if attempt == 0:
                        await message.write(ready)
                    if flow.done:
                        break
            rest = flow.end()
            text += rest
            if attempt == 0:
                await message.write(rest)
            report = checks.run(text, _checks(question, sources))
            if work.checked("answer", report):
                if attempt:
                    message.replace(text)
                message.quotes = _as_quotes(evidence) or quoted(work.surface.canvas, text, page.page if page else None)
                return
        raise failed_checks("an answer", list(report.failed))


def _checks(question: str, sources: list[Passage]) -> list[tuple[str, checks.Check]]:
    found = [
        ("not_empty", checks.not_empty),
        ("no_markup", checks.no_markup),
        ("not_repeating", checks.not_repeating),
        ("readable", checks.readable),
        checks.not_echo(question),
        checks.without("the author asks"),
    ]
    if sources:
        # A small model fills gaps with names it has read elsewhere.
        read = " ".join(f"{source.title} {source.text}" for source in sources)
        found.append(checks.keeps_facts(f"{question} {read}"))
    return found


def quoted(canvas: Canvas, answer: str, page: str | None) -> list[dict[str, object]]:
    """The passages that an answer puts in quotation marks, and whether each is really in a page."""
    pages = context.pages_of(canvas)
    pages.sort(key=lambda entry: entry[0] != page)
    found: list[dict[str, object]] = []
    for one, other in _QUOTED.findall(answer):
        quote = (one or other).strip()
        if len(words(quote)) < LEAST_QUOTE or any(entry["quote"] == quote for entry in found):
            continue
        at = next(((id, text) for id, _, text in pages if _is_in(text, quote)), None)
        found.append({"page": at[0] if at else (page or ""), "quote": quote, "found": at is not None})
    return found


def _is_in(text: str, quote: str) -> bool:
    if quote in text:
        return True
    try:
        resolve(text, Quote(quote.rstrip(".,;")))
    except Conflict as error:
        return error.code == "quote_ambiguous"
    return True


def _as_quotes(evidence: Passage | None) -> list[dict[str, object]]:
    return [{"page": evidence.page, "quote": evidence.text, "found": True}] if evidence else []


def _sources(work: Work, page: Place | None, question: str) -> list[Passage]:
    """What a small model reads: the selection, or a few paragraphs that have to do with the question."""
    room = min(work.voice.room - 500, 900)
    if page is not None and page.selection.strip():
        text = context.head(page.selection, room)
        work.given.add("selection", text, page=page.page, title=page.title, start=page.span.start)
        return [Passage(page.page, page.title, page.span.start, text)]
    found = context.retrieve(context.passages(context.pages_of(work.surface.canvas)), question, 6)
    if not found and page is not None:
        near = context.tail(page.before if page.before.strip() else page.text, room // 2)
        found = context.passages([(page.page, page.title, near)])
    sources: list[Passage] = []
    for passage in found:
        text = context.head(passage.text, room)
        if (room := room - context.estimate_tokens(text)) < 0:
            break
        sources.append(Passage(passage.page, passage.title, passage.start, text))
        work.given.add("passage", text, page=passage.page, title=passage.title, start=passage.start)
    return sources


async def _evidence(work: Work, sources: list[Passage], question: str) -> Passage | None:
    """The one sentence that the answer is to rest on: by its words, or, where they do not tell, the model's choice
    among the sentences that are really there."""
    split = [
        Passage(source.page, source.title, source.start + paragraph.start + piece.start, piece.text)
        for source in sources
        for paragraph in paragraphs(source.text)
        if paragraph.prose
        for piece in sentences(paragraph.text)
        if piece.prose and len(words(piece.text)) >= LEAST_QUOTE and "\n" not in piece.text
    ]
    if found := context.retrieve(split, question, 1):
        return found[0]
    if not split or not work.voice.info.constrained:
        return None
    choices = " | ".join(json.dumps(passage.text, ensure_ascii=False) for passage in split[:24])
    chosen = await work.voice.write(
        Request(
            prompt=_reading(sources, question),
            examples=EXAMPLES,
            prefill="Quote:",
            grammar=f'root ::= " " ({choices})',
            max_tokens=300,
            temperature=0.0,
        )
    )
    return next((passage for passage in split if passage.text == chosen.strip()), None)


def _reading(sources: list[Passage], question: str) -> str:
    text = "\n\n".join(" ".join(source.text.split()) for source in sources)
    return f"Text:\n{text}\n\nQuestion: {question}"


def _small(sources: list[Passage], evidence: Passage | None, question: str) -> Request:
    """A small model answers well from one sentence that is put before it, and makes things up without one."""
    if not sources:
        return Request(prompt=question, system="Answer briefly.", max_tokens=160, temperature=0.3, stop=["\n\n"])
    return Request(
        prompt=_reading(sources, question),
        examples=EXAMPLES,
        prefill=f"Quote: {evidence.text}\nAnswer:" if evidence else "Answer:",
        max_tokens=120,
        temperature=0.0,
        stop=["\n"],
    )


def _large(work: Work, page: Place | None, question: str) -> Request:
    room = work.voice.room
    canvas = work.surface.canvas
    parts = [work.given.add("outline", context.outline(canvas, page.page if page else None, room // 10))]
    near = ""
    if page is not None:
        if page.selection.strip():
            chosen = context.head(page.selection, room // 3)
            work.given.add(
                "selection",
                chosen,
                page=page.page,
                title=page.title,
                start=page.span.start,
                cut=len(page.selection) - len(chosen),
            )
            parts.append(f"The author has selected:\n<page>\n{chosen}\n</page>")
        before = context.tail(page.before, room // 4)
        after = context.head(page.after, room // 8)
        near = before + page.selection + after
        work.given.add(
            "before",
            before,
            page=page.page,
            title=page.title,
            start=len(page.before) - len(before),
            cut=len(page.before) - len(before),
        )
        work.given.add(
            "after",
            after,
            page=page.page,
            title=page.title,
            start=page.span.end,
            cut=len(page.after) - len(after),
        )
        if near.strip():
            parts.append(f"The page “{page.title}” around it:\n<page>\n{near}\n</page>")
        recalled = recall(work, page, question + " " + page.selection[:400], near, room // 4)
    else:
        recalled = _recalled(work, question, room // 2)
    if recalled:
        parts.append(f"Passages of the canvas that may matter:\n<page>\n{recalled}\n</page>")
    parts.append(f"The author asks: {question}")
    return Request(
        system=work.persona.character
        + "\n\nYou answer the author's question about the work. Be direct and specific; two to six sentences "
        "unless more is asked "
        "for. Support what you say with short quotations from the text, word for word in “curly quotation "
        "marks”, and use those "
        "marks for nothing else. Say so when the text does not answer the question. You cannot change the text here.",
        prompt="\n\n".join(part for part in parts if part),
        max_tokens=1_200,
        temperature=0.5,
    )


def _recalled(work: Work, question: str, room: int) -> str:
    parts: list[str] = []
    for passage in context.retrieve(context.passages(context.pages_of(work.surface.canvas)), question, 10):
        if (room := room - context.estimate_tokens(passage.text)) < 0:
            break
        work.given.add("passage", passage.text, page=passage.page, title=passage.title, start=passage.start)
        parts.append(f"[{passage.title}] {passage.text}")
    return "\n\n".join(parts)
