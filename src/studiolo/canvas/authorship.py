"""Who wrote what: each character's author, how it came to be, and by which way it came to stand where it stands.

Authorship is read from ids. A character's client id belongs to whoever typed it; what came otherwise, by accepting,
moving, pasting, importing, restoring, has a record by its id (`origins`), written once, when it comes. So it survives
everything that text survives, and typing pays nothing for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studiolo.canvas.canvas import Canvas
from studiolo.canvas.errors import Invalid
from studiolo.canvas.identity.decode import Range
from studiolo.canvas.identity.units import points_before, utf16_length
from studiolo.canvas.origins import Origin, Record, Via, joined

FOREIGN = "imported:"  # before the name of an author whom a file names: nobody here has vouched for it


@dataclass(frozen=True, slots=True)
class Authored:
    """A run of a page's text in code points, and where it came from (whose `units` say how long it is for Yjs)."""

    start: int
    length: int
    origin: Origin


def origin_of(canvas: Canvas, range: Range) -> list[Origin]:
    """What the text of these ids is, in order, whether it still stands or was deleted long ago."""
    return canvas.origins.of(range, canvas.owner_of(range[0]) or "")


def keep_origin(
    canvas: Canvas,
    range: Range,
    how: Via,
    by: str,
    runs: Iterable[Sequence[Any]],
    of: Sequence[Range] = (),
    at: float | None = None,
) -> None:
    """Inside `change()`: record what the text of these ids, which has just come, really is.

    `how` says by which way it came and `by` who brought it; `runs`, which add up to the range, what it is: what
    `origin_of` said of the old ids, or (units, participant, suggestion, how, name, more) with "typed" for plain
    typing. `of` are the ids of which a restored text is the return; `at` is when it came, else now.
    """
    client, clock, units = range
    kept = joined(_settled(Origin(*run)) for run in runs)
    if sum(run.units for run in kept) != units:
        raise ValueError(f"the runs are about {sum(run.units for run in kept)} units, the range is of {units}")
    key = f"{client}:{clock}"
    written = Record(how, by, canvas.clock() if at is None else at, kept, list(of)).written(units)
    canvas.document.origins[key] = written
    canvas.origins.note(key, written)


def authorship(canvas: Canvas, page: str) -> list[Authored]:
    """The runs of a page's text in order, without a hole. Raises `NotFound` for no page."""
    text = canvas.page_text(page)
    runs: list[Authored] = []
    for run in canvas.document.identity.runs(page):
        if canvas.origins.plain(run.client):
            _add(runs, run.start, run.length, Origin(run.length, canvas.owner_of(run.client) or ""))
            continue
        words = text[run.start : run.start + run.length]
        at = run.start
        for origin in origin_of(canvas, (run.client, run.clock, utf16_length(words))):
            length = points_before(words, origin.units)
            words = words[length:]
            _add(runs, at, length, origin)
            at += length
    return runs


def shares(runs: Iterable[Authored]) -> list[dict[str, Any]]:
    """How much of the text is whose and how it came to be, the most first: characters and percent."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for run in runs:
        counted[run.origin.participant, run.origin.name, run.origin.how] += run.length
    total = sum(counted.values())
    return [
        {
            "participant": participant,
            **({"name": name} if name else {}),
            "how": how,
            "characters": characters,
            "percent": round(100 * characters / total, 1),
        }
        for (participant, name, how), characters in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    ]


def restore_authors(canvas: Canvas, page: str, runs: Iterable[Mapping[str, Any]], by: str) -> bytes:
    """Say who wrote the text of a page that has just been imported, as its file tells: the update to store.

    Each run has its `length` in code points and the `name` of its author, and may have `kind` ("person" or "agent"),
    `how` and `suggestion` (what is known of it, as plain data). Whoever they name is nobody here: a file may say
    anything. Runs that do not reach the end leave the rest imported by `by`. Raises `Invalid` for runs that are longer
    than the text.
    """
    text = canvas.page_text(page)
    told: list[Origin] = []
    at = 0
    for run in runs:
        length = int(run["length"])
        if length < 0 or at + length > len(text):
            raise Invalid("The authors told are of more text than there is.", "Import the page without its authors.")
        units = utf16_length(text[at : at + length])
        at += length
        name = str(run.get("name") or "")
        more = {field: run[field] for field in ("kind", "suggestion") if run.get(field)}
        how = run.get("how") if run.get("how") in ("typed", "accepted", "pasted", "imported") else "typed"
        told.append(Origin(units, FOREIGN + name, "", str(how), name, more) if name else _imported(units, by))
    told.append(_imported(utf16_length(text[at:]), by))
    with canvas.document.change() as written:
        keep_origin(canvas, _whole(canvas, page), "imported", by, told)
    return written()


def arrived(canvas: Canvas, page: str, by: str, how: Literal["written", "pasted", "imported"]) -> bytes:
    """Say how the text of a page that has just been made came: the update to store, b"" when it was written."""
    if how == "written":
        return b""
    range = _whole(canvas, page)
    with canvas.document.change() as written:
        keep_origin(canvas, range, how, by, [Origin(range[2], by, "", how)])
    return written()


def _whole(canvas: Canvas, page: str) -> Range:
    """The ids of a page's text, which one writer has written in one go."""
    runs = canvas.document.identity.runs(page)
    if len(runs) != 1:
        raise ValueError(f"the text of page {page!r} has not just been written: it is of {len(runs)} runs")
    return runs[0].client, runs[0].clock, utf16_length(canvas.page_text(page))


def _imported(units: int, by: str) -> Origin:
    return Origin(units, by, "", "imported")


def _settled(origin: Origin) -> Origin:
    """An origin as a new record keeps it: the way by which the text came before is forgotten, but not when it first
    came here."""
    if origin.how in ("pasted", "imported") and origin.at and "at" not in origin.more:
        return Origin(*origin[:5], {**origin.more, "at": origin.at})
    return Origin(*origin[:6])


def _add(runs: list[Authored], start: int, length: int, origin: Origin) -> None:
    if runs and runs[-1].origin.same(origin):
        last = runs.pop()
        runs.append(Authored(last.start, last.length + length, last.origin))
    elif length:
        runs.append(Authored(start, length, origin))
