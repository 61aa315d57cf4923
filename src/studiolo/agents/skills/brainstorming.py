"""Brainstorm: several ideas that really differ, as a message whose ideas can be picked into the text."""

from __future__ import annotations

import re
from contextlib import aclosing

from pydantic import BaseModel, Field

from studiolo.agents import checks, context, place
from studiolo.agents.errors import failed_checks
from studiolo.agents.joint import unwrapped
from studiolo.agents.place import Place
from studiolo.agents.prose import alike, sentence_ends, words
from studiolo.agents.skills.continuing import recall
from studiolo.agents.voice import Request
from studiolo.agents.work import Utterance, Work

TOO_ALIKE = 0.72
ROUNDS = 4
_COUNT = re.compile(r"\b(\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|twelve)\b")
_NUMBERS = {
    name: at for at, name in enumerate(["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 2)
} | {"twelve": 12}
_TITLES = re.compile(r"\b(titles?|names?|headings?|headlines?)\b", re.IGNORECASE)
IDEAS = (
    "Text:\nThe baker closed his shop early. For the third night in a row, someone had left a gold coin on the "
    "step.\n\n"
    "What could happen next?\nWrite a list of 3 different ideas, one short sentence each.",
    "1. The baker hides behind the flour sacks to see who brings the coins.\n"
    "2. His wife recognises the face on the coin: it is her dead father's.\n"
    "3. In the morning the step is empty, and the oven is full of gold.",
)
TITLES = (
    "Text:\nThe baker closed his shop early. For the third night in a row, someone had left a gold coin on the "
    "step.\n\n"
    "Suggest titles.\nWrite a list of 3 different titles, a few words each.",
    "1. The Third Coin\n2. Gold on the Step\n3. What the Baker Saw",
)
EXAMPLE_THINGS = checks.content("baker bakery bread flour oven coin coins gold")
_ITEM = re.compile(r"^\s*(?:\d{1,2}[.):]|[-*•])\s*(.+)$", re.MULTILINE)


class Ideas(BaseModel):
    """Ideas for the author."""

    ideas: list[str] = Field(description="Each idea on its own, concrete, in one to three sentences, ready to be used.")


class Pool:
    """Ideas so far, each different from the others."""

    def __init__(self, wanted: int, prompt: str) -> None:
        self.wanted = wanted
        self.ideas: list[str] = []
        self.dropped = 0
        self._tests = [*checks.always(""), checks.not_echo(prompt)]
        self.failed: list[tuple[str, str]] = []

    @property
    def full(self) -> bool:
        return len(self.ideas) >= self.wanted

    def add(self, idea: str, least: int = 2) -> bool:
        """Take an idea unless it is one already there, or no idea at all."""
        idea = re.sub(r"\*\*(.+?)\*\*", r"\1", unwrapped(idea, "")).strip()
        report = checks.run(idea, [*self._tests, checks.at_least_words(least)])
        if self.full or not report.ok:
            self.failed += report.failed
            return False
        if any(alike(idea, other, any_order=True) > TOO_ALIKE for other in self.ideas):
            self.dropped += 1
            self.failed.append(("distinct", "Its ideas are too much alike."))
            return False
        self.ideas.append(idea)
        return True


def wanted_count(prompt: str, options: object) -> int:
    asked = options.get("count") if isinstance(options, dict) else None
    if isinstance(asked, int) and not isinstance(asked, bool):
        return max(2, min(asked, 12))
    found = _COUNT.search(prompt.lower())
    if not found:
        return 5
    return max(2, min(int(found.group()) if found.group().isdigit() else _NUMBERS[found.group()], 12))


async def perform(work: Work) -> None:
    """Collect distinct ideas, asking again for what is missing, and say them."""
    prompt = work.ask.prompt.strip() or "What could happen next?"
    pool = Pool(wanted_count(prompt, dict(work.option)), prompt)
    page = work.place
    if page is not None:
        work.show("thinking", page.page, place.cursor(work.surface.canvas, page.page, page.span))
    else:
        work.show("thinking")
    shown = _near(work, page, prompt)
    for _ in range(ROUNDS):
        if pool.full:
            break
        before = len(pool.ideas)
        await (_small(work, pool, shown, prompt) if work.small else _large(work, pool, shown, prompt))
        work.checked(
            "ideas",
            checks.Report(() if pool.full else (("count", f"{len(pool.ideas)} of {pool.wanted} different ideas."),)),
        )
        if len(pool.ideas) == before and not work.small:
            break
    if len(pool.ideas) < min(2, pool.wanted):
        raise failed_checks(f"{pool.wanted} different ideas", pool.failed)
    if not pool.full:
        work.note(f"It had only {len(pool.ideas)} ideas that differ enough; {pool.wanted} were asked for.")
    async with Utterance(work) as message:
        work.show("writing")
        message.ideas = pool.ideas
        await message.write("\n".join(f"{at}. {idea}" for at, idea in enumerate(pool.ideas, 1)))


def _near(work: Work, page: Place | None, prompt: str) -> str:
    room = work.voice.room // 3 if not work.small else min(work.voice.room // 2, 500)
    if page is None:
        return ""
    if page.selection.strip():
        return work.given.add(
            "selection",
            context.head(page.selection, room),
            page=page.page,
            title=page.title,
            start=page.span.start,
        )
    before = page.before if page.before.strip() else page.text
    near = context.tail(before, room)
    return work.given.add("before", near, page=page.page, title=page.title, start=max(0, len(before) - len(near)))


async def _small(work: Work, pool: Pool, shown: str, prompt: str) -> None:
    """The model writes a numbered list; what is already there is the list's beginning."""
    list_so_far = "".join(f"{at}. {idea}\n" for at, idea in enumerate(pool.ideas, 1))
    titles = bool(_TITLES.search(prompt))
    about = f"Text:\n{' '.join(shown.split())}\n\n" if shown.strip() else ""
    what = "titles, a few words each" if titles else "ideas, one short sentence each"
    request = Request(
        prompt=f"{about}{prompt}\nWrite a list of {pool.wanted} different {what}.",
        examples=[TITLES if titles else IDEAS],
        prefill=f"{list_so_far}{len(pool.ideas) + 1}.",
        max_tokens=(20 if titles else 45) * (pool.wanted - len(pool.ideas)) + 40,
        temperature=0.85,
        sampling={"min_p": 0.1, "repeat_penalty": 1.1, "repeat_last_n": 256, "dry_multiplier": 0.8},
    )
    text = f"{len(pool.ideas) + 1}."
    async with aclosing(work.voice.stream(request)) as chunks:
        async for chunk in chunks:
            text += chunk
            *complete, text = text.split("\n")
            for line in complete:
                _take(pool, line, shown + prompt, titles)
            if pool.full:
                return
    _take(pool, text, shown + prompt, titles, last=True)


def _take(pool: Pool, line: str, text_of_author: str, title: bool, last: bool = False) -> None:
    """Take a line of a list: its first sentence, for a small model does not get better by going on."""
    found = _ITEM.match(line)
    if not found:
        return
    idea = re.sub(r"^\s*(?:(?:idea|title)\s*\d*\s*:|\d+[.)])\s*", "", found.group(1), flags=re.IGNORECASE).strip()
    if title:
        idea = re.split(r"\s+[-–—]+\s+|: (?=[A-Z])|\s*\(", idea)[0].strip(' "“”.*,-')
        if 1 <= len(words(idea)) <= 10:
            pool.add(idea, least=1)
        return
    ends = sentence_ends(idea)
    if ends:
        idea = idea[: ends[0]]
    elif last:
        return  # cut off by the limit of tokens
    # What the example's story is about must not wander into this one.
    if 4 <= len(words(idea)) <= 45 and not checks.content(idea) & (EXAMPLE_THINGS - checks.content(text_of_author)):
        pool.add(idea)


async def _large(work: Work, pool: Pool, shown: str, prompt: str) -> None:
    room = work.voice.room
    plan = work.given.add(
        "outline", context.outline(work.surface.canvas, work.place.page if work.place else None, room // 10)
    )
    recalled = recall(work, work.place, prompt + " " + shown[-500:], shown, room // 6) if work.place else ""
    missing = pool.wanted - len(pool.ideas)
    known = "\n".join(f"- {idea}" for idea in pool.ideas)
    answer = await work.voice.typed(
        Ideas,
        work.persona.character
        + "\n\nYou brainstorm with the author. Each idea must be concrete, usable at once, and of another kind "
        "than the others: vary "
        "cause, character, scale and mood rather than wording. The first ideas that come to mind are "
        "everybody's: leave them out.",
        "\n\n".join(
            part
            for part in (
                plan,
                f"The text:\n<page>\n{shown}\n</page>" if shown.strip() else "",
                f"Passages that may matter:\n<page>\n{recalled}\n</page>" if recalled else "",
                f"The author has these already; propose others:\n{known}" if known else "",
                f"The author asks: {prompt}",
                f"Give exactly {missing} ideas.",
            )
            if part
        ),
        max_tokens=200 * missing + 300,
        temperature=1.0,
    )
    for idea in answer.ideas:
        pool.add(idea)
