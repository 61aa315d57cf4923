"""What can be seen in prose by measuring it: long sentences, repeated words, the passive, hedges, adverbs, clichés.

These are what a small model's comments rest on. It can propose a better sentence, but it cannot judge a text; so that
its comments are true, what they say is measured, and only the proposed fix is the model's.
"""

from __future__ import annotations

import re
from collections import Counter
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
class Observation:
    """One measured weakness of one sentence. `weight` says how much it matters, `how` how it could be mended."""

    sentence: str
    start: int
    kind: str
    comment: str
    weight: float
    how: str = "shorten"


def observe(text: str) -> list[Observation]:
    """What there is to say about a text, the most telling first, at most one observation a sentence."""
    found: list[Observation] = []
    split = [
        (paragraph.start + sentence.start, sentence.text)
        for paragraph in paragraphs(text)
        if paragraph.prose
        for sentence in sentences(paragraph.text)
        if sentence.prose
    ]
    lengths = sorted(len(words(sentence)) for _, sentence in split)
    usual = lengths[len(lengths) // 2] if lengths else 0
    for at, (start, sentence) in enumerate(split):
        before = split[at - 1][1] if at else ""
        seen = [
            Observation(sentence, start, kind, comment, weight)
            for kind, comment, weight in _weaknesses(sentence, before, usual)
        ]
        if seen:
            found.append(max(seen, key=lambda observation: observation.weight))
    return sorted(found, key=lambda observation: (-observation.weight, observation.start))


def _weaknesses(sentence: str, before: str, usual: int) -> list[tuple[str, str, float]]:
    said = words(sentence)
    count = len(said)
    found: list[tuple[str, str, float]] = []
    if cliche := _CLICHES.search(sentence):
        found.append(
            (
                "cliche",
                f"“{cliche.group()}” is a phrase readers have met many times; it no longer shows anything.",
                3.0,
            )
        )
    if count >= 32 and count > 1.5 * usual:
        found.append(
            (
                "long",
                f"This sentence has {count} words, against about {usual} in the others. Is everything in it needed?",
                2.0 + count / 50,
            )
        )
    if wordy := [match.group() for match in _WORDY.finditer(sentence)]:
        found.append(("wordy", f"“{wordy[0]}” can be said in fewer words.", 1.9 + 0.4 * len(wordy)))
    hedges = [match.group().lower() for match in _HEDGES.finditer(sentence)]
    if hedges:
        named = ", ".join(f"“{hedge}”" for hedge in dict.fromkeys(hedges))
        found.append(
            (
                "hedge",
                f"{named} weaken{'s' if len(set(hedges)) == 1 else ''} what "
                f"{'it stands' if len(set(hedges)) == 1 else 'they stand'} beside; the sentence may be stronger "
                f"without.",
                1.1 + 0.5 * len(hedges),
            )
        )
    repeated = _repeated(said)
    if repeated:
        found.append(("repeated", f"“{repeated}” comes more than once in this sentence. Is the echo meant?", 1.6))
    if passive := _PASSIVE.search(sentence):
        found.append(("passive", f"“{passive.group()}” is passive: it hides who acts.", 1.3))
    adverbs = [match.group() for match in _ADVERB.finditer(sentence)]
    if len(adverbs) >= 2:
        found.append(
            (
                "adverbs",
                f"{len(adverbs)} adverbs in one sentence ({', '.join(adverbs[:3])}); a more exact verb may do "
                f"the work.",
                1.2,
            )
        )
    if filtered := _FILTER.search(sentence):
        found.append(("filter", f"“{filtered.group()}” puts the character between the reader and what happens.", 0.9))
    first, last = said[:1], words(before)[:1]
    if first and first == last and count > 3 and first[0].lower() in ("he", "she", "they", "i", "it", "there", "the"):
        found.append(("opening", f"Two sentences in a row begin with “{first[0]}”.", 0.8))
    return found


def _repeated(said: list[str]) -> str | None:
    counted = Counter(stem(word) for word in said if word.lower() not in STOP and len(word) > 4)
    common = [name for name, count in counted.items() if count > 1]
    return next((word for word in said if stem(word) in common), None)
