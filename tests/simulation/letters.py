"""The letters that there are: each is another one, so a text tells what became of each of them."""

from __future__ import annotations

from collections.abc import Callable


class Failure(AssertionError):
    """Something that must hold does not. `kind` stays the same while a plan is made shorter."""

    def __init__(self, kind: str, details: str) -> None:
        super().__init__(f"{kind}: {details}")
        self.kind = kind


def check(holds: object, kind: str, details: Callable[[], str] | str = "") -> None:
    if not holds:
        raise Failure(kind, details() if callable(details) else details)


class Letters:
    """The letters that there are, and what has become of them."""

    def __init__(self) -> None:
        self._next = 0
        self.sure: set[str] = set()
        """Must be in the text, unless doomed."""
        self.doomed: set[str] = set()
        """Somebody took them out, and this has reached or will reach the studio."""
        self.perhaps: set[str] = set()
        """Nobody could know whether they came to be, or were taken out: whoever did it was cut off."""
        self.never: set[str] = set()
        """Must not be in any text: their author may not write, or they were found missing when that was allowed."""
        self.loose: set[str] = set()
        """Letters that were taken out and put in again by several at once; only their number is looked at."""
        self.twice: set[str] = set()
        """Letters that somebody cut and pasted: two who do it at once have them twice."""
        self.by_hand: set[str] = set()
        """Letters that somebody took out at the keyboard."""
        self.reborn: set[str] = set()
        """Letters that have come back under other ids: whoever has not heard of it takes out the old ones."""
        self.renewed: set[str] = set()
        """Letters that a change took out and put in again at once, in whosever name."""
        self.by_merging: set[str] = set()
        """Letters that somebody put together by hand from several proposals."""
        self.whose: dict[str, str] = {}
        """Who made each letter, where that is to be looked at."""

    def new(self, count: int, by: str = "") -> str:
        made: list[str] = []
        for _ in range(count):
            n, self._next = self._next, self._next + 1
            # Words of their own: two UTF-16 units and four bytes, or one unit and three bytes.
            made.append(chr(0x20000 + n) if n % 3 or n > 6_000 else chr(0x2190 + n // 3))
        if by:
            self.whose.update(dict.fromkeys(made, by))
        return "".join(made)

    def take_out(self, text: str) -> None:
        """Somebody takes text out at the keyboard."""
        gone = set(self.only(text))
        self.doomed |= gone
        self.by_hand |= gone
        self.loose |= gone & self.reborn

    @staticmethod
    def is_letter(character: str) -> bool:
        return 0x2190 <= ord(character) < 0x2190 + 2_001 or 0x20000 <= ord(character) < 0x30000

    def only(self, text: str) -> str:
        return "".join(filter(self.is_letter, text))
