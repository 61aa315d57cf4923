"""Continue: write on from the caret, or from the end of the page, as a suggestion that grows."""

from __future__ import annotations

import re
from contextlib import aclosing

from studiolo.agents import checks, context, place
from studiolo.agents.errors import failed_checks
from studiolo.agents.joint import Continuation
from studiolo.agents.place import Place
from studiolo.agents.voice import Request
from studiolo.agents.work import Draft, Work
from studiolo.canvas.quotes import Span

# llama.cpp's samplers against the loops of small models; the length is ended by us, at the end of a sentence.
SMALL_SAMPLING = {
    "ignore_eos": True,
    "min_p": 0.08,
    "repeat_penalty": 1.08,
    "repeat_last_n": 160,
    "dry_multiplier": 0.6,
}
INSTRUCTION = "Continue this text in the same voice."
# Left to itself, a small model ends the story after a paragraph and begins to talk about it.
ONE_PARAGRAPH = "root ::= [^\\n]+"
_COUNTED = re.compile(
    r"\b(\d{1,4}|one|two|three|four|five|six|a|an)\s+(?:more\s+|short\s+|long\s+)*(word|sentence|line|paragraph)"
)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_WORDS_IN = {"word": 1, "line": 14, "sentence": 16, "paragraph": 90}
_ONLY_CONTINUE = re.compile(
    r"^\W*(please\s+)?(continue|go on|write on|keep (going|writing)|carry on|what (happens|comes) next)"
    r"(\s+(the|this|my|with the|writing))*(\s+(story|text|chapter|scene|page|writing|paragraph|here))?\W*$",
    re.IGNORECASE,
)


def wanted_words(prompt: str, options: object, usual: int) -> int:
    """The length that was asked for, in words."""
    asked = options.get("words") if isinstance(options, dict) else None
    if isinstance(asked, int) and asked > 0:
        return min(asked, 2_000)
    total = 0
    for number, unit in _COUNTED.findall(prompt.lower()):
        total += (int(number) if number.isdigit() else _NUMBERS[number]) * _WORDS_IN[unit]
    return min(total, 2_000) or usual


def where(page: Place) -> tuple[int, str, str]:
    """The offset to write at, and the text before and after it."""
    text = page.text
    if page.chosen:
        at = page.span.end
    else:
        stripped = text.rstrip()
        # A page ends with a line break; somebody who left an empty line wants a new paragraph.
        at = len(stripped) if text[len(stripped) :].count("\n") == 1 else len(text)
    return at, text[:at], text[at:]


async def perform(work: Work) -> None:
    """Stream a continuation. A result that fails its checks is withdrawn and tried once more."""
    page = work.page()
    at, before, after = where(page)
    goal = wanted_words(work.ask.prompt, dict(work.option), 80 if work.small else 160)
    if work.small and goal > 250:
        goal = 250
        work.note("A small model loses the thread: it was held to 250 words.")
    # In the middle of a paragraph, the paragraph goes on behind the caret.
    paragraph = work.small or (bool(after) and not after.lstrip(" \t").startswith("\n"))
    room = work.voice.room
    request = _small(work, page, before, goal, room) if work.small else _large(work, page, before, after, goal, room)
    work.show("thinking", page.page, place.cursor(work.surface.canvas, page.page, page.span))
    await work.claim(page.page, _there(work, page, at))
    reason = "Continues the text." if _ONLY_CONTINUE.match(work.ask.prompt) else work.ask.prompt.strip()[:200]
    report = checks.Report(())
    for _ in range(2):
        flow = Continuation(before, goal, exact=bool(request.prefill), paragraph=paragraph)
        now = place.now(work.surface.canvas, page) if page.chosen else None
        offset = now.end if now else _end(work, page, at)
        async with Draft(work, page.page, place.insertion(work.surface.canvas, page.page, offset), reason) as draft:
            async with aclosing(work.voice.stream(request)) as chunks:
                async for chunk in chunks:
                    await draft.write(flow.feed(chunk))
                    if flow.done:
                        break
            await draft.write(flow.end())
            report = checks.run(draft.text, _checks(before, work.ask.prompt, min(goal, 8)))
            if work.checked("continuation", report):
                if paragraph and after and not after[0].isspace() and after[0] not in ",.;:!?…)”’":
                    await draft.write(" ")
                return
            draft.discard()
    raise failed_checks("a continuation", list(report.failed))


def _there(work: Work, page: Place, at: int) -> Span:
    """The place to write at, in the page as it is now."""
    offset = place.now(work.surface.canvas, page).end if page.chosen else _end(work, page, at)
    return Span(offset, offset)


def _end(work: Work, page: Place, at: int) -> int:
    """Where the page's end is now."""
    text = work.surface.canvas.page_text(page.page)
    if text == page.text:
        return at
    return len(text) if at == len(page.text) else len(text.rstrip())


def _checks(before: str, prompt: str, least: int) -> list[tuple[str, checks.Check]]:
    return [
        *checks.always(before[-400:]),
        checks.at_least_words(least),
        checks.not_echo(prompt, before[-300:]),
        checks.without(INSTRUCTION, "the author asks"),
        ("prose", checks.prose),
    ]


def _small(work: Work, page: Place, before: str, goal: int, room: int) -> Request:
    prompt = work.ask.prompt.strip()
    instruction = "" if _ONLY_CONTINUE.match(prompt) else prompt
    shown = context.tail(before, min(room - goal * 2, 1_200))
    work.given.add(
        "before",
        shown,
        page=page.page,
        title=page.title,
        start=len(before) - len(shown),
        cut=len(before) - len(shown),
    )
    if shown.strip():
        question = f"{INSTRUCTION} {instruction}"
    else:
        question = (
            f"Write the beginning of a text called “{page.title}”. {instruction or 'Begin with the first scene.'}"
        )
    return Request(
        prompt=question.strip(),
        system="You are a novelist.",
        prefill=shown.rstrip(),
        max_tokens=min(900, goal * 2 + 80),
        temperature=0.7,
        sampling=SMALL_SAMPLING,
        grammar=ONE_PARAGRAPH,
    )


def _large(work: Work, page: Place, before: str, after: str, goal: int, room: int) -> Request:
    given = work.given
    near = context.tail(before, int(room * 0.55))
    given.add(
        "before",
        near,
        page=page.page,
        title=page.title,
        start=len(before) - len(near),
        cut=len(before) - len(near),
    )
    follows = context.head(after, int(room * 0.12))
    given.add("after", follows, page=page.page, title=page.title, start=len(before), cut=len(after) - len(follows))
    plan = given.add("outline", context.outline(work.surface.canvas, page.page, int(room * 0.08)))
    recalled = (
        "" if len(near) == len(before) else recall(work, page, near[-600:] + " " + work.ask.prompt, near, room // 6)
    )
    bridge = (
        "The text after the gap is already written: lead up to it and do not repeat any of it."
        if follows.strip()
        else "Nothing comes after it yet."
    )
    length = f"about {goal} words" if goal > 20 else "one short sentence"
    return Request(
        system=work.persona.character
        + "\n\nYou continue the text from exactly where it breaks off. Answer with the new prose only: no greeting, no "
        "explanation, no heading, no quotation marks around it, and no repetition of what is already there. If "
        "it breaks "
        "off in the middle of a sentence, finish that sentence first. Keep what is known about people and places.",
        prompt="\n\n".join(
            part
            for part in (
                plan,
                f"Earlier passages that may matter:\n<page>\n{recalled}\n</page>" if recalled else "",
                f"The text up to the gap:\n<page>\n{near}\n</page>"
                if near.strip()
                else f"The page “{page.title}” is still empty.",
                f"The text after the gap:\n<page>\n{follows}\n</page>" if follows.strip() else "",
                bridge,
                f"What the author asks for: {work.ask.prompt.strip() or 'Continue.'}",
                f"Write {length}, ending with a complete sentence.",
            )
            if part
        ),
        max_tokens=goal * 3 + 200,
        temperature=0.8,
    )


def recall(work: Work, page: Place, query: str, shown: str, room: int) -> str:
    """Passages from elsewhere that have to do with the query, as one text; recorded as given."""
    found = context.retrieve(context.passages(context.pages_of(work.surface.canvas)), query, 8)
    parts: list[str] = []
    for passage in found:
        if passage.text in shown or (room := room - context.estimate_tokens(passage.text)) < 0:
            continue
        work.given.add("passage", passage.text, page=passage.page, title=passage.title, start=passage.start)
        parts.append(f"[{passage.title}] {passage.text}")
    return "\n\n".join(parts)
