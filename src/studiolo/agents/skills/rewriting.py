"""Rewrite: a passage shortened, expanded, corrected, in another tone, simpler, or as the author says.

The result is one suggestion with word-level hunks, so that a person takes what they like of it. Large models rewrite
a few paragraphs at a time; small ones one sentence at a time, after worked examples, several candidates each, and the
first that passes the checks is kept. A sentence for which none passes stays as it was.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import BaseModel, Field

from studiolo.agents import checks, context, place
from studiolo.agents.checks import Check
from studiolo.agents.deletions import candidates
from studiolo.agents.errors import failed_checks
from studiolo.agents.joint import Continuation, unwrapped
from studiolo.agents.place import Place
from studiolo.agents.prose import Piece, estimate_tokens, paragraphs, reading_ease, sentences, words
from studiolo.agents.skills import examples
from studiolo.agents.skills.continuing import ONE_PARAGRAPH, SMALL_SAMPLING
from studiolo.agents.voice import Request, Spent
from studiolo.agents.work import Work
from studiolo.canvas.diff import rewrite_hunks
from studiolo.canvas.errors import Invalid, StudioloError
from studiolo.canvas.quotes import Span

HOWS = ("shorten", "expand", "tone", "simplify", "fix", "free")
NATURAL = -1.7  # mean log probability below which a small model finds a cut sentence odd
SURE = -0.9  # and a corrected one: right corrections were measured at -0.5 and better, nonsense at -1.7 and worse
MOST_SENTENCES = 160  # that a small model is set to in one run
WHOLE_PAGE = 24_000  # characters of a page that one request without a selection rewrites


class Rewritten(BaseModel):
    """A rewritten passage."""

    text: str = Field(description="The rewritten passage and nothing else, in the same Markdown.")
    reason: str = Field(description="One short sentence for the author: what was changed and why.")


@dataclass(frozen=True, slots=True)
class Manner:
    """How to rewrite, and how to tell that it was done."""

    how: str
    aim: str  # "a shorter version"
    instruction: str  # for a large model
    question: str  # for a small one, in front of the sentence
    examples: examples.Examples
    temperatures: tuple[float, ...]
    tests: Callable[[str], list[tuple[str, Check]]]  # for one sentence
    whole: Callable[[str], list[tuple[str, Check]]]  # for the passage
    least_words: int = 3  # shorter sentences are left alone


def manner(how: str, prompt: str, tone: str, level: str) -> Manner:
    """What `how` means, with the author's own words where they say more."""
    extra = f" The author says: {prompt}" if prompt else ""
    match how:
        case "shorten":
            return Manner(
                how,
                "a shorter version",
                "Shorten the passage to about two thirds or less of its words. Cut what repeats, pads or "
                "explains; keep every fact, "
                "the order of events and the author's voice. Prefer deleting words to replacing them." + extra,
                "Make this sentence shorter. Keep its meaning.",
                examples.SHORTEN,
                (0.3, 0.7, 0.9),
                lambda s: [
                    checks.shorter(s, 0.9, 0.3),
                    checks.keeps_meaning(s, 0.4),
                    checks.adds_little(s, 1 + len(words(s)) // 20),
                    checks.keeps_facts(s),
                ],
                lambda s: [checks.shorter(s, 0.97, 0.15)],
                9,
            )
        case "expand":
            return Manner(
                how,
                "a longer version",
                "Expand the passage to about twice its length: add the concrete detail, action and perception "
                "that it only names. "
                "Keep all that is there, and bring in no new plot, names or facts." + extra,
                "",
                (),
                (0.7, 0.85, 0.6),
                lambda s: [],
                lambda s: [checks.longer(s)],
            )
        case "simplify":
            whom = level or "a reader of twelve"
            return Manner(
                how,
                "a simpler version",
                f"Rewrite the passage in plain words for {whom}: short sentences, common words, active verbs. "
                f"Keep every fact." + extra,
                "Rewrite this in simple words.",
                examples.SIMPLIFY,
                (0.3, 0.6, 0.8),
                lambda s: [
                    checks.in_range(s, 0.35, 1.4),
                    checks.keeps_meaning(s, 0.4),
                    checks.adds_little(s, 2 + len(words(s)) // 10),
                    checks.keeps_facts(s),
                    checks.simpler(s),
                ],
                lambda s: [checks.simpler(s)],
                8,
            )
        case "fix":
            return Manner(
                how,
                "a correction",
                "Correct spelling, grammar, punctuation and typing errors, and nothing else. Do not improve the "
                "style; dialect, "
                "invented names, archaic words and deliberate fragments stay. If nothing is wrong, give the "
                "passage back as it is." + extra,
                "Correct the spelling and grammar. Change nothing else.",
                examples.FIX,
                (0.0, 0.4),
                lambda s: [checks.keeps_words(s, 0.55), checks.in_range(s, 0.8, 1.25), checks.keeps_facts(s)],
                lambda s: [checks.keeps_words(s, 0.7), checks.in_range(s, 0.85, 1.2)],
            )
        case "tone":
            named = tone or prompt or "neutral"
            key = next((name for name in examples.TONES if name in named.lower()), "")
            return Manner(
                how,
                f"a version in a {named} tone",
                f"Rewrite the passage in this tone: {named}. Change wording and rhythm, keep what it says." + extra,
                f"Rewrite this in a {named} tone." if len(named) < 40 else named,
                examples.TONES.get(key, examples.FREE),
                (0.4, 0.7, 0.9),
                lambda s: [checks.in_range(s, 0.4, 2.2), checks.keeps_meaning(s, 0.45), checks.keeps_facts(s)],
                lambda s: [checks.in_range(s, 0.4, 2.2)],
            )
    return Manner(
        "free",
        "the rewrite",
        f"Rewrite the passage as the author asks, and change nothing that this does not ask for: "
        f"{prompt or 'improve it.'}",
        prompt or "Improve this sentence.",
        examples.VIVID if re.search(r"vivid|dramatic|show|descript|colou?r", prompt, re.I) else examples.FREE,
        (0.4, 0.7, 0.9),
        lambda s: [
            checks.in_range(s, 0.35, 3.0),
            checks.keeps_meaning(s, 0.4),
            checks.keeps_facts(s + " " + prompt),
        ],
        lambda s: [checks.in_range(s, 0.2, 4.0)],
    )


async def perform(work: Work) -> None:
    """Rewrite the selection, or what is around the caret, and suggest the difference; or work over a suggestion."""
    if work.ask.about:
        from studiolo.agents.skills import revising  # it uses the rewriters

        await revising.perform(work)
        return
    page = work.page()
    page = _target(work, page)
    source = page.selection
    if not words(source):
        raise Invalid("There is nothing to rewrite here.", "Select some text, or put the caret into a page with text.")
    how = str(work.option.get("how") or "free")
    if how not in HOWS:
        raise Invalid(f"“{how}” is not a way to rewrite.", f"Use one of: {', '.join(HOWS)}.")
    prompt = work.ask.prompt.strip()
    how_to = manner(
        how,
        prompt if how == "free" or not _only_names(how, prompt) else "",
        str(work.option.get("tone") or ""),
        str(work.option.get("level") or ""),
    )
    work.show("thinking", page.page, place.cursor(work.surface.canvas, page.page, page.span))
    await work.claim(page.page, place.now(work.surface.canvas, page))
    work.given.add("selection", source, page=page.page, title=page.title, start=page.span.start)
    rewriter = SmallRewriter(work, page, how_to) if work.small else LargeRewriter(work, page, how_to)
    try:
        await rewriter.rewrite(source)
    except (asyncio.CancelledError, TimeoutError, Spent, StudioloError):
        # Stopped, out of time, or cut off: what is finished is worth having.
        if rewriter.text(source) != source:
            work.note("It was ended early; the rest of the passage is as it was.")
            await asyncio.shield(_suggest(work, page, source, rewriter, how_to))
        raise
    new = rewriter.text(source)
    if how == "fix" and new == source and rewriter.kept < rewriter.count:
        said = "I found nothing to correct there."
        if rewriter.kept:
            said = f"I found nothing to correct, but could not check {rewriter.kept} of {rewriter.count} sentences."
        id = await work.act({"type": "say", "text": said, "run": work.run})
        work.result("message", id)
        return
    report = checks.run(new, [checks.changed(source), *how_to.whole(source), ("no_markup", checks.no_markup)])
    if not work.checked("passage", report):
        raise failed_checks(how_to.aim, [*report.failed, *rewriter.failed])
    if rewriter.kept:
        work.note(
            f"{rewriter.kept} of {rewriter.count} {rewriter.unit}s stayed as they were: no version of them "
            f"passed the checks."
        )
    await _suggest(work, page, source, rewriter, how_to)


def _only_names(how: str, prompt: str) -> bool:
    """Whether the prompt says no more than the way to rewrite does: "shorten this"."""
    return len(words(prompt)) <= 6


def _target(work: Work, page: Place) -> Place:
    """The selection; without one, the whole page, or for a long page the paragraphs around the caret."""
    if page.chosen and page.span.start < page.span.end:
        lead = len(page.selection) - len(page.selection.lstrip())
        tail = len(page.selection) - len(page.selection.rstrip())
        if words(page.selection) and (lead or tail):
            span = Span(page.span.start + lead, page.span.end - tail)
            return place.at(work.surface.canvas, page.page, span, chosen=True)
        return page
    text, canvas = page.text, work.surface.canvas
    if len(text) <= WHOLE_PAGE:
        return place.at(canvas, page.page, Span(0, len(text)), chosen=True)
    middle = page.span.start if page.chosen else WHOLE_PAGE // 2
    start = text.rfind("\n\n", 0, max(0, middle - WHOLE_PAGE // 2)) + 1
    end = text.find("\n\n", min(len(text), start + WHOLE_PAGE))
    end = len(text) if end < 0 else end
    work.note(
        f"The page is long: characters {start + 1:,} to {end:,} were worked on. Select a passage to choose "
        f"another part."
    )
    return place.at(canvas, page.page, Span(start, end), chosen=True)


async def _suggest(work: Work, page: Place, source: str, rewriter: Rewriter, how_to: Manner) -> None:
    now = place.now(work.surface.canvas, page)
    new = rewriter.text(source)
    hunks = [
        place.replacement(work.surface.canvas, page.page, Span(now.start + start, now.start + end)) | {"replace": text}
        for start, end, text in located(source, new)
    ]
    first = Span(now.start, now.end)
    work.show("writing", page.page, place.cursor(work.surface.canvas, page.page, first))
    await work.suggest(page.page, hunks, rewriter.reason(source, new))


def located(old: str, new: str) -> list[tuple[int, int, str]]:
    """The word-level hunks from `old` to `new` as (start, end, replacement), offsets in `old`."""
    spans: list[tuple[int, int, str]] = []
    at = 0
    for hunk in rewrite_hunks(old, new):
        found = old.find(hunk.before + hunk.find + hunk.after, max(0, at - len(hunk.before)))
        start = found + len(hunk.before)
        spans.append((start, start + len(hunk.find), hunk.replace))
        at = start + len(hunk.find)
    made, last = [], 0
    for start, end, text in spans:
        made += [old[last:start], text]
        last = end
    if "".join(made) + old[last:] == new:
        return spans
    return [(0, len(old), new)]  # a text that repeats itself so much that the contexts do not tell its places apart


class Rewriter(ABC):
    """Rewrites a passage piece by piece and remembers how far it is."""

    unit = "paragraph"

    def __init__(self, work: Work, page: Place, how_to: Manner) -> None:
        self.work = work
        self.page = page
        self.manner = how_to
        self.made: dict[int, tuple[int, str]] = {}  # start in the source -> end, new text
        self.failed: list[tuple[str, str]] = []
        self.kept = 0
        self.count = 0
        self.said = ""

    @abstractmethod
    async def rewrite(self, source: str) -> None:
        """Make all the pieces of the passage. May be ended early; `text` then has what is finished."""

    def text(self, source: str) -> str:
        """The passage with all the pieces that are finished."""
        out, at = "", 0
        for start, (end, text) in sorted(self.made.items()):
            out += source[at:start] + text
            at = end
        return out + source[at:]

    def reason(self, source: str, new: str) -> str:
        """A sentence for the author."""
        before, after = len(words(source)), len(words(new))
        match self.manner.how:
            case "shorten" | "expand":
                done = "Shorter" if self.manner.how == "shorten" else "Longer"
                return self.said or f"{done}: {before} → {after} words."
            case "simplify":
                return self.said or (
                    f"Simpler: reading ease {reading_ease(source):.0f} → {reading_ease(new):.0f} (100 is very easy)."
                )
            case "fix":
                return self.said or "Spelling and grammar."
        return self.said or self.manner.question[:200]

    def progress(self, done: int, of: int) -> None:
        self.work.emit({"type": "state", "state": "running", "progress": {"done": done, "of": of}})


class LargeRewriter(Rewriter):
    """For models that understand an instruction."""

    async def rewrite(self, source: str) -> None:
        work = self.work
        size = max(300, min(work.voice.room // 4, 1_200))
        chunks = _chunks(source, size)
        self.count = len(chunks)
        plan = work.given.add("outline", context.outline(work.surface.canvas, self.page.page, work.voice.room // 12))
        before = context.tail(self.page.before, work.voice.room // 8)
        after = context.head(self.page.after, work.voice.room // 10)
        work.given.add(
            "before",
            before,
            page=self.page.page,
            title=self.page.title,
            start=self.page.span.start - len(before),
        )
        work.given.add("after", after, page=self.page.page, title=self.page.title, start=self.page.span.end)
        for done, chunk in enumerate(chunks):
            self.progress(done, len(chunks))
            near = context.tail(self.page.before + self.text(source[: chunk.start]), work.voice.room // 8)
            tests = [*checks.always(chunk.text), *self.manner.whole(chunk.text)]

            def wrong(value: Rewritten, tests: list[tuple[str, Check]] = tests, chunk: Piece = chunk) -> str | None:
                report = checks.run(unwrapped(value.text, chunk.text), tests)
                self.work.checked(self.unit, report)
                self.failed = list(report.failed)
                return " ".join(why for _, why in report.failed) + " Try again." if report.failed else None

            follows = source[chunk.start + len(chunk.text) :] + self.page.after
            answer = await work.voice.typed(
                Rewritten,
                work.persona.character
                + "\n\nYou rewrite one passage. The text before and after it is only there so that yours fits "
                "in. Touch no more "
                "than the task asks for: every word you leave alone stays the author's.",
                "\n\n".join(
                    part
                    for part in (
                        plan,
                        f"Before the passage:\n<page>\n{near}\n</page>" if near.strip() else "",
                        f"After the passage:\n<page>\n{context.head(follows, work.voice.room // 10)}\n</page>"
                        if follows.strip()
                        else "",
                        f"The passage:\n<page>\n{chunk.text}\n</page>",
                        f"Task: {self.manner.instruction}",
                    )
                    if part
                ),
                max_tokens=estimate_tokens(chunk.text) * 3 + 400,
                temperature=0.2 if self.manner.how == "fix" else 0.6,
                check=wrong,
            )
            self.failed = []
            new = unwrapped(answer.text, chunk.text)
            self.made[chunk.start] = (chunk.start + len(chunk.text), new)
            if new != chunk.text:
                self.said = self.said or " ".join(answer.reason.split())[:300]


class SmallRewriter(Rewriter):
    """For models that follow a pattern, one sentence at a time."""

    unit = "sentence"
    unsure = 0

    async def rewrite(self, source: str) -> None:
        if self.page.kind == "code":
            self.work.note("This small model does not understand code; choose a larger one for it.")
        if self.manner.how == "expand":
            await self._expand(source)
            return
        if self.manner.how in ("free", "tone", "simplify"):
            self.work.note("A small model often changes what a text says when it says it otherwise: read every change.")
        pieces = [
            Piece(sentence.text, True, paragraph.start + sentence.start)
            for paragraph in paragraphs(source)
            if paragraph.prose
            for sentence in sentences(paragraph.text)
            if sentence.prose
        ]
        wanted = [piece for piece in pieces if len(words(piece.text)) >= self.manner.least_words]
        wanted = wanted or pieces[:1]
        if len(wanted) > MOST_SENTENCES:
            self.work.note(
                f"Only the first {MOST_SENTENCES} sentences were worked on: a small model takes one at a time."
            )
            wanted = wanted[:MOST_SENTENCES]
        self.count = len(wanted)
        for done, piece in enumerate(wanted):
            self.progress(done, len(wanted))
            unsure = self.unsure
            new = await self.sentence(piece.text)
            self.kept += new is None or self.unsure > unsure
            if new is not None:
                self.made[piece.start] = (piece.start + len(piece.text), new)
            await asyncio.sleep(0)

    async def sentence(self, sentence: str, *more: tuple[str, Check]) -> str | None:
        """The first candidate that passes the checks, and `more` of them; None when none does."""
        joined = " ".join(sentence.split())
        if self.manner.how == "fix":
            return await self._corrected(sentence, joined)
        tests = [
            *checks.always(joined),
            *self.manner.tests(joined),
            *more,
            checks.changed(joined),
            checks.no_refrain(joined),
            checks.not_echo(self.manner.question),
            checks.not_borrowed(joined + " " + self.manner.question, *(answer for _, answer in self.manner.examples)),
        ]
        cut = await self._cut(joined, more) if self.manner.how == "shorten" else None
        if cut and len(words(cut)) <= 0.9 * len(words(joined)):
            return cut
        for temperature in self.manner.temperatures[: 1 if cut else None]:
            new = fitted(unwrapped(await self.work.voice.write(self._request(joined, temperature)), joined), sentence)
            if self._passes(new, tests):
                return new
        return cut

    async def _cut(self, sentence: str, more: tuple[tuple[str, Check], ...]) -> str | None:
        """The sentence with something left out, where the model finds that natural."""
        if not self.work.voice.info.constrained:
            return None
        best, score = None, NATURAL
        for candidate in candidates(sentence)[:4]:
            if not checks.run(candidate, more).ok:
                continue
            natural = await self.work.voice.likelihood(self._request(sentence, 0.0), candidate)
            # What reads a little less well but says it in far fewer words is the better cut.
            value = natural - len(words(candidate)) / len(words(sentence))
            if natural > NATURAL and (best is None or value > score):
                best, score = candidate, value
        self.work.checked(
            "cut", checks.Report(() if best else (("natural", "No part of the sentence could be left out."),))
        )
        return best

    async def _corrected(self, sentence: str, joined: str) -> str | None:
        """Corrections go by clauses: a small model copies forty words without a slip, but not ninety."""
        made: list[str] = []
        for clause in clauses(joined):
            tests = [*checks.always(clause), *self.manner.tests(clause), checks.no_refrain(clause)]
            for attempt, temperature in enumerate(self.manner.temperatures):
                request = self._request(clause, temperature, correction_grammar(clause) if attempt == 0 else "")
                new = fitted(unwrapped(await self.work.voice.write(request), clause), clause)
                if not self._passes(new, tests):
                    continue
                if new == clause or await self._sure(request, new):
                    made.append(new)
                    break
            else:
                made.append(clause)
                self.unsure += 1
        new = " ".join(made)
        return sentence if new == joined else new

    async def _sure(self, request: Request, new: str) -> bool:
        """Whether the model finds its own correction natural: where it had lost the thread, it does not."""
        if not self.work.voice.info.constrained or await self.work.voice.likelihood(request, new) > SURE:
            return True
        self.failed = [("natural", "It was not sure of its corrections.")]
        return self.work.checked(self.unit, checks.Report(tuple(self.failed)))

    def _passes(self, new: str, tests: list[tuple[str, Check]]) -> bool:
        report = checks.run(new, tests)
        self.failed = list(report.failed) or self.failed
        return self.work.checked(self.unit, report)

    def _request(self, sentence: str, temperature: float, grammar: str = "") -> Request:
        return Request(
            prompt=f"{self.manner.question}\n\n{sentence}",
            examples=[(self._question(question), answer) for question, answer in self.manner.examples],
            max_tokens=min(400, estimate_tokens(sentence) * 2 + 24),
            temperature=temperature,
            grammar=grammar,
            stop=["\n"],
        )

    def _question(self, question: str) -> str:
        return question if "\n\n" in question else f"{self.manner.question}\n\n{question}"

    async def _expand(self, source: str) -> None:
        """A small model adds to a paragraph rather than saying it again longer: all of the author's words stay."""
        found = [piece for piece in paragraphs(source) if piece.prose]
        self.count = len(found)
        self.unit = "paragraph"
        for done, piece in enumerate(found[:20]):
            self.progress(done, len(found))
            goal = max(10, min(60, len(words(piece.text)) // 2))
            before = self.page.before + source[: piece.start] + piece.text
            tests = [
                *checks.always(piece.text),
                checks.at_least_words(max(5, len(words(piece.text)) // 5)),
                checks.not_echo(piece.text, *(sentence.text for sentence in sentences(piece.text))),
                checks.keeps_facts(before),
            ]
            for temperature in self.manner.temperatures:
                flow = Continuation(before, goal, exact=True, paragraph=True)
                request = Request(
                    prompt="Continue this text in the same voice. Describe the same moment in more detail.",
                    system="You are a novelist.",
                    prefill=context.tail(before, min(900, self.work.voice.room - 200)).rstrip(),
                    max_tokens=goal * 3 + 40,
                    temperature=temperature,
                    sampling=SMALL_SAMPLING,
                    grammar=ONE_PARAGRAPH,
                )
                async with aclosing(self.work.voice.stream(request)) as chunks:
                    async for chunk in chunks:
                        flow.feed(chunk)
                        if flow.done:
                            break
                flow.end()
                report = checks.run(flow.written, tests)
                if self.work.checked(self.unit, report):
                    self.made[piece.start] = (piece.start + len(piece.text), piece.text + flow.written)
                    break
                self.failed = list(report.failed)
            else:
                self.kept += 1


def fitted(new: str, sentence: str) -> str:
    """A rewritten sentence with the beginning and the end that its place has."""
    source = sentence.strip()
    if not new or not source:
        return new
    if source[-1].isalnum() and new[-1] in ".!" and not new.endswith(".."):
        new = new[:-1]
    elif source[-1] in ".!?" and new[-1].isalnum():
        new += source[-1]
    first, was = new.split(None, 1)[0], source.split(None, 1)[0]
    if (
        was[0].islower()
        and first[0].isupper()
        and first not in ("I", "I'm", "I’m", "I'd", "I've")
        and first not in source
    ):
        new = new[0].lower() + new[1:]
    elif was[0].isupper() and first[0].islower():
        new = new[0].upper() + new[1:]
    return new


def clauses(sentence: str, most: int = 45) -> list[str]:
    """A long sentence in parts of about `most` words, cut behind its commas, semicolons and dashes."""
    parts: list[str] = []
    for part in re.split(r"(?<=[;:,—])\s+", sentence):
        if parts and len(words(parts[-1])) + len(words(part)) <= most:
            parts[-1] += " " + part
        else:
            parts.append(part)
    return parts


def correction_grammar(sentence: str) -> str:
    """A GBNF grammar of the sentence in which every word may be spelled otherwise, from its first letter on.

    The words keep their number and order, so a small model can correct but cannot wander off.
    """
    parts: list[str] = []
    for word in sentence.split():
        found = re.match(r"(\W*)([A-Za-z][A-Za-z'’]*)(\W*)$", word)
        if not found or len(found.group(2)) > 18:
            parts.append(_literal(word))
            continue
        lead, core, tail = found.groups()
        initial = f"[{core[0].lower()}{core[0].upper()}]"
        spelled = f"{initial} [a-z'’]{{{max(0, len(core) - 3)},{len(core) + 2}}}"
        end = _literal(tail) if tail else '","?'
        parts.append(f"({_literal(word)} | {_literal(lead) + ' ' if lead else ''}{spelled} {end})")
    close = " [.!?]?" if sentence[-1].isalnum() else ""
    return "root ::= " + ' " " '.join(parts) + close


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _chunks(source: str, tokens: int) -> list[Piece]:
    """The passage in pieces of whole paragraphs of at most about so many tokens; one paragraph may be more."""
    pieces: list[Piece] = []
    at = 0
    for match in re.finditer(r"\n\s*\n|\Z", source):
        start = pieces[-1].start if pieces else 0
        chunk = source[at : match.start()]
        if not chunk.strip():
            continue
        joined = source[start : match.start()]
        if pieces and estimate_tokens(joined) <= tokens:
            pieces[-1] = Piece(joined, True, start)
        else:
            lead = len(chunk) - len(chunk.lstrip("\n"))
            pieces.append(Piece(chunk[lead:], True, at + lead))
        at = match.end()
    return [Piece(piece.text.rstrip(), True, piece.start) for piece in pieces]
