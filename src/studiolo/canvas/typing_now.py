"""Where somebody is typing at this moment, so that nothing is changed by itself under their hands."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from studiolo.canvas.identity import Identity
from studiolo.canvas.identity.decode import STRING, Id, Update
from studiolo.canvas.quotes import Span

LATELY = 5.0  # seconds after a key that its place counts as typed in
NEAR = 200  # characters around it
KEPT = 1_024  # updates of typing; with more within that time the whole page counts
MOST_PLACES = 20  # in one update; with more the whole page counts


@dataclass(frozen=True, slots=True)
class _Typed:
    at: float
    pages: frozenset[str]
    ids: tuple[Id, ...] | None  # characters that came, or that stand where some went; None: anywhere
    by: str


class TypingNow:
    """Tell it of everything that is typed; it forgets by itself."""

    def __init__(self) -> None:
        self._typed: deque[_Typed] = deque(maxlen=KEPT)

    def note(self, at: float, pages: Collection[str], update: Update, by: str) -> None:
        """A participant typed something at a time, in seconds, on some pages."""
        ids = [(struct.client, struct.clock + struct.length - 1) for struct in update.structs if struct.kind == STRING]
        ids += [(client, clock) for client, clock, _ in update.deletes]
        few = len(ids) <= MOST_PLACES
        self._typed.append(_Typed(at, frozenset(pages), tuple(ids) if few else None, by))

    def near(self, identity: Identity, page: str, span: Span, now: float, besides: str = "") -> bool:
        """Whether somebody, other than `besides`, typed within a span of the page, or close to it, in the last
        seconds."""
        lately = [typed for typed in self._typed if typed.at > now - LATELY and page in typed.pages]
        lately = [typed for typed in lately if not besides or typed.by != besides]
        if len(self._typed) == KEPT and self._typed[0].at > now - LATELY:
            return True
        return any(typed.ids is None or self._close(identity, page, span, typed.ids) for typed in lately)

    @staticmethod
    def _close(identity: Identity, page: str, span: Span, ids: Collection[Id]) -> bool:
        for client, clock in ids:
            found = identity.locate({"item": {"client": client, "clock": clock}, "assoc": 0})
            if found is None or (found[0] == page and span.start - NEAR <= found[1] <= span.end + NEAR):
                return True
        return False
