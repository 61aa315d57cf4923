"""What can be seen in prose by measuring it: long sentences, repeated words, the passive, hedges, adverbs, clichés.

These are what a small model's comments rest on. It can propose a better sentence, but it cannot judge a text; so that
its comments are true, what they say is measured, and only the proposed fix is the model's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studiolo.agents.checks import STOP, stem
from studiolo.agents.prose import paragraphs, sentences, words

_PASSIVE = re.compile(
    r"\b(am|is|are|was|were|been|being|be)\s+(?:\w+ly\s+)?(\w{2,}ed|made|done|given|taken|seen|held|told|known|written|found|kept|left|built"
    r"|brought|thought|bought|caught|sent|shown|chosen|drawn|driven|eaten|forgotten|hidden|broken|spoken|stolen|thrown|worn)\b(?=\s+by\b|)",
    re.IGNORECASE,
)
_WORDY = re.compile(
    r"\b(in order to|due to the fact that|at this point in time|in the event that|for the purpose of|with "
    r"regard to|on a regular basis"
    r"|a number of|the fact that|in spite of the fact|it is important (?:to|that)|there (?:is|are|was|were) "
    r"(?:a|an|many|some|several)"
    r"|make an effort to|in the process of|all of the|most of the|is able to|are able to|was able to|has the "
    r"ability to|until such time as)\b",
    re.IGNORECASE,
)
_HEDGES = re.compile(
    r"\b(very|really|quite|rather|somewhat|just|actually|basically|literally|suddenly|somehow|perhaps|seemed to"
    r"|began to|started to|a bit"
    r"|a little bit|kind of|sort of)\b",
    re.IGNORECASE,
)
_ADVERB = re.compile(
    r"\b(?!only|early|family|reply|supply|apply|july|italy|holy|ugly|lonely|likely|silly|belly|bully|jelly|lily|ally|fly|rely)\w{3,}ly\b",
    re.IGNORECASE,
)
_CLICHES = re.compile(
    r"\b(at the end of the day|heart (?:pounded|raced|skipped a beat)|blood ran cold|time stood still|deafening "
    r"silence|breathed? a sigh of relief"
    r"|let out a breath|dead as a doornail|white as a (?:sheet|ghost)|needle in a haystack|tip of the iceberg"
    r"|calm before the storm"
    r"|only time will tell|easier said than done|crystal clear|chill (?:ran )?down (?:his|her|my|their) spine"
    r"|last but not least|avoid like the plague)\b",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"\b(?:he|she|they|i|we|it)\s+(?:could\s+)?(saw|heard|felt|noticed|realized|realised|watched|thought"
    r"|wondered|knew|looked at)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Weakness:
    """Something measured in a sentence: what it is, the phrases it is about, and how much it matters."""

    kind: str
    phrases: tuple[str, ...]
    comment: str
    weight: float


@dataclass(frozen=True, slots=True)
class Observation:
    """The weightiest weakness of one sentence, and where the sentence begins."""

    sentence: str
    start: int
    weakness: Weakness


def observe(text: str) -> list[Observation]:
    """What there is to say about a text, the most telling first, at most one observation a sentence."""
    split = [
        (paragraph.start + sentence.start, sentence.text)
        for paragraph in paragraphs(text)
        if paragraph.prose
        for sentence in sentences(paragraph.text)
        if sentence.prose
    ]
    lengths = sorted(len(words(sentence)) for _, sentence in split)
    usual = lengths[len(lengths) // 2] if lengths else 0
    found: list[Observation] = []
    for at, (start, sentence) in enumerate(split):
        seen = list(_weaknesses(sentence, split[at - 1][1] if at else "", usual))
        if seen:
            found.append(Observation(sentence, start, max(seen, key=lambda weakness: weakness.weight)))
    return sorted(found, key=lambda observation: (-observation.weakness.weight, observation.start))


def _weaknesses(sentence: str, before: str, usual: int) -> Iterator[Weakness]:
    said = words(sentence)
    count = len(said)
    if cliche := _CLICHES.search(sentence):
        phrase = cliche.group()
        comment = f"“{phrase}” is a phrase readers have met many times; it no longer shows anything."
        yield Weakness("cliche", (phrase,), comment, 3.0)
    if count >= 32 and count > 1.5 * usual:
        comment = f"This sentence has {count} words, against about {usual} in the others. Is everything in it needed?"
        yield Weakness("long", (), comment, 2.0 + count / 50)
    if wordy := _all(_WORDY, sentence):
        yield Weakness("wordy", wordy, f"{_named(wordy)} can be said in fewer words.", 1.9 + 0.4 * len(wordy))
    if hedges := _all(_HEDGES, sentence):
        weaken = "weakens what it stands" if len(hedges) == 1 else "weaken what they stand"
        comment = f"{_named(hedges)} {weaken} beside; the sentence may be stronger without."
        yield Weakness("hedge", hedges, comment, 1.1 + 0.5 * len(hedges))
    if repeated := _repeated(said):
        yield Weakness("repeated", (), f"“{repeated}” comes more than once in this sentence. Is the echo meant?", 1.6)
    if passive := _PASSIVE.search(sentence):
        yield Weakness("passive", (passive.group(),), f"“{passive.group()}” is passive: it hides who acts.", 1.3)
    adverbs = _all(_ADVERB, sentence)
    if len(adverbs) >= 2:
        comment = f"{_named(adverbs[:3])}: a more exact verb may do the work of {len(adverbs)} adverbs."
        yield Weakness("adverbs", adverbs, comment, 1.2)
    if filtered := _FILTER.search(sentence):
        comment = f"“{filtered.group()}” puts the character between the reader and what happens."
        yield Weakness("filter", (filtered.group(),), comment, 0.9)
    first, last = said[:1], words(before)[:1]
    if first and first == last and count > 3 and first[0].lower() in ("he", "she", "they", "i", "it", "there", "the"):
        yield Weakness("opening", (), f"Two sentences in a row begin with “{first[0]}”.", 0.8)


def _all(pattern: re.Pattern[str], sentence: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match.group().lower() for match in pattern.finditer(sentence)))


def _named(phrases: Sequence[str]) -> str:
    return ", ".join(f"“{phrase}”" for phrase in phrases)


def _repeated(said: list[str]) -> str | None:
    counted = Counter(stem(word) for word in said if word.lower() not in STOP and len(word) > 4)
    common = [name for name, count in counted.items() if count > 1]
    return next((word for word in said if stem(word) in common), None)
