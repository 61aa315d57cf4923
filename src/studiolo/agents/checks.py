"""Is what a model wrote what was asked for? Each check is a named test with a sentence for when it fails.

Checks are code, not another model: they are fast, they can be read, and they hold for every model alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studiolo.agents.prose import alike, folded, reading_ease, words

Check = Callable[[str], str | None]  # None when it passes, else what is wrong, as a sentence

MARKERS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<page>",
    "</page>",
    "<text>",
    "</text>",
    "\nUser:",
    "\nAssistant:",
    "\nHuman:",
    "\n### ",
)
_TALK = re.compile(
    r"^\s*(sure|certainly|of course|absolutely|okay|ok|here(?:'s| is| are)|as an ai|as a language model"
    r"|i'm sorry|i am sorry|i apologi[sz]e|i cannot|i can't|i'm unable|i am unable|the (?:rewritten|revised|corrected"
    r"|shortened|improved) (?:text|sentence|version|passage|paragraph)|rewritten|revised|corrected "
    r"version)\b[^\n]{0,120}",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.!?“\"'\n] )(?<!^)\b[A-Z][a-z]{2,}\b")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_STOP_WORDS = """
a an the and or but nor so yet of in on at by to for from with without into onto over under as is are was were
be been being am do does did done have has had having will would shall should can could may might must not no
it its this that these those there here he she they him his her hers their theirs i me my mine we us our ours
you your yours who whom whose which what when where why how if then than too very all any some each every both
one ones upon about again also just only own same such up down out off
"""
STOP = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of checking one candidate."""

    failed: tuple[tuple[str, str], ...]

    @property
    def ok(self) -> bool:
        return not self.failed

    def as_list(self) -> list[dict[str, str]]:
        return [{"check": name, "why": why} for name, why in self.failed]


def run(text: str, checks: Sequence[tuple[str, Check]]) -> Report:
    """All checks on one candidate."""
    return Report(tuple((name, why) for name, check in checks if (why := check(text))))


def stem(word: str) -> str:
    """A crude stem, good enough to see that two words are forms of one."""
    word = word.lower().replace("’", "'")
    for ending in (
        "'s",
        "n't",
        "ingly",
        "edly",
        "ing",
        "ies",
        "ied",
        "ily",
        "est",
        "ed",
        "es",
        "er",
        "ly",
        "s",
        "y",
        "e",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def content(text: str) -> set[str]:
    """The stems of the words that carry meaning."""
    return {stem(word) for word in words(text) if word.lower() not in STOP}


def not_empty(text: str) -> str | None:
    return None if words(text) else "It wrote nothing."


def no_markup(text: str) -> str | None:
    return "It wrote markup of its prompt." if any(marker.strip() in text for marker in MARKERS) else None


def no_talk(source: str) -> tuple[str, Check]:
    """Not a remark about the task in place of its result (unless the text itself begins so)."""

    def check(text: str) -> str | None:
        found = _TALK.match(text)
        if found and not folded(source).startswith(folded(found.group(1))):
            return "It talked about the task instead of doing it."
        return None

    return "no_talk", check


def not_repeating(text: str) -> str | None:
    """No loop: a sentence or a run of six words that comes again and again, or hardly any variety of words."""
    said = folded(text).split()
    runs = list(zip(*(said[at:] for at in range(6)), strict=False))
    # What comes again and again has a run that comes twice. Most texts have none, and are looked at while they grow.
    if len(said) >= 12 and len(set(runs)) < len(runs):
        if Counter(runs).most_common(1)[0][1] > 2:
            return "It repeats itself."
        if any(said[at : at + 3] == said[at + 3 : at + 6] == said[at + 6 : at + 9] for at in range(len(said) - 8)):
            return "It repeats itself."
    if any(said[at] == said[at + 1] == said[at + 2] == said[at + 3] for at in range(len(said) - 3)):
        return "It repeats itself."
    if len(said) >= 40 and len(set(said)) / len(said) < 0.33:
        return "It repeats itself."
    return None


def readable(text: str) -> str | None:
    """Mostly letters, no mojibake, no endless word."""
    if "\ufffd" in text:
        return "It wrote broken characters."
    letters = sum(1 for character in text if character.isalpha() or character.isspace())
    if len(text) > 20 and letters / len(text) < 0.7:
        return "What it wrote is not prose."
    if any(len(word) > 45 and word.isascii() for word in words(text)):
        return "What it wrote is not prose."
    return None


def prose(text: str) -> str | None:
    """Running text: not a list of names, not a column of lines of a few words."""
    said = words(text)
    if len(said) >= 20 and sum(1 for word in said if word[0].isupper()) > 0.45 * len(said):
        return "It wrote a list of names."
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) >= 8 and sum(1 for line in lines if len(words(line)) <= 3) > 0.7 * len(lines):
        return "It wrote a list, not prose."
    return None


def without(*phrases: str) -> tuple[str, Check]:
    """None of these phrases, which are of the prompt."""
    asked = [folded(phrase) for phrase in phrases]

    def check(text: str) -> str | None:
        said = folded(text)
        return "It repeated what it was given." if any(phrase in said for phrase in asked) else None

    return "not_prompt", check


def no_refrain(source: str) -> tuple[str, Check]:
    """No four words said twice in one sentence, unless the source does it too."""

    def twice(text: str) -> bool:
        said = folded(text).split()
        return max(Counter(tuple(said[at : at + 4]) for at in range(len(said) - 3)).values(), default=0) > 1

    allowed = twice(source)
    return "not_repeating", lambda text: "It repeats itself." if twice(text) and not allowed else None


def not_borrowed(source: str, *others: str) -> tuple[str, Check]:
    """No three words in a row from other texts, the worked examples, that the source does not have."""
    theirs = {run for other in others for run in _threes(other)} - set(_threes(source))

    def check(text: str) -> str | None:
        taken = [run for run in _threes(text) if run in theirs and not all(word in STOP for word in run)]
        return "It copied from an example." if taken else None

    return "not_borrowed", check


def _threes(text: str) -> list[tuple[str, ...]]:
    said = folded(text).split()
    return [tuple(said[at : at + 3]) for at in range(len(said) - 2)]


def changed(source: str) -> tuple[str, Check]:
    return (
        "changed",
        lambda text: "It gave the text back unchanged." if text.strip() == source.strip() else None,
    )


def not_echo(*prompts: str) -> tuple[str, Check]:
    """Not the instruction, nor the text around, said again."""

    def check(text: str) -> str | None:
        said = folded(text)
        for prompt in prompts:
            asked = folded(prompt)
            if len(asked) >= 12 and (said == asked or (len(said) >= 24 and alike(text, prompt) > 0.9)):
                return "It repeated what it was given."
        return None

    return "not_echo", check


def shorter(source: str, most: float = 0.95, least: float = 0.2) -> tuple[str, Check]:
    """At most `most` and at least `least` of the source's words."""
    count = max(1, len(words(source)))

    def check(text: str) -> str | None:
        ratio = len(words(text)) / count
        if ratio > most:
            return "It is not shorter."
        return "It left almost nothing of the text." if ratio < least else None

    return "shorter", check


def longer(source: str, least: float = 1.15, most: float = 4.0) -> tuple[str, Check]:
    count = max(1, len(words(source)))

    def check(text: str) -> str | None:
        ratio = len(words(text)) / count
        if ratio < least:
            return "It is not longer."
        return "It is far longer than was asked for." if ratio > max(most, 40 / count) else None

    return "longer", check


def in_range(source: str, least: float = 0.4, most: float = 2.2) -> tuple[str, Check]:
    """About as long as the source."""
    count = max(1, len(words(source)))

    def check(text: str) -> str | None:
        size = len(words(text))
        if size > max(most * count, count + 2):
            return "It is far longer than what it was to rewrite."
        return "It is far shorter than what it was to rewrite." if size < least * count else None

    return "in_range", check


def simpler(source: str) -> tuple[str, Check]:
    before = reading_ease(source)
    return "simpler", lambda text: None if reading_ease(text) > before + 1 else "It is no easier to read."


def keeps_words(source: str, share: float) -> tuple[str, Check]:
    """At least that share of the source's words, in their order (for corrections)."""
    said = folded(source).split()

    def check(text: str) -> str | None:
        kept = _common(said, folded(text).split())
        return None if kept >= share * len(said) else "It changed more than the mistakes."

    return "keeps_words", check


def keeps_meaning(source: str, share: float) -> tuple[str, Check]:
    """At least that share of the source's content words."""
    meant = content(source)

    def check(text: str) -> str | None:
        kept = len(meant & content(text))
        return None if kept >= share * len(meant) else "It lost what the text says."

    return "keeps_meaning", check


def adds_little(source: str, most: int) -> tuple[str, Check]:
    """At most so many content words that the source does not have."""
    meant = content(source)

    def check(text: str) -> str | None:
        return "It added things that the text does not say." if len(content(text) - meant) > most else None

    return "adds_little", check


def keeps_facts(source: str) -> tuple[str, Check]:
    """No new names or numbers."""
    known = {name.lower() for name in re.findall(r"\b\w+\b", source)}

    def check(text: str) -> str | None:
        named = [name for name in _NAME.findall(text) if name.lower() not in STOP]
        new = [name for name in named if name.lower() not in known and stem(name) not in known]
        numbers = [number for number in _NUMBER.findall(text) if number not in source]
        if new or numbers:
            return f"It brought in {', '.join((new + numbers)[:3])}, which the text does not have."
        return None

    return "keeps_facts", check


def at_least_words(count: int) -> tuple[str, Check]:
    return (
        "long_enough",
        lambda text: None if len(words(text)) >= count else "It broke off after a few words.",
    )


def always(source: str) -> list[tuple[str, Check]]:
    """What holds for everything a model writes about `source`."""
    return [
        ("not_empty", not_empty),
        ("no_markup", no_markup),
        no_talk(source),
        # A refrain is not a loop: what the source itself does may be done.
        ("not_repeating", not_repeating if not_repeating(source) is None else lambda text: None),
        ("readable", readable),
    ]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence of words."""
    row = [0] * (len(other) + 1)
    for a in one:
        previous = 0
        for at, b in enumerate(other, 1):
            previous, row[at] = row[at], previous + 1 if a == b else max(row[at], row[at - 1])
    return row[-1]
