"""Turning text back: what came goes, and what went comes back where it stood, in the name of whoever wrote it.

Nothing in a Yjs document comes to life again: text that returns has new ids, beside the tombstones of the old ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from studiolo.canvas.canvas import Canvas
from studiolo.canvas.document import STUDIO
from studiolo.canvas.identity import Range, Return


def turn_back(canvas: Canvas, page: str, delete: Sequence[Range], restore: Sequence[tuple[Range, str]]) -> bytes:
    """Delete the characters of `delete` that still live on the page, and bring those of `restore`, which come with
    their text, back where their tombstones stand. Gives the update, b"" when nothing changed.

    Raises `NotFound` for an unknown page.
    """
    canvas.page(page)
    composer = canvas.document.identity.compose()
    for range in delete:
        composer.delete(page, range)
    composer.bring_back(
        page,
        [Return(range, text, canvas.writer(canvas.owner_of(range[0]) or STUDIO)) for range, text in restore],
    )
    if composer.empty:
        return b""
    with canvas.document.change() as written:
        canvas.document.write(composer)
    canvas.moved(page)
    return written()
