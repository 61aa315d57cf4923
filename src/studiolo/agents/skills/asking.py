"""Ask: an answer in the conversation that streams, resting on passages of the canvas, with its quotes checked."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace

from studiolo.agents import checks, citing, context, place
from studiolo.agents.citing import LEAST_QUOTE
from studiolo.agents.context import Passage
from studiolo.agents.errors import failed_checks
from studiolo.agents.joint import Continuation
from studiolo.agents.place import Place
from studiolo.agents.prose import paragraphs, sentences, words
from studiolo.agents.skills.continuing import recall
from studiolo.agents.toolbox.marks import plain
from studiolo.agents.voice import Request
from studiolo.agents.work import Utterance, Work
from studiolo.canvas.errors import Invalid

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
    sources = await _sources(work, page, question) if work.small else []
    evidence = await _evidence(work, sources, question)
    request = _small(sources, evidence, question) if work.small else await _large(work, page, question)
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
                here = page.page if page else None
                message.quotes = _as_quotes(evidence) or await citing.cited(work, text, here)
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


def _as_quotes(evidence: Passage | None) -> list[dict[str, object]]:
    if evidence is None:
        return []
    where = {"attachment": evidence.attachment} if evidence.attachment else {"page": evidence.page}
    return [{**where, "quote": evidence.text, "found": True}]


async def _sources(work: Work, page: Place | None, question: str) -> list[Passage]:
    """What a small model reads: the selection, or a few paragraphs that have to do with the question."""
    room = min(work.voice.room - 500, 900)
    if page is not None and page.selection.strip():
        text = context.head(page.selection, room)
        work.given.add("selection", text, page=page.page, title=page.title, start=page.span.start)
        return [Passage(page.page, page.title, page.span.start, text)]
    found = await citing.passages(work, question, 6)
    if not found and page is not None:
        near = context.tail(page.before if page.before.strip() else page.text, room // 2)
        found = context.passages([(page.page, page.title, near)])
    sources: list[Passage] = []
    for passage in found:
        text = context.head(passage.text, room)
        if (room := room - context.estimate_tokens(text)) < 0:
            break
        sources.append(replace(passage, text=text))
        work.given.add("passage", text, page=passage.page, title=passage.source, start=passage.start)
    return sources


async def _evidence(work: Work, sources: list[Passage], question: str) -> Passage | None:
    """The one sentence that the answer is to rest on: by its words, or, where they do not tell, the model's choice
    among the sentences that are really there."""
    split = [
        replace(source, start=source.start + paragraph.start + piece.start, text=piece.text)
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


async def _large(work: Work, page: Place | None, question: str) -> Request:
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
        wanted = question + " " + page.selection[:400]
        recalled = "" if work.option.get("file") else recall(work, page, wanted, near, room // 4)
        if from_files := await _of_files(work, wanted, room // 4):
            recalled = f"{recalled}\n\n{from_files}".strip()
    else:
        recalled = await _recalled(work, question, room // 2)
    if recalled:
        parts.append(f"Passages of the canvas that may matter:\n<page>\n{recalled}\n</page>")
    parts.append(f"The author asks: {question}")
    return Request(
        system=work.persona.character
        + "\n\nYou answer the author's question about the work. Be direct and specific; two to six sentences "
        "unless more is asked "
        "for. Support what you say with short quotations from the text, word for word in “curly quotation "
        "marks”, and use those "
        "marks for nothing else. A passage that begins with a file's name in brackets is from that file: after what "
        "you quote of it put its name and the place, as (name, place). Say so when the text does not answer the "
        "question. "
        "You cannot change the text here.",
        prompt="\n\n".join(part for part in parts if part),
        max_tokens=1_200,
        temperature=0.5,
    )


async def _recalled(work: Work, question: str, room: int) -> str:
    parts: list[str] = []
    for passage in await citing.passages(work, question, 10):
        if (room := room - context.estimate_tokens(passage.text)) < 0:
            break
        parts.append(_given(work, passage, passage.text))
    return "\n\n".join(parts)


async def _of_files(work: Work, question: str, room: int) -> str:
    parts: list[str] = []
    for passage in await citing.from_files(work, question, 8):
        if (room := room - context.estimate_tokens(passage.text)) < 0:
            break
        parts.append(_given(work, passage, passage.text))
    return "\n\n".join(parts)


def _given(work: Work, passage: Passage, text: str) -> str:
    """A passage as a model reads it, with where it is from."""
    work.given.add("passage", text, page=passage.page, title=passage.source, start=passage.start)
    return f"[{plain(passage.source)}] {plain(text)}"
