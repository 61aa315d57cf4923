"""Turning text back: what came goes, and what went comes back where it stood, in the name of whoever wrote it.

Nothing in a Yjs document comes to life again: text that returns has new ids, beside the tombstones of the old ones,
and a record that says what it is and which ids it had. So it comes back once, however often it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from studiolo.canvas.authorship import keep_origin, origin_of
from studiolo.canvas.canvas import Canvas
from studiolo.canvas.document import STUDIO
from studiolo.canvas.identity import Range, Return
from studiolo.canvas.identity.units import split_units


def turn_back(
    canvas: Canvas,
    page: str,
    delete: Sequence[Range],
    restore: Sequence[tuple[Range, str]],
    by: str = STUDIO,
) -> bytes:
    """Delete the characters of `delete` that still live on the page, and bring those of `restore`, which come with
    their text, back where their tombstones stand. Gives the update, b"" when nothing changed.

    Text that has come back before is known: it is deleted under its new ids, and not brought back twice. `by` is who
    wants it. Raises `NotFound` for an unknown page.
    """
    canvas.page(page)
    identity, returns = canvas.document.identity, canvas.origins.returns
    composer = identity.compose()
    wanted = [part.range for range, _ in restore for part in returns.living(identity, range)]
    doomed = [part.range for range in delete for part in returns.living(identity, range) if part.page == page]
    for range in without(doomed, wanted):
        composer.delete(page, range)
    returned = composer.bring_back(
        page,
        [
            Return(part, text_of(range, text, part), canvas.writer(canvas.owner_of(range[0]) or STUDIO))
            for range, text in restore
            for part in returns.missing(identity, range)
        ],
    )
    if composer.empty:
        return b""
    with canvas.document.change() as written:
        canvas.document.write(composer)
        for back in returned:
            runs = [origin for range in back.of for origin in origin_of(canvas, range)]
            keep_origin(canvas, back.now, "restored", by, runs, back.of)
    canvas.moved(page)
    return written()


def without(ranges: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """The ids of `ranges` that are not in `others`, each once."""
    edges: list[tuple[int, int, int, int]] = []  # client, clock, which of the two, begins or ends
    for client, clock, units in ranges:
        edges += [(client, clock, 0, 1), (client, clock + units, 0, -1)]
    for client, clock, units in others:
        edges += [(client, clock, 1, 1), (client, clock + units, 1, -1)]
    left: list[Range] = []
    open = [0, 0]
    since = (-1, 0)
    for client, clock, which, step in sorted(edges):
        if open[0] and not open[1] and since[0] == client and since[1] < clock:
            if left and left[-1][0] == client and left[-1][1] + left[-1][2] == since[1]:
                left[-1] = (client, left[-1][1], clock - left[-1][1])
            else:
                left.append((client, since[1], clock - since[1]))
        open[which] += step
        since = (client, clock)
    return left


def text_of(range: Range, text: str, part: Range) -> str:
    """The text of a part of a range."""
    start = part[1] - range[1]
    return split_units(split_units(text, start + part[2])[0], start)[1]
