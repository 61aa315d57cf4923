"""Turning a model's raw stream into prose that fits where it goes.

Models greet, repeat the end of what they were given, forget the blank between two sentences, run past the length that
was asked for and leave their chat markers behind. All of that is taken out while the text streams, so that what people
watch growing on the page is only ever the text itself.
"""

from __future__ import annotations

import re

from studiolo.agents.checks import MARKERS, not_repeating
from studiolo.agents.prose import sentence_ends, words

_PREAMBLE = re.compile(
    r"^\s*(?:(?:sure|certainly|of course|absolutely|okay|ok|great)[,!.]?\s*)?"
    r"(?:(?:here(?:'s|’s| is| are)|this is|below is|the following is)\b[^\n:]{0,100}:\s*"
    r"|(?:continuation|continued|continued text|story|text|answer)\s*:\s*)",
    re.IGNORECASE,
)
_GREETING = re.compile(r"^\s*(?:sure|certainly|of course|absolutely)[^\n]{0,100}\n+", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```\w*\n")
_SUSPECT = re.compile(
    r"\s*(sure|certainly|of course|absolutely|okay|ok|great|here|this is|below|the following|continuation|continued"
    r"|story|text|answer|`)",
    re.IGNORECASE,
)
HEAD = 110  # characters held back of something that begins like a greeting
ECHO = 16  # so many equal characters are no coincidence
LOOK = 8  # words after which it is looked whether the text goes in circles
_OPENING = "([{“‘«—–-/"


def joint(before: str, text: str, exact: bool, paragraph: bool = False) -> str:
    """The beginning of a continuation, with the blank or line break that its place needs.

    `exact`: the model wrote directly on from `before`, so that its own first blank, or the lack of one in the middle
    of a word, is meant. With `paragraph` no new one is begun, except below a heading.
    """
    body = text.lstrip()
    if not body or not before or before[-1].isspace():
        return body
    last_line = before.rsplit("\n", 1)[-1]
    if re.match(r"\s*#{1,6}\s", last_line):
        return "\n\n" + body
    blank = text[: len(text) - len(body)]
    ended = bool(sentence_ends(before[-200:])) and sentence_ends(before[-200:])[-1] == len(before[-200:])
    if "\n" in blank:
        return ("\n\n" if ended and not paragraph else " ") + body
    if before[-1] in _OPENING or body[0] in ",.;:!?…)]}”’":
        return body
    if blank or not exact or ended or not (before[-1].isalnum() and body[0].isalnum()):
        return " " + body
    return body


class Continuation:
    """Feeds on a model's chunks and gives out what may be written.

    `goal` is the number of words after which the next end of a sentence is the end. With `paragraph`, the text ends
    with its first paragraph.
    """

    def __init__(self, before: str, goal: int, *, exact: bool, paragraph: bool = False) -> None:
        self._before = before[-4_000:]
        self._goal = goal
        self._exact = exact
        self._paragraph = paragraph
        self._head: str | None = ""
        self._held = ""
        self.written = ""
        self.done = False
        self._counted = 0  # words of `written` up to its last blank; those behind it may still grow
        self._growing = ""
        self._looked = 0

    def feed(self, chunk: str) -> str:
        """What can be written now that `chunk` has arrived; "" while it is not yet clear."""
        if self.done:
            return ""
        if self._head is not None:
            self._head += chunk
            start = self._begin(self._head)
            if start is None:
                return ""
            self._head = None
            chunk = joint(self._before, start, self._exact, self._paragraph)
        self._held += chunk
        return self._release(final=False)

    def end(self) -> str:
        """What is left to write when the model has ended by itself."""
        if self.done:
            return ""
        if self._head is not None:
            start = self._begin(self._head, final=True) or ""
            self._head = None
            self._held = joint(self._before, start, self._exact, self._paragraph)
        rest = self._release(final=True)
        self.done = True
        return rest

    def _begin(self, raw: str, final: bool = False) -> str | None:
        """The stream's beginning without greeting and echo; None while that cannot be told yet."""
        size = len(raw.strip())
        if not final and (size < ECHO or (size < HEAD and _SUSPECT.match(raw))):
            return None
        text = raw
        for junk in (_PREAMBLE, _GREETING, _FENCE):
            found = junk.match(text)
            if found and not self._before.rstrip().endswith(found.group().strip()):
                text = text[found.end() :]
        body = text.lstrip()
        at = self._before.rfind(body[:ECHO]) if len(body) >= ECHO else -1
        if at < 0:
            return text
        rest = self._before[at:].rstrip()
        if body.startswith(rest):
            return self._begin(body[len(rest) :], final)
        if rest.startswith(body.rstrip()):
            return "" if final else None
        return text

    def _release(self, final: bool) -> str:
        text = self._held
        cut = len(text)
        for marker in MARKERS:
            at = text.find(marker)
            if 0 <= at < cut:
                cut, self.done = at, True
        if self._paragraph:
            # What stands before a new page's first word, below a heading, is not the end of its first paragraph.
            at = text.find("\n", 0 if self.written else len(text) - len(text.lstrip()))
            if 0 <= at < cut:
                cut, self.done = at, True
        text = text[:cut]
        ready = len(text)
        if not self.done and not final:
            ready = min([ready, *(len(text) - size for size in [_partial(text)] if size)])
        ready = len(text[:ready].rstrip()) if not final or self.done else len(text.rstrip())
        ready = self._until_goal(text, ready, final)
        out, self._held = text[:ready], text[ready:]
        self.written += out
        self._count(out)
        if not self.done and self._counted >= self._looked + LOOK:
            self._looked = self._counted
            self.done = bool(not_repeating(self.written[-1_500:]))
        return out

    def _count(self, out: str) -> None:
        """Keep count of the words: a long text is not counted anew for every piece of it."""
        self._growing += out
        whole = len(self._growing)
        while whole and not self._growing[whole - 1].isspace():
            whole -= 1
        self._counted += len(words(self._growing[:whole]))
        self._growing = self._growing[whole:]

    def _until_goal(self, text: str, ready: int, final: bool) -> int:
        """How much of `text` may go out, given the length that was asked for."""
        before = self._counted + len(words(self._growing))
        if before + len(words(text[:ready])) < self._goal:
            return ready
        # Past the goal, nothing goes out until the sentence is complete: it must not break off in the middle.
        whole = self.written + text
        for end in sentence_ends(whole):
            at = end - len(self.written)
            if at < 0 or (not final and not self.done and end == len(whole)):
                continue
            if len(words(whole[:end])) >= self._goal:
                self.done = True
                return at
        over = len(words(whole)) - self._goal
        if over > 30 + self._goal // 2:
            self.done = True
        if final or self.done:
            ends = [end - len(self.written) for end in sentence_ends(whole) if end > len(self.written)]
            return ends[-1] if ends else (ready if final else 0)
        kept = 0
        for match in re.finditer(r"\S+\s*", text[:ready]):
            if before + len(words(text[: match.end()])) > self._goal:
                break
            kept = match.end()
        return len(text[:kept].rstrip())


_BEGUN = frozenset(marker[:size] for marker in MARKERS for size in range(1, len(marker) + 1))


def _partial(text: str) -> int:
    """How many characters at the end of `text` could be the beginning of a marker."""
    for size in range(min(len(text), max(map(len, MARKERS)) - 1), 0, -1):
        if text[-size:] in _BEGUN:
            return size
    return 0


def unwrapped(text: str, source: str) -> str:
    """A whole answer without greeting, label, quotes around it, or fences, unless the source has them itself."""
    text = text.strip()
    for junk in (_GREETING, _PREAMBLE):
        found = junk.match(text)
        if found and not junk.match(source) and text[found.end() :].strip():
            text = text[found.end() :].strip()
    fenced = re.fullmatch(r"```\w*\n(.*?)\n?```", text, re.DOTALL)
    if fenced and not source.lstrip().startswith("```"):
        text = fenced.group(1)
    for opening, closing in (('"', '"'), ("“", "”")):
        inner = text[1:-1]
        wrapped = text.startswith(opening) and text.endswith(closing) and opening not in inner and closing not in inner
        if wrapped and len(text) > 2 and not source.strip().startswith(opening):
            text = inner
    return text.strip()
