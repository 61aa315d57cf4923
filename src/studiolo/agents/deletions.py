"""Ways to shorten a sentence by leaving something out: what editors strike first.

Every candidate consists of the author's own words (a few stock phrases have a shorter form), so nothing can be made up.
A small model, held to these candidates by a grammar, chooses the one that reads best.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise

from studiolo.agents.prose import words

_SHORTER = [
    (r"\bin order to\b", "to"),
    (r"\bdue to the fact that\b", "because"),
    (r"\bin spite of the fact that\b", "although"),
    (r"\bat this point in time\b", "now"),
    (r"\bin the event that\b", "if"),
    (r"\bon a regular basis\b", "regularly"),
    (r"\ba (?:large |great )?number of\b", "many"),
    (r"\bmake an effort to\b", "try to"),
    (r"\b(is|are|was|were) able to\b", {"is": "can", "are": "can", "was": "could", "were": "could"}),
    (r"\bmake sure that\b", "ensure that"),
    (r"\b(all|most|some) of the members of\b", r"\1 of"),
    (r"\ball of the\b", "all the"),
    (r"\bthe (month|city|town|year) of (?=[A-Z\d])", ""),
    (r"\b(that|which|who) (?:was|were|is|are) (?=\w+ed\b)", ""),
    (r"\bthe reason why\b", "why"),
    (r"\bthe fact that\b", "that"),
]
_PADDING = re.compile(
    r"\b(?:really|very|quite|rather|somewhat|actually|basically|literally|just|simply|certainly|definitely|in fact"
    r"|of course|as a matter of fact|needless to say|more or less|a little bit|a bit|sort of|kind of|at all"
    r"|different)\b ?",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?: ?—[^—]{3,80}—|--[^-]{3,80}--(?=\w)| \([^()]{3,120}\)|, (?:which|who|whose|where|as|being"
    r"|having)\b[^,;:.!?]{3,90}(?=,)"
    r"|, (?:which|who|whose|where|though|although|as if|as though)\b[^,;:.!?]{3,90}(?=[.;!?]))"
)
_DEPENDENT = re.compile(
    r"\s+(?:and|or|nor|but|though|although|when|whenever|while|if|as|because|since|with|without|having|being|\w+ing)\b"
    r"[^:()\"“”]*$",
    re.IGNORECASE,
)
MOST = 6


def candidates(sentence: str, least: float = 0.4) -> list[str]:
    """Shorter forms of a sentence, the boldest first; none keeps less than `least` of its words."""
    tightened = _tight(sentence)
    count = len(words(sentence))
    found: dict[str, int] = {}
    for text in (tightened, *_without_parts(tightened), *_without_parts(sentence)):
        cleaned = _clean(text, sentence)
        size = len(words(cleaned))
        if least * count <= size < count and cleaned:
            found.setdefault(cleaned, size)
    return sorted(found, key=lambda text: found[text])[:MOST]


def _tight(sentence: str) -> str:
    text = sentence
    for pattern, shorter in _SHORTER:
        if isinstance(shorter, dict):
            text = re.sub(pattern, lambda found, by=shorter: by[found.group(1).lower()], text, flags=re.IGNORECASE)
        else:
            text = re.sub(pattern, shorter, text, flags=re.IGNORECASE if "[A-Z" not in pattern else 0)
    return _PADDING.sub("", text)


def _without_parts(sentence: str) -> Iterator[str]:
    """The sentence without one or two of its asides and dependent clauses."""
    spans = [match.span() for match in _ASIDE.finditer(sentence)]
    joints = [match.start() for match in re.finditer(r"[;,](?=\s)", sentence)]
    for left, right in pairwise(joints):
        part = sentence[left:right]
        # A list of single words loses its sense; a clause that depends on another can go.
        if len(words(part)) >= 3 and sentence[left] == sentence[right] and _DEPENDENT.match(part[1:]):
            subject = len(words(re.split(r"[.;:,]", sentence[:left])[-1])) <= 4
            spans.append((left, right + 1 if subject and part[0] == "," else right))
    spans = sorted(set(spans))[:6]
    for size in (1, 2):
        for chosen in combinations(spans, size):
            if any(a[1] > b[0] for a, b in pairwise(chosen)):
                continue
            text = sentence
            for start, end in reversed(chosen):
                text = text[:start] + (" " if sentence[end : end + 1].isalnum() else "") + text[end:]
            yield text


def _clean(text: str, source: str) -> str:
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r" +([,;.!?])", r"\1", text)
    text = re.sub(r"([,;])[,;]+", r"\1", text)
    text = re.sub(r"^[,;:\s—-]+", "", text).strip()
    if text and source[:1].isupper():
        text = text[0].upper() + text[1:]
    return text
