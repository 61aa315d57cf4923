"""CriticMarkup: what is open, written into the Markdown itself.

`{++put in++}`, `{--taken out--}`, `{~~this~>that~~}`, `{==passage==}{>>comment<<}`. Whose each is stands in a comment
behind it, as `{>>@Name (2026-01-31T12:00:00Z): why<<}`; a thread is several such comments. A marker that is really in
the text gets a backslash before it, and so do backslashes that stand before a marker; so any text comes back as it
was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from studiolo.formats.docx_reading import when
from studiolo.formats.docx_writing import iso
from studiolo.formats.drafts import Change, PageDraft, Remark, Said
from studiolo.formats.weaving import Piece, woven

OPENERS = ("{++", "{--", "{~~", "{==", "{>>")
CLOSERS = {"{++": ("++}",), "{--": ("--}",), "{~~": ("~>", "~~}"), "{>>": ("<<}",)}
ANY = re.compile(r"\{(?:\+\+.*?\+\+|--.*?--|~~.*?~~|==.*?==|>>.*?<<)\}", re.DOTALL)
SIGNED = re.compile(r"@([^\n(:]{1,100}?)(?: \(([0-9TZ:.+-]{4,40})?(, agent)?(, settled)?\))?(?:: |:?$|:\n)")


def is_critic(text: str) -> bool:
    """Whether a text holds CriticMarkup, and not only something that looks like its beginning."""
    return ANY.search(text) is not None


# -- out


def with_critic(page: PageDraft) -> str:
    """The page's text with its changes and remarks in it."""
    pieces = woven(page)
    parts: list[str] = []
    kept: list[str] = []
    drawn: list[int] = []
    crossing = _crossing(pieces)

    def flush() -> None:
        """Write the text that stays: whole, for a marker may be made of two pieces of it."""
        if text := "".join(kept):
            parts.append(_escaped(text, (*OPENERS, "==}") if drawn else OPENERS, True))
            kept.clear()

    number = 0
    while number < len(pieces):
        piece = pieces[number]
        number += 1
        if piece.what == "keep":
            kept.append(piece.text)
        elif piece.what == "open":
            if piece.remark not in crossing:
                flush()
                drawn.append(piece.remark)
                parts.append("{==")
        elif piece.what == "close":
            remark = page.remarks[piece.remark]
            flush()
            if piece.remark in drawn:
                drawn.remove(piece.remark)
                parts.append("==}")
            elif parts and parts[-1].endswith("<<}"):
                parts.append("{====}")  # what follows is not about what was commented just before
            parts += [_comment(said, remark.resolved and place == 0) for place, said in enumerate(remark.said)]
        else:
            flush()
            change = piece.change
            assert change is not None
            put = ""
            if piece.what == "delete" and number < len(pieces):
                after = pieces[number]
                if after.what == "insert" and after.change is change:
                    put = after.text
                    number += 1
            if piece.what == "insert":
                parts.append("{++" + _escaped(piece.text, ("++}",), True) + "++}")
            elif put:
                was, comes = (_escaped(text, ("~>", "~~}"), True) for text in (piece.text, put))
                parts.append("{~~" + was + "~>" + comes + "~~}")
            else:
                parts.append("{--" + _escaped(piece.text, ("--}",), True) + "--}")
            parts.append(_comment(Said(change.author, change.reason, change.at, change.kind)))
    if text := "".join(kept):
        parts.append(_escaped(text, OPENERS, False))
    return "".join(parts)


def _crossing(pieces: list[Piece]) -> set[int]:
    """Remarks that cannot be drawn around their passage: it is empty, or begins in another's and ends behind it, or the
    marker at its end would be another one with the text before it."""
    crossing: set[int] = set()
    stack: list[int] = []
    for place, piece in enumerate(pieces):
        if piece.what == "open":
            stack.append(piece.remark)
            if pieces[place + 1].what == "close" and pieces[place + 1].remark == piece.remark:
                crossing.add(piece.remark)
        elif piece.what == "close" and piece.remark in stack:
            while stack[-1] != piece.remark:
                crossing.add(stack.pop())
            stack.pop()
    while (more := _running_together(pieces, crossing)) is not None:
        crossing.add(more)
    return crossing


def _running_together(pieces: list[Piece], crossing: set[int]) -> int | None:
    """A remark whose closing marker would run together with the text that then stands before it."""
    text = ""
    for piece in pieces:
        if piece.what == "keep":
            text += piece.text
        elif piece.what == "close":
            if piece.remark not in crossing and text.endswith(("{", "{=")):
                return piece.remark
            text = ""  # its comment follows
        elif piece.what != "open" or piece.remark not in crossing:
            text = ""
    return None


def _comment(said: Said, settled: bool = False) -> str:
    author = re.sub(r"[\n(:]+", " ", said.author).strip() or "Somebody"
    more = (", agent" if said.kind == "agent" else "") + (", settled" if settled else "")
    moment = iso(said.at)
    signed = f"@{author}" + (f" ({moment}{more})" if moment or more else "")
    return "{>>" + _escaped(f"{signed}: {said.text}", ("<<}",), True) + "<<}"


def _escaped(text: str, markers: tuple[str, ...], ends_at_marker: bool) -> str:
    """Text in which none of the markers can be taken for one; `ends_at_marker`: a real one comes right behind it."""
    pattern = "|".join(re.escape(marker) for marker in markers)
    text = re.sub(rf"(\\*)({pattern})", lambda found: 2 * found.group(1) + "\\" + found.group(2), text)
    if ends_at_marker:
        slashes = len(text) - len(text.rstrip("\\"))
        text += "\\" * slashes
    return text


# -- in


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0

    def until(self, markers: tuple[str, ...]) -> tuple[str, str]:
        """The text up to the first real one of the markers, and that marker ("" at the end)."""
        parts: list[str] = []
        pattern = re.compile(r"(\\*)(" + "|".join(re.escape(marker) for marker in markers) + ")")
        while found := pattern.search(self.text, self.at):
            slashes = len(found.group(1))
            parts += [self.text[self.at : found.start()], "\\" * (slashes // 2)]
            self.at = found.end()
            if slashes % 2 == 0:
                return "".join(parts), found.group(2)
            parts.append(found.group(2))
        parts.append(self.text[self.at :])
        self.at = len(self.text)
        return "".join(parts), ""


def read_critic(text: str, somebody: str = "Somebody") -> PageDraft:
    """The page that a text with CriticMarkup means: its text with nothing taken, and what is open in it. What is not
    signed is by `somebody`. A marker that nothing closes is text."""
    reader = _Reader(text)
    parts: list[str] = []
    length = 0
    changes: list[Change] = []
    remarks: list[Remark] = []
    opened: list[int] = []
    last: Change | Remark | None = None  # what a comment right behind would be about

    def put(more: str) -> None:
        nonlocal length
        parts.append(more)
        length += len(more)

    while True:
        markers = (*OPENERS, "==}") if opened else OPENERS
        kept, marker = reader.until(markers)
        if kept:
            last = None
            put(kept)
        if not marker:
            break
        start = reader.at
        if marker == "{==":
            opened.append(length)
            last = None
        elif marker == "==}":
            passage = opened.pop()
            last = Remark(passage, length, ())
        elif marker == "{>>":
            said, closer = reader.until(("<<}",))
            if not closer:
                reader.at = start
                put(marker)
                continue
            last = _said(said, somebody, last, changes, remarks, length)
        else:
            change = _change(reader, marker, length, somebody)
            if change is None:
                reader.at = start
                put(marker)
                continue
            was, new = change
            last = Change(length, length + len(was), new, somebody)
            put(was)
            changes.append(last)
    base = "".join(parts)
    for place in reversed(opened):  # nothing closed it, so it was text
        base = base[:place] + "{==" + base[place:]
        changes = [_pushed(change, place) for change in changes]
        remarks = [
            replace(one, start=one.start + 3 * (one.start >= place), end=one.end + 3 * (one.end >= place))
            for one in remarks
        ]
    return PageDraft("", base, "prose", tuple(changes), tuple(remark for remark in remarks if remark.said))


def _pushed(change: Change, place: int) -> Change:
    by = 3 * (change.start >= place)
    return replace(change, start=change.start + by, end=change.end + by)


def _change(reader: _Reader, marker: str, at: int, somebody: str) -> tuple[str, str] | None:
    if marker != "{~~":
        text, closer = reader.until(CLOSERS[marker])
        if not closer:
            return None
        return ("", text) if marker == "{++" else (text, "")
    was, arrow = reader.until(("~>", "~~}"))
    if arrow != "~>":
        return None
    new, closer = reader.until(("~>", "~~}"))
    while closer == "~>":  # only the first arrow parts the two
        more, closer = reader.until(("~>", "~~}"))
        new += "~>" + more
    return (was, new) if closer else None


def _said(
    text: str, somebody: str, last: Change | Remark | None, changes: list[Change], remarks: list[Remark], at: int
) -> Change | Remark:
    """A comment: the signature and reason of the change before it, or one of a thread."""
    signed = SIGNED.match(text)
    author, moment, settled = somebody, None, False
    kind = "person"
    if signed:
        author, moment = signed.group(1).strip() or somebody, when(signed.group(2))
        kind = "agent" if signed.group(3) else "person"
        settled = bool(signed.group(4))
        text = text[signed.end() :]
    if isinstance(last, Change) and changes and changes[-1] is last and not last.reason and last.at is None:
        changes[-1] = replace(last, author=author, at=moment, kind=kind, reason=text, group=f"{author}\0{len(changes)}")
        return replace(changes[-1])  # another comment behind it begins a thread
    said = Said(author, text, moment, kind)
    if isinstance(last, Remark):
        if remarks and remarks[-1] is last:
            remarks[-1] = replace(last, said=(*last.said, said))
        else:
            remarks.append(replace(last, said=(said,), resolved=settled))
        return remarks[-1]
    place = (last.start, last.end) if isinstance(last, Change) else (at, at)
    remarks.append(Remark(*place, (said,), settled))
    return remarks[-1]
