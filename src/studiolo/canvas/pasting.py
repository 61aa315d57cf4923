"""Text that did not come key by key: pasted, dropped, moved, or brought back by an editor's undo.

The editor says that it happened; what the text is, is found out here. Nobody can claim another's words: text counts
as theirs only where the same words of theirs were just removed from this canvas, or stand in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from studiolo.canvas import actions, anchors
from studiolo.canvas.authorship import keep_origin, origin_of
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.errors import Forbidden, Invalid
from studiolo.canvas.identity import Piece
from studiolo.canvas.identity.decode import Range
from studiolo.canvas.origins import Origin, Via, cut, joined
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.removed import LONG_ENOUGH

DEEPEST = 8  # halvings of one paste at passages that are known in it


@dataclass(frozen=True, slots=True)
class _Found:
    """What some pieces of the page turned out to be."""

    pieces: list[Piece]
    via: Via
    runs: list[Origin]
    of: Sequence[Range] = ()


def pasted(canvas: Canvas, action: actions.Pasted, by: Participant) -> Outcome:
    """Note where text came from that the caller has just put into a page."""
    canvas.live_page(action.page)
    identity = canvas.document.identity
    start, end = action.start.model_dump(exclude_none=True), action.end.model_dump(exclude_none=True)
    span = anchors.between(identity, action.page, start, end)
    if span is None:
        raise Invalid("The positions are not in this page.", "Send `start` and `end` made from this page's text.")
    own = [piece for piece in identity.pieces(action.page, *span) if canvas.owner_of(piece.client) == by.id]
    if not own:
        raise Forbidden("None of that text is yours.", "Say it of what you have just put into the page yourself.")
    new = [
        piece.cut(clock, units)
        for piece in own
        for _, clock, units in canvas.origins.fresh((piece.client, piece.clock, piece.units))
    ]
    found = _once(_sorted_out(canvas, action.page, span, new, by.id))
    now = canvas.clock()
    with canvas.document.change() as written:
        for one in found:
            into = 0
            for piece in _joined(one.pieces):
                range = (piece.client, piece.clock, piece.units)
                keep_origin(
                    canvas,
                    range,
                    one.via,
                    by.id,
                    cut(one.runs, into, piece.units),
                    _part(one.of, into, piece.units),
                    now,
                )
                into += piece.units
    if any(one.of for one in found):
        _look_again(canvas, action.page)
    characters: Counter[str] = Counter()
    for one in found:
        characters[one.via] += sum(len(piece.text) for piece in one.pieces)
    return Outcome("pasted", action.page, dict(characters), written())


def _once(found: list[_Found]) -> list[_Found]:
    """The same, where of what has come several times at once only the first is the text that was removed."""
    back: set[Range] = set()
    for at, one in enumerate(found):
        if not back.isdisjoint(one.of):
            found[at] = replace(one, via="copied", of=())
        back.update(one.of)
    return found


def _look_again(canvas: Canvas, page: str) -> None:
    """What hung on words that are known again can be found again, though the text has not changed by it."""
    canvas.moved(page)
    for record in canvas.register.waiting(page):
        for index, hunk in enumerate(record.hunks):
            if hunk.status == "stale":
                canvas.settling.look_again(record, index)


def _sorted_out(canvas: Canvas, page: str, span: Span, new: list[Piece], by: str) -> list[_Found]:
    """What the pieces are. Those of which nothing is to be noted, for they are plainly `by`'s own, are left out."""
    found: list[_Found] = []
    rest: list[Piece] = []

    def match() -> None:
        if rest:
            found.extend(_recognised(canvas, page, span, list(rest), by))
            rest.clear()

    for group in _returned(new):
        back = _restored(canvas, group, by)
        if back is None:
            rest.extend(group)
        else:
            match()
            found.append(back)
    match()
    return [one for one in found if one.via == "pasted" or not _plain(one, by)]


def _returned(new: list[Piece]) -> list[list[Piece]]:
    """The pieces in groups: those with ids in a row that were put before one and the same character are one."""
    groups: list[list[Piece]] = []
    for piece in new:
        last = groups[-1][-1] if groups else None
        goes_on = last is not None and (piece.client, piece.clock) == (last.client, last.clock + last.units)
        if last is not None and goes_on and last.before == piece.before:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _restored(canvas: Canvas, group: list[Piece], by: str) -> _Found | None:
    """What undo in an editor has brought back: it puts the same words right before those that were deleted."""
    before = group[0].before
    if before is None:
        return None
    words = "".join(piece.text for piece in group)
    range = (*before, sum(piece.units for piece in group))
    known = canvas.removed.text_of(*range)
    back = _Found(group, "restored", origin_of(canvas, range), [range])
    if not known and canvas.document.identity.gone(range) and _plain(back, by):
        return back  # it is forgotten what stood there, but it was the caller's own
    return back if known == words else None


def _recognised(
    canvas: Canvas, page: str, span: Span, pieces: list[Piece], by: str, deep: int = DEEPEST
) -> list[_Found]:
    """What text that was put in is, in parts: removed here lately, standing here, or from elsewhere.

    Around a passage that is known it looks for others, `deep` times at most.
    """
    words = "".join(piece.text for piece in pieces)
    if len(words) < LONG_ENOUGH:
        for scrap in canvas.removed.scraps():
            if len(words) > 1 and _words(scrap) == words:
                return [_moved(canvas, pieces, scrap)]
        return []
    for passage in canvas.removed.passages() if deep else ():
        removed = _words(passage)
        if (at := removed.find(words)) >= 0:
            return [_moved(canvas, pieces, _within(passage, at, at + len(words)))]
        if (at := words.find(removed)) >= 0:
            end = at + len(removed)
            return [
                *_around(canvas, page, span, _within(pieces, 0, at), by, deep - 1),
                _moved(canvas, _within(pieces, at, end), passage),
                *_around(canvas, page, span, _within(pieces, end, len(words)), by, deep - 1),
            ]
    if (there := _standing(canvas, page, span, words)) is not None:
        return [_Found(pieces, "copied", _origins(canvas, there))]
    return [_Found(pieces, "pasted", [Origin(sum(piece.units for piece in pieces), by, "", "pasted")])]


def _moved(canvas: Canvas, pieces: list[Piece], passage: list[Piece]) -> _Found:
    """What was removed and stands here now, which is that text from now on; unless it has come back elsewhere."""
    of = [(piece.client, piece.clock, piece.units) for piece in passage]
    gone = any(canvas.origins.returns.missing(canvas.document.identity, range) for range in of)
    return _Found(pieces, "moved" if gone else "copied", _origins(canvas, passage), of if gone else ())


def _around(canvas: Canvas, page: str, span: Span, pieces: list[Piece], by: str, deep: int) -> list[_Found]:
    """What stands around a passage that was recognised: white space between is nobody's."""
    words = _words(pieces)
    return _recognised(canvas, page, span, pieces, by, deep) if words.strip() else []


def _standing(canvas: Canvas, page: str, span: Span, words: str) -> list[Piece] | None:
    """The same words where they stand in a page now, this one first, outside of what was just put in."""
    identity = canvas.document.identity
    for other in sorted(identity.pages(), key=lambda id: id != page):
        text = identity.text(other)
        at = text.find(words)
        if other == page and at >= 0 and at < span.end and at + len(words) > span.start:
            at = text.find(words, span.end)
        if at >= 0:
            return identity.pieces(other, at, at + len(words))
    return None


def _origins(canvas: Canvas, pieces: list[Piece]) -> list[Origin]:
    return joined(origin for piece in pieces for origin in origin_of(canvas, (piece.client, piece.clock, piece.units)))


def _within(pieces: list[Piece], start: int, end: int) -> list[Piece]:
    """The code points from `start` to `end` of the pieces together."""
    found: list[Piece] = []
    for piece in pieces:
        length = len(piece.text)
        if start < length and end > 0:
            found.append(piece.part(max(0, start), min(length, end)))
        start -= length
        end -= length
    return found


def _part(of: Sequence[Range], start: int, units: int) -> list[Range]:
    """Those of the ids that `units` code units are about, behind the first `start` ones."""
    found: list[Range] = []
    for client, clock, length in of:
        taken = min(length - max(0, start), units)
        if taken > 0:
            found.append((client, clock + max(0, start), taken))
            units -= taken
        start -= length
    return found


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The same text in one piece for each stretch of ids in a row."""
    stretches: list[list[Piece]] = []
    end = (-1, -1)
    for piece in pieces:
        if (piece.client, piece.clock) == end:
            stretches[-1].append(piece)
        else:
            stretches.append([piece])
        end = (piece.client, piece.clock + piece.units)
    return [Piece(one[0].client, one[0].clock, _words(one)) for one in stretches]


def _words(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _plain(found: _Found, by: str) -> bool:
    """Whether it is plainly `by`'s own typing, which needs no record."""
    return all(run.participant == by and run.how == "typed" for run in found.runs)
