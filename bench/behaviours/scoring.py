"""What came of a case, and whether it was right. No model judges: words are counted and places compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bench.behaviours.case import Behaviour, Case
from bench.behaviours.differences import Difference, difference, items, sentences, words

TARGETED = 0.15  # of the page's words (and never fewer than 12) are the most that a small edit touches
REWRITTEN = 0.3  # of a passage's words are the least that a rewrite touches
STANDS = 0.9  # of the text beside a passage is to stand, where its rewrite or its length is looked at
LEAST_LEFT = 0.15  # of a passage's length is the least that a rewrite leaves
LEAST_NEW = 3  # words
LEAST_COMMENT = 2  # words


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment, and the span of the page that it hangs on; None when it hangs nowhere."""

    span: tuple[int, int] | None
    text: str


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a request. `after` is the page with everything taken that was suggested; `suggestions` were made
    for their own sake, not as the fix of a comment."""

    before: str
    after: str
    suggestions: int = 0
    remarks: tuple[Remark, ...] = ()
    said: str = ""
    ideas: int = 0
    pages: int = 0
    questions: int = 0  # asked of the person
    skill: str = "work"
    state: str = "done"
    error: str = ""
    seconds: float = 0.0
    tokens: int = 0

    @property
    def changed(self) -> bool:
        return self.before.strip() != self.after.strip()

    @property
    def added(self) -> str | None:
        """The text that was put in, where that is all that was done and nothing of the page is gone."""
        old, new = self.before.rstrip(), self.after.rstrip()
        start = _common(old, new)
        rest = _common(old[start:][::-1], new[start:][::-1])
        return new[start : len(new) - rest].strip() if start + rest == len(old) else None


@dataclass(frozen=True, slots=True)
class Score:
    """Whether it was right, why not, and what else was measured, as shares from 0 to 1."""

    right: bool
    why: str = ""
    figures: dict[str, float] = field(default_factory=dict[str, float])


def score(case: Case, came: Came) -> Score:
    """Whether that is a right result. Of agents that choose a skill by rules the choice is measured besides: it does
    not depend on the model."""
    found = SCORERS[case.behaviour](case, came)
    if came.skill == "work":
        return found
    which = "the right skill, English" if "English" in case.about else "the right skill, other languages"
    return replace(found, figures={which: float(came.skill in case.fitting), **found.figures})


def lens(case: Case, came: Came) -> Score:
    """The kind of thing that was asked for, and no other."""
    changes = came.changed and came.suggestions > 0
    remarks = [remark for remark in came.remarks if words(remark.text) >= LEAST_COMMENT]
    match case.does:
        case "change":
            left = 2 * words(came.after) >= words(came.before)
            wrong = _first(
                (not changes, "no change"), (not left, "most of the page is gone"), (bool(remarks), "comments besides")
            )
        case "new":
            new = came.added
            wrong = _first(
                (not changes, "no new text"),
                (new is None, "it changed what was there"),
                (words(new or "") < LEAST_NEW, "hardly a word"),
                (bool(remarks), "comments besides"),
            )
        case "comment":
            wrong = _first((not remarks, "no comment"), (came.suggestions > 0, "a change besides"))
        case "answer":
            wrong = _answered(case, came)
    return _made(wrong, came)


def scope(case: Case, came: Came) -> Score:
    """As small as an edit that names its place, or as large as a rewrite."""
    found = difference(came.before, came.after, case.spans())
    whole = words(came.before)
    share = found.touched / max(1, whole)
    figures = {"words touched, of the page": min(1.0, share)}
    wrong = _unlike(case, came, found)
    if not wrong and case.rewrite:
        old = " ".join(case.target)
        new = " ".join(found.now)
        wrong = _first(
            (found.kept < STANDS, "the rest of the page was changed"),
            (found.inside < REWRITTEN * words(old), "most of it stands as it was"),
            (words(new) < max(3, LEAST_LEFT * words(old)), "hardly anything is left of it"),
        )
    elif not wrong:
        most = max(12, round(TARGETED * whole))
        wrong = _first((found.touched > most, f"{found.touched} words touched, at most {most} were needed"))
    return _made(wrong, came, figures)


def only(case: Case, came: Came) -> Score:
    """Nothing beside the target is touched, and the target is."""
    found = difference(came.before, came.after, case.spans())
    figures = {"text beside it that stands": found.kept} if came.changed else {}
    wrong = _unlike(case, came, found) or _first((found.outside > 0, f"{found.outside} words or marks beside it"))
    return _made(wrong, came, figures)


def comments(case: Case, came: Came) -> Score:
    """At least one comment on the place, and no more on other places than on it."""
    said = [remark for remark in came.remarks if words(remark.text) >= LEAST_COMMENT]
    spans = case.spans()
    hits = [one for one in said if one.span and any(_within(came.before, one.span, span) for span in spans)]
    figures = {"comments that hit": len(hits) / len(said)} if said else {}
    wrong = _first(
        (not said, "no comment"),
        (not hits, "on another passage"),
        (2 * len(hits) < len(said), f"{len(said) - len(hits)} of {len(said)} on other passages"),
    )
    return _made(wrong, came, figures)


def length(case: Case, came: Came) -> Score:
    """Within the tolerance that the case states."""
    assert case.length is not None
    wanted = case.length
    match wanted.of:
        case "added":
            text = came.added if came.changed and came.suggestions else ""
            if text is None:
                return _made("it changed what was there", came)
        case "passage":
            found = difference(came.before, came.after, case.spans())
            if found.kept < STANDS:
                return _made("the rest of the page was changed", came)
            text = " ".join(found.now) if came.changed and found.inside else ""
        case "answer":
            if came.changed or came.suggestions:
                return _made("it changed the page", came)
            if case.says and not re.search(case.says, came.said, re.IGNORECASE):
                return _made("not to the point" if words(came.said) else "nothing was written", came)
            text = came.said
    if not words(text) and not came.ideas:
        return _made("nothing was written", came)
    match wanted.unit:
        case "words":
            has = float(words(text))
        case "sentences":
            has = float(sentences(text))
        case "items":
            has = float(came.ideas or items(text))
        case "times":
            has = words(text) / words(" ".join(case.target))
    wrong = _first(
        (not wanted.low <= has <= wanted.high, f"{has:.3g} {wanted.unit}, not {wanted.low:g} to {wanted.high:g}")
    )
    return _made(wrong, came)


def nothing(case: Case, came: Came) -> Score:
    """The page is as it was, nothing is proposed or remarked, and something was said to the point."""
    left = not (came.changed or came.suggestions or came.remarks or came.pages)
    return _made(_answered(case, came), came, {"left the page alone": float(left)})


SCORERS: dict[Behaviour, Callable[[Case, Came], Score]] = {
    "lens": lens,
    "scope": scope,
    "only": only,
    "comments": comments,
    "length": length,
    "nothing": nothing,
}


def _made(wrong: str, came: Came, figures: dict[str, float] | None = None) -> Score:
    """What does not end by itself is not right, whatever it left."""
    if came.state != "done":
        wrong = f"{came.state}: {came.error}" if came.error else came.state
    return Score(not wrong, wrong, figures or {})


def _first(*wrongs: tuple[bool, str]) -> str:
    return next((why for wrong, why in wrongs if wrong), "")


def _answered(case: Case, came: Came) -> str:
    return _first(
        (came.changed or came.suggestions > 0, "it suggested a change"),
        (bool(came.remarks), "it commented"),
        (came.pages > 0, "it added a page"),
        (not words(came.said) and not came.ideas, "it said nothing"),
        (
            bool(case.says)
            and not re.search(case.says, came.said, re.IGNORECASE)
            and not (came.ideas and "brainstorm" in case.skills),
            "not to the point",
        ),
    )


def _unlike(case: Case, came: Came, found: Difference) -> str:
    """Whether the target is as it was, or not as it was to be."""
    return _first(
        (not came.changed or not came.suggestions, "no change"),
        (not found.inside, "the passage is as it was"),
        (any(not re.search(one, came.after) for one in case.there), "what was asked for is not there"),
        (any(re.search(one, came.after) for one in case.gone), "what was to go is still there"),
    )


def _within(text: str, span: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """Whether the words of a span all lie in another one: spaces, list marks and a last stop do not count."""
    start, end = span
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start < end and wanted[0] <= start and end <= wanted[1]


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with together."""
    at = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        at += 1
    return at
