"""Changes of prose, word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.distance import OSA

from studiolo.canvas.actions import ChangeKind
from studiolo.canvas.diff import text_edits, tokens
from studiolo.canvas.kinds.plain import plain, protected, touches
from studiolo.canvas.kinds.signs import BLANKS, QUOTES, disguised, numeric, script, unseen
from studiolo.canvas.kinds.source import source_kinds
from studiolo.canvas.kinds.speech import in_speech
from studiolo.canvas.kinds.verdict import Kinds, PageKind
from studiolo.canvas.kinds.words import LOGIC, NUMBERS, affixed, confused, one_for_another, says_a_number, weighs

LONGEST_CONTEXT = 1_000  # characters of the same paragraph that are looked at on either side
LONGEST_CHANGE = 10_000  # characters of a hunk; a longer one is read by a person
MOST_EDITS = 40  # in one passage that are looked at one by one
FEW = 6  # words that may be replaced before it counts as a rewrite
FEW_NEW = 3  # words that may come or go

_WORD = re.compile(r"\w")
_SENTENCE_END = re.compile(r"([.!?]|(?<=.)[。！？])[\"')\]]*\s+$")
_SENTENCES = re.compile(r"(?<=[.!?…])[\"')\]]*\s+")
_ABBREVIATED = re.compile(
    r"\b(?:approx|prof|capt|dept|assoc|univ|messrs|hon|ibid|resp|incl|excl|bzgl|bspw|evtl|inkl|usw|etc|fig|vgl|hrsg)\.$",
    re.I,
)
_MARKS = "#>*+-=~| \t\u00a0"  # with which lines begin that are headings, lists, quotations, tables
_HEADING = re.compile(r"[ \t]*#{1,6}\s")

_CASED = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN"}
_READ = {"LATIN", "GREEK", "CYRILLIC"}  # those in whose languages `words` knows the words that weigh


def kinds_of(
    was: str, now: str, before: str, after: str, page_kind: PageKind, known: Container[str], title: str = ""
) -> Kinds:
    """What kinds of change replacing `was` by `now` makes, between `before` and `after`.

    `known` has the words that stand elsewhere in the work, as they are written there. `title` is the page's, which for
    code names the language; for code `before` and `after` are the rest of the page. Pure, and without effect.
    """
    found: list[Kinds] = []
    if hidden := unseen(was + now):
        signs = ", ".join(sorted({f"U+{ord(sign):04X}" for sign in hidden}))
        found.append(Kinds.of("wording", "high", f"invisible characters ({signs})", barred=True))
    if why := disguised(tokens(now), before + was + after):
        found.append(Kinds.of("wording", "high", why, barred=True))
    if page_kind == "code":
        found.append(source_kinds(was, now, before, after, title))
    elif page_kind == "data":
        digits = [token for token in tokens(was) if numeric(token[0])] != [t for t in tokens(now) if numeric(t[0])]
        found.append(Kinds.of("number" if digits else "wording", "high", "data changes"))
    elif len(was) + len(now) > LONGEST_CHANGE:
        found.append(Kinds.of(_shape(was, now), "high", "it is too long to be looked at word by word"))
    else:
        found.append(_prose(was, now, before, after, known))
    return Kinds.joined(found)


def _prose(was: str, now: str, before: str, after: str, known: Container[str]) -> Kinds:
    cut = len(before) > LONGEST_CONTEXT
    before, after = before[-LONGEST_CONTEXT:], after[:LONGEST_CONTEXT]
    left, right = before.rpartition("\n\n")[2], after.partition("\n\n")[0]
    cut = cut and left == before
    old, new = left + was + right, left + now + right
    raw = text_edits(old, new)
    if not raw:
        return Kinds.of("typography", "low", "nothing changes")

    found: list[Kinds] = []
    spans = protected(old), protected(new)
    shift = 0
    for edit in raw:
        at = edit.start + shift
        if touches(spans[0], edit.start, edit.end) or touches(spans[1], at, at + len(edit.insert)):
            kind = "code" if "`" in old + new else "wording"
            found.append(Kinds.of(kind, "high", "a link, an address, a tag or code changes"))
        shift += len(edit.insert) - (edit.end - edit.start)

    set_old, set_new = plain(old), plain(new)
    edits = text_edits(set_old, set_new)
    if not edits:
        return Kinds.joined([*found, Kinds.of("typography", "low", "only how it is set changes")])
    if len(edits) < len(raw):
        found.append(Kinds.of("typography", "low"))
    if _moved(was, now):
        found.append(Kinds.of("structure", "medium", "sentences change places"))
        return Kinds.joined(found)
    if len(edits) > MOST_EDITS:
        found.append(Kinds.of("wording", "high", "too much changes to be looked at word by word"))
        return Kinds.joined(found)
    shift = 0
    for edit in edits:
        change = _Change(
            set_old, set_new, edit.start, edit.end, edit.start + shift, edit.start + shift + len(edit.insert)
        )
        found += _kinds(change, known)
        if change.words and ((cut and any(sign in QUOTES for sign in left)) or change.spoken()):
            found.append(Kinds.of("dialogue", "medium", "somebody says it"))
        shift += len(edit.insert) - (edit.end - edit.start)
    return Kinds.joined(found)


@dataclass(frozen=True)
class _Change:
    """One edit between two paragraphs without their typography: `old[start:end]` became `new[low:high]`."""

    old: str
    new: str
    start: int
    end: int
    low: int
    high: int

    @cached_property
    def was(self) -> str:
        return self.old[self.start : self.end]

    @cached_property
    def now(self) -> str:
        return self.new[self.low : self.high]

    @cached_property
    def left(self) -> str:
        return self.old[: self.start]

    @cached_property
    def right(self) -> str:
        return self.old[self.end :]

    @cached_property
    def removed(self) -> list[str]:
        return [token for token in tokens(self.was) if _WORD.match(token)]

    @cached_property
    def added(self) -> list[str]:
        return [token for token in tokens(self.now) if _WORD.match(token)]

    @cached_property
    def words(self) -> bool:
        return bool(self.removed or self.added)

    @cached_property
    def by_a_number(self) -> bool:
        """Whether a digit stands right before or after it, or before or after one blank."""
        near = (self.left[-1:], self.right[:1], self.left.rstrip()[-1:], self.right.lstrip()[:1])
        return numeric("".join(near))

    @cached_property
    def sentence(self) -> str:
        """What stands around it up to the next full stops."""
        whole = re.split(r"(?<=[.!?…])\s", self.left)[-1] + self.was + re.split(r"(?<=[.!?…])\s", self.right)[0]
        return whole + self.now

    @cached_property
    def line(self) -> str:
        """What stands before it in its line."""
        return self.left.rpartition("\n")[2]

    def spoken(self) -> bool:
        return in_speech(self.old, self.start, self.end) or in_speech(self.new, self.low, self.high)


def _kinds(change: _Change, known: Container[str]) -> list[Kinds]:
    """What one edit is."""
    if not change.words:
        return [_signs(change)]
    if _capital(change):
        return [Kinds.of("typography", "low", "a capital where a sentence begins")]
    removed, added = change.removed, change.added
    found: list[Kinds] = []
    if numeric(change.was + change.now) or change.by_a_number:
        found.append(Kinds.of("number", "high", "a number changes, or what stands beside one"))
    gone, come = (
        list((Counter(removed) - Counter(added)).elements()),
        list((Counter(added) - Counter(removed)).elements()),
    )
    differ = gone + come
    if any(map(says_a_number, differ)) or one_for_another(gone, come, NUMBERS):
        found.append(Kinds.of("number", "high", "a word for a number, a date or a unit changes"))
    if heavy := [word for word in differ if weighs(word)] or (
        differ if len(differ) <= FEW_NEW and one_for_another(gone, come, LOGIC) else []
    ):
        found.append(Kinds.of(_shape(change.was, change.now), "high", f"“{heavy[0]}” can turn what is said"))
    if names := _names(change, known):
        found.append(Kinds.of("name", "high", f"the name “{names[0]}” changes"))
    if "\n" in change.was + change.now:
        found.append(Kinds.of("structure", "medium", "lines or paragraphs change"))
    if _HEADING.match(change.line):
        found.append(Kinds.of("structure", "medium", "a heading changes"))
    rest = [sign for sign in change.was + change.now if not (sign.isalnum() or sign in BLANKS or sign in ",.;:\n")]
    if any((change.was.count(sign) != change.now.count(sign)) for sign in rest if sign not in "'’-—"):
        found.append(_signs(change))
    strange = {script(sign) for word in differ for sign in word} - _READ - {""}
    if strange:
        found.append(Kinds.of(_shape(change.was, change.now), "high", "words in a language that is not read here"))
    if not found and _misspelt(removed, added, change, known):
        return [Kinds.of("spelling", "medium", f"“{added[0]}” is how the text writes it elsewhere")]
    said = [word for word in differ if not (numeric(word[0]) or says_a_number(word) or word in names)]
    if said or not found:
        found.append(_wording(change, removed, added))
    return found


def _wording(change: _Change, removed: list[str], added: list[str]) -> Kinds:
    kind = _shape(change.was, change.now)
    if "-" in change.was + change.now and change.was.replace("-", "") == change.now.replace("-", ""):
        return Kinds.of(kind, "high", "a hyphen can make another word")
    if len(removed) == len(added) == 1 and affixed(removed[0], added[0]):
        return Kinds.of(kind, "high", f"“{removed[0]}” and “{added[0]}” may be opposites")
    if numeric(change.sentence) or any(map(says_a_number, tokens(change.sentence))):
        return Kinds.of(kind, "high", "it is in a sentence with a number")
    if max(len(removed), len(added)) > (FEW if removed and added else FEW_NEW):
        return Kinds.of(kind, "high", "many words change")
    return Kinds.of(kind, "medium", "words change")


def _shape(was: str, now: str) -> ChangeKind:
    """Whether words are put in, taken out, or replaced."""
    if not _WORD.search(was):
        return "insertion"
    return "wording" if _WORD.search(now) else "deletion"


def _signs(change: _Change) -> Kinds:
    """An edit of signs that are not part of words."""
    signs = set(change.was + change.now)
    if change.by_a_number and not signs <= set(BLANKS + "\n"):
        return Kinds.of("number", "high", "a sign beside a number changes")
    if numeric(change.left[-1:]) or numeric(change.right[:1]):
        return Kinds.of("number", "high", "a sign beside a number changes")
    if "\n" in signs:
        return Kinds.of("structure", "medium", "lines or paragraphs change")
    if not change.line.strip(_MARKS) and signs <= set(_MARKS):
        return Kinds.of("structure", "medium", "the mark at the start of a line changes")
    if signs <= set(BLANKS + "\t"):
        return Kinds.of("typography", "medium", "blanks change")
    if signs <= set(BLANKS + ",;:."):
        return Kinds.of("typography", "medium", "a comma or a stop changes")
    if signs <= set("*_"):
        return Kinds.of("typography", "medium", "emphasis changes")
    if signs & set(QUOTES):
        return Kinds.of("dialogue", "high", "quotation marks come or go")
    if signs <= set(BLANKS + ",;:.!…—–-()¡¿?"):
        return Kinds.of("wording", "medium", "punctuation changes")
    return Kinds.of("wording", "high", "signs change that may say something")


def _capital(change: _Change) -> bool:
    """Whether it only sets the capital with which a sentence begins."""
    if len(change.removed) != 1 or change.was != change.removed[0] or not change.was.islower():
        return False
    if change.now != change.was[0].upper() + change.was[1:] or not change.was.isalpha() or len(change.was) < 2:
        return False
    return _begins(change.left)


def _begins(left: str) -> bool:
    """Whether a sentence begins after this, in the same line: at the start of a paragraph, or after a full stop that is
    no abbreviation's."""
    if not left.strip():
        return not left.strip(BLANKS)
    if not _SENTENCE_END.search(left):
        return False
    stop = left.rstrip().rstrip("\"')]")
    if "\n" in left[len(stop) :]:
        return False
    last = re.search(r"[^\W\d_]+[.!?]$", stop)
    full = last is not None and len(last[0]) > 4 and last[0][:-1].islower() and not _ABBREVIATED.search(stop)
    return full or stop.endswith(("!", "?"))


def _names(change: _Change, known: Container[str]) -> list[str]:
    """Names that come, go or change: capitalised words that are not just the first of a sentence."""
    return _capitalised(change.old, change.start, change.end, change.added, known) + _capitalised(
        change.new, change.low, change.high, change.removed, known
    )


def _capitalised(text: str, start: int, end: int, others: list[str], known: Container[str]) -> list[str]:
    names: list[str] = []
    at = start
    for token in tokens(text[start:end]):
        if _WORD.match(token) and token != token.lower() and token not in others:
            first = _begins(text[:at]) or text[:at].endswith("\n")
            common = token[0].upper() + token[1:] == token[0] + token[1:].lower() and token.lower() in known
            if not (first and (common or token.lower() in others)):
                names.append(token)
        at += len(token)
    return names


def _misspelt(removed: list[str], added: list[str], change: _Change, known: Container[str]) -> bool:
    """Whether a word is replaced by the near one that the work uses elsewhere, and where it never uses this one.

    Near is what fingers do: two letters in the wrong order, one twice that should stand once, or the other way round,
    one left out or hit too often; within a word, for its beginning and its end carry its grammar.
    """
    if len(removed) != 1 or len(added) != 1 or change.was != removed[0] or change.now != added[0]:
        return False
    old, new = removed[0], added[0]
    if min(len(old), len(new)) < 5 or not (old + new).isalpha() or not (old.islower() and new.islower()):
        return False
    if old in known or new not in known or affixed(old, new) or confused(old, new):
        return False
    if not all(script(letter) in _CASED for letter in old + new):
        return False
    return (
        old[0] == new[0] and old[-1] == new[-1] and OSA.distance(old, new) == 1 and sorted(set(old)) == sorted(set(new))
    )


def _moved(was: str, now: str) -> bool:
    """Whether the same sentences stand in another order."""
    old, new = _SENTENCES.split(was.strip()), _SENTENCES.split(now.strip())
    return len(old) > 1 and old != new and Counter(old) == Counter(new)
