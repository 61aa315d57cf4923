"""What a model is asked about a change whose risk code cannot tell, before a policy accepts it.

It can only say no: a change that code or the policy does not allow is never asked about. Which model answers, and
when, is for whoever holds the canvas to say; where none does, a person is asked.
"""

from __future__ import annotations

from studiolo.canvas.quotes import Span

Passages = tuple[tuple[str, str], ...]
"""Each passage that a suggestion changes, as it reads and as it would read."""

AROUND = 600  # characters of the same paragraph on either side of a change


class SecondLooks:
    """The questions of one canvas that nobody has answered yet, and what was answered."""

    def __init__(self) -> None:
        self.wanted: dict[str, Passages] = {}
        self._same: dict[str, Passages] = {}

    def says_the_same(self, suggestion: str, passages: Passages) -> bool:
        """Whether it was found that a suggestion changes nothing of what is said. Otherwise that is asked now."""
        if self._same.pop(suggestion, None) == passages:
            return True
        self.wanted[suggestion] = passages
        return False

    def take(self) -> dict[str, Passages]:
        """The questions, which are asked from now on."""
        wanted, self.wanted = self.wanted, {}
        return wanted

    def found_same(self, suggestion: str, passages: Passages) -> None:
        """Somebody has looked, and both passages say the same."""
        self._same[suggestion] = passages


def passage(text: str, span: Span, now: str) -> tuple[str, str]:
    """A passage of a page before and after a change: its paragraph, as far as it is not too long."""
    left = text[max(0, span.start - AROUND) : span.start].rpartition("\n\n")[2]
    right = text[span.end : span.end + AROUND].partition("\n\n")[0]
    return left + text[span.start : span.end] + right, left + now + right
